"""The layouts of the authors' archives: one table with the path of every file, regular or not.

Paths are relative to the feature root, `data/<dataset>/[high-quality/]structured-symlinks`. They have no ending,
because files end in `.pkl` or `.pickle`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from teachtext.errors import InputError

ROOTS = ("high-quality/structured-symlinks", "structured-symlinks")
PICKLE_ENDINGS = (".pickle", ".pkl")

# D of every expert in the authors' code
EXPERT_DIMS = {
    "imagenet.resnext101_32x48d.0": 2048,
    "imagenet.senet154.0": 2048,
    "scene.densenet161.0": 2208,
    "r2p1d.r2p1d-ig65m.0": 512,
    "r2p1d.r2p1d-ig65m-kinetics.0": 512,
    "i3d.i3d.0": 1024,
    "face": 512,
    "audio": 128,
    "speech": 300,
    "ocr": 300,
    "trn.moments-trn.0": 1792,
    "moments_2d.resnet50.0": 2048,
    "moments_3d.moments-resnet3d50.0": 2048,
    "s3dg.s3dg.0": 1024,
    "s3dg.s3dg.1": 512,
    "antoine-rgb": 2048,
    "antoine-audio": 128,
    "antoine-face": 128,
    "flow": 1024,
}
# experts with a row for every moment; all other experts have one row a video
SEQUENCES = frozenset({"audio", "speech", "ocr", "antoine-audio"})
_FIXED = tuple(name for name in EXPERT_DIMS if re.match(r"(imagenet|scene|r2p1d|i3d)\.", name))

TEXT_DIMS = {"w2v": 300, "openai": 768, "gpt2-xl": 1600, "gpt2-xl-finetune": 1600}
TEXTS = "aggregated_text_feats"
MASKS = "denoising_masks"
TEACHERS = "teachers"

# aggregated_imagenet_25fps_256px_stride1_offset0/senet154-avg: any rate, size, stride and offset
_VISUAL = re.compile(
    r"aggregated_(?P<type>\w+?)_\d+fps_\d+px_stride\d+(_offset\d+)?(_inner_stride\d+)?(_num_segments\d+)?"
    r"/(?P<model>[^/]+?)-(?P<pooled>avg|max|ent|std)(?P<logits>-logits)?"
)
# families of splits by the suffix of their lists
_FAMILIES = {"": "main", "full": "main", "jsfusion": "1k-a", "miech": "1k-b"}
_PART = re.compile(r"[-_.](train|test|val(?:[-_]?[12])?)$")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of the archive of one dataset.

    Attributes:
        folders: spellings of the dataset's folder below `data/`.
        experts: by expert, the paths of its file where these follow no pattern.
        optional: likewise, for experts that only some models use.
        captions: paths of the raw captions.
        fused: whether all captions of a video are one query.
        families: families of splits (see `split_families`).
        masks: names of the denoising masks.
        mapping: name of a file that maps the video ids of some text features to the ids of the dataset.
        chosen: name of a file with the number of the query caption of each video.
        dims: D of experts for which it differs from `EXPERT_DIMS`.
        published: titles of the published archives by SHA-1.
    """

    folders: tuple[str, ...]
    experts: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    captions: tuple[str, ...] = ("raw-captions",)
    fused: bool = False
    families: tuple[str, ...] = ("main",)
    masks: tuple[str, ...] = ()
    mapping: str | None = None
    chosen: str | None = None
    dims: Mapping[str, int] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)

    @property
    def expected_experts(self) -> list[str]:
        """Ids of the experts that an archive of this dataset should hold."""
        return sorted({*_FIXED, *self.experts})

    def dim_of(self, expert: str) -> int | None:
        """Return the expected D of an expert; None if it is unknown."""
        return self.dims.get(expert, EXPERT_DIMS.get(expert))


LAYOUTS: dict[str, Layout] = {
    "MSRVTT": Layout(
        folders=("MSRVTT", "MSR-VTT"),
        experts={
            "audio": ("aggregated_audio_feats/Audio_MSRVTT_new",),
            "speech": ("aggregated_speech/speech-w2v",),
            "ocr": ("aggregated_ocr_feats/ocr-raw",),
            "face": ("aggregated_face_feats/facefeats-avg",),
        },
        optional={
            "antoine-rgb": ("antoine/resnet_features",),
            "antoine-audio": ("antoine/audio_features",),
            "antoine-face": ("antoine/facefeats-clone",),
            "flow": ("antoine/flow_features",),
        },
        families=("main", "1k-a", "1k-b"),
        masks=("denoise-less100", "denoise-less80"),
        chosen="jsfusion_val_caption_idx",
        published={
            "734650c3b98509996da75cdedc12101836624917": "high-quality MSRVTT",
            "311529eeb17527a728a1b930f64415dc15a11298": "high-quality MSRVTT (second version)",
            "9018a9bf215e174c982b997fd4ee140eb0865040": "MSRVTT, features v2",
        },
    ),
    "MSVD": Layout(
        folders=("MSVD",),
        experts={
            "ocr": ("aggregated_ocr_feats/ocr-w2v",),
            "face": ("aggregated_face_feats/face-avg",),
        },
        masks=("denoise-less100",),
        mapping="dict_youtube_mapping",
        published={
            "c8eba8c5291dd6bb501757ed0cc327cd22217965": "high-quality MSVD",
            "999ef6e34c9d9ffe15363ade90400741bae5cb34": "MSVD, features v2",
        },
    ),
    "DiDeMo": Layout(
        folders=("DiDeMo",),
        experts={
            "audio": ("aggregated_audio_feats/vggish-audio-raw",),
            "speech": ("aggregated_speech_feats/stt_w2v",),
            "ocr": ("aggregated_ocr_feats/ocr-feats",),
            "face": ("aggregated_facefeats_25fps_256px_stride1/face-avg",),
        },
        fused=True,
        published={
            "8e128309f12cf3260fe538f82578b5ad91a46bd0": "high-quality DiDeMo",
            "19dfa1272e5db57191446a0c4fca59d298cb8663": "DiDeMo, features v2",
        },
    ),
    "LSMDC": Layout(
        folders=("LSMDC",),
        experts={
            "audio": ("aggregated_audio/vggish-raw", "aggregated_audio_feats/vggish-audio-raw"),
            "speech": (
                "aggregated_speech/speech-w2v",
                "aggregated_speech_feats/speech-w2v",
                "aggregated_speech_feats/stt_w2v",
            ),
            "ocr": ("aggregated_ocr_feats/ocr-w2v",),
            "face": ("antoine/face-max-with-blank-val",),
        },
        dims={"face": 128},
        published={"43c9c6090cb34fbbeebebe033e08ae019b11c64f": "LSMDC, features v2"},
    ),
    "activity-net": Layout(
        folders=("activity-net", "ActivityNet"),
        experts={
            "audio": ("aggregated_audio/vggish-audio-raw",),
            "speech": ("aggregated_speech/goog_w2v-speech-raw",),
            "ocr": ("aggregated_ocr_feats/ocr-w2v",),
            "face": ("aggregated_facefeats_25fps_256px_stride1/face-avg",),
        },
        captions=("raw-captions-train-val_1", "raw-captions"),
        fused=True,
        families=("main", "val2"),
        published={
            "2f3c7c2fe86bd6d0c6230464a940c429291a4012": "high-quality ActivityNet",
            "2901046fa6a3d6f6393ee0047818e960fcfabd69": "ActivityNet, features v2",
        },
    ),
}

FileKind = Literal["expert", "text", "captions", "list", "mask", "reduced list", "teacher", "mapping", "chosen"]


@dataclass(frozen=True)
class FileRole:
    """The role of a file in an archive.

    Attributes:
        kind: such as `expert`, `text` or `mask`.
        name: of the expert, text encoder, mask or teacher; of a list, its split.
        rank: of several files with one name, the file of the lowest rank is imported. Text features have parts, and
            all of them are imported.
        part: of text features `train`, `val`, ... or empty; of a list its family, such as `main`.
    """

    kind: FileKind
    name: str
    rank: int = 0
    part: str = ""


def layout_of(dataset: str) -> tuple[str, Layout]:
    """Find the layout of a dataset by name; case and hyphens do not matter.

    Raises:
        InputError: there is no layout for the dataset.
    """
    for name, layout in LAYOUTS.items():
        if is_folder_of(dataset, name):
            return name, layout
    raise InputError(f"there is no published archive of a dataset '{dataset}'", f"use one of {', '.join(LAYOUTS)}")


def role_of(path: str, dataset: str) -> FileRole | None:
    """Return the role of a file of a feature root.

    Args:
        path: relative to the root, with `/`.
        dataset: a name of `LAYOUTS`.

    Returns:
        None for a file that is not in the layout.
    """
    layout = LAYOUTS[dataset]
    if path.endswith(".txt"):
        return _list_role(path.removesuffix(".txt"), dataset)
    ending = next((ending for ending in PICKLE_ENDINGS if path.endswith(ending)), None)
    if ending is None:
        return None
    stem = path.removesuffix(ending)
    folder, _, name = stem.rpartition("/")
    if folder == TEXTS:
        return _text_role(name)
    if folder in (MASKS, TEACHERS):
        return FileRole("mask" if folder == MASKS else "teacher", name)
    if stem in layout.captions:
        return FileRole("captions", "captions", layout.captions.index(stem))
    if stem == layout.mapping:
        return FileRole("mapping", stem)
    if stem == layout.chosen:
        return FileRole("chosen", stem)
    for expert, paths in (*layout.experts.items(), *layout.optional.items()):
        if stem in paths:
            return FileRole("expert", expert, paths.index(stem))
    return _visual_role(stem)


def _visual_role(stem: str) -> FileRole | None:
    match = _VISUAL.fullmatch(stem)
    if match is None:
        return None
    expert = f"{match['type']}.{match['model']}.{1 if match['logits'] else 0}"
    # each statistic over the frames is a separate expert; the models use the mean
    return FileRole("expert", expert if match["pooled"] == "avg" else f"{expert}-{match['pooled']}")


def _text_role(stem: str) -> FileRole:
    match = _PART.search(stem)
    part = match[1] if match else ""
    name = stem.removesuffix(match[0]) if match else stem
    # openai-feats, openai-text, w2v_MSRVTT_openAIGPT, ... are one encoder; openai-gpt is another
    if "openai" in name.lower() and not name.startswith("openai-gpt"):
        name = "openai"
    # one archive has another spelling
    name = "gpt2-xl-finetune" if name == "gpt2-xl-finetuned" else name
    return FileRole("text", name, part=re.sub("[-_]", "", part))


def _list_role(stem: str, dataset: str) -> FileRole | None:
    folder, _, name = stem.rpartition("/")
    if name.startswith("denoise-") and folder in ("", MASKS):
        return FileRole("reduced list", name)
    match = re.fullmatch(r"(train|val|test|val_?[12])_list(?:_(\w[\w.-]*))?", stem)
    if match is None:
        return None
    split, family = match[1].replace("_", ""), _FAMILIES.get((match[2] or "").lower(), match[2])
    if dataset == "activity-net":
        # validation 1 is also the test set; validation 2 holds some of the same videos, with other captions
        split = split if split in ("train", "val2") else "val1"
        family = "val2" if split == "val2" else family
    return FileRole("list", split, 0 if match[1] in ("train", "val1", "val_1", "val2", "val_2") else 1, family)


def is_folder_of(folder: str, dataset: str) -> bool:
    """Return whether a folder has the name of a dataset, in any spelling."""
    return _plain(folder) in map(_plain, (dataset, *LAYOUTS[dataset].folders))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
