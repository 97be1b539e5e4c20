"""A split of a dataset folder that models are tested on, and the features that each of them reads of the split."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from teachtext.data.features import Features, described, only_described
from teachtext.data.protocol import Caption, CaptionUse
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Dataset
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError, first_of
from teachtext.evaluation.result_rows import TrainedOn
from teachtext.learning.checkpoint import ModelSpec


class TestedSplit:
    """A split, and its gallery: the videos that any expert describes, whether or not a model reads that expert.

    Args:
        dataset: captions and splits.
        folder: of the dataset, in messages.
        features: folder with `video/<expert>` and `text/<encoder>`.
        split: its name; by default the test split of the protocol.

    Attributes:
        name: of the split.
        gallery: the dataset with the described videos alone.
        queries: of the split.
        notes: remarks for readers of the numbers, a sentence each; there are more after each `features_of`.

    Raises:
        InputError: there is no such split.
    """

    def __init__(self, dataset: Dataset, *, folder: Path, features: Path, split: str | None = None) -> None:
        self.name = split or dataset.protocol.test
        if self.name not in dataset.splits:
            raise InputError(f"{folder} has no split '{self.name}'", f"use one of {', '.join(dataset.splits)}")
        extracted = [FeatureFile(path) for path in sorted((features / "video").glob("*")) if shards_of(path)]
        self.gallery = only_described(dataset, extracted)
        self.queries = self.gallery.queries_of(self.name)
        self.notes: list[str] = [*self.gallery.notes]
        self._dataset = dataset
        self._folder = features

    @property
    def videos(self) -> Sequence[str]:
        """The ids of the gallery."""
        return self.gallery.splits[self.name]

    def features_of(self, spec: ModelSpec, model_folder: Path) -> Features:
        """Return the features that a model of a folder reads, and check that the split is new to it.

        Raises:
            InputError: they are missing or damaged, or the model was trained on videos of the split.
        """
        self.notes += _check_unseen(model_folder, spec, self._dataset, self.name)
        experts = {name: _expert_file(self._folder, spec, name) for name in spec.experts}
        text = FeatureFile(self._folder / "text" / TEXT_ENCODERS.folder_name(spec.text_encoder), verify=True)
        _check_embedded(text, self.queries, self._dataset.protocol.captions_in(self.name))
        self.notes += _unread(model_folder, self.videos, experts)
        self.notes += read_in_part(self.queries, text, spec.max_words)
        return spec.features(text, experts)


def read_in_part(queries: Sequence[Caption], text: FeatureFile, max_tokens: int) -> list[str]:
    """Return a note on the queries that have more tokens than a model reads; nothing where it reads all."""
    cut = [query.id for query in queries if text.rows_of(query.id) > max_tokens]
    if not cut:
        return []
    return [
        f"of {len(cut):,} of {len(queries):,} queries the model reads the first {max_tokens} tokens: {first_of(cut)}"
    ]


def trained_on(spec: ModelSpec, dataset: Dataset) -> TrainedOn:
    """Say what a model has learned from, by the ids of its training videos."""
    if spec.trained_on is None:
        return "other"
    learned = {*spec.trained_on}
    # the test split stands in for the training split where a benchmark has none
    train = {*dataset.splits.get("train", ()), *dataset.splits.get(dataset.protocol.train, ())}
    return "nothing" if not learned else "train split" if learned <= train else "other"


def _check_embedded(text: FeatureFile, queries: Sequence[Caption], use: CaptionUse) -> None:
    lacking = [query.id for query in queries if not text.rows_of(query.id)]
    if not lacking:
        return
    mend = "embed the captions of this dataset first: 'teachtext embed'"
    if use == "fused":
        mend = "give features in which the captions of a video are joined: those of a run with 'captions: fused'"
    some = f"{first_of(lacking)} ({len(lacking):,} of {len(queries):,} queries)"
    raise InputError(f"{text.folder} has no features of captions {some}", mend)


def _unread(model_folder: Path, video_ids: Sequence[str], experts: Mapping[str, FeatureFile]) -> list[str]:
    readable = described(video_ids, experts.values())
    if not readable:
        raise InputError(f"no video of the split has features that {model_folder} reads", "extract them first")
    read = {*readable}
    unread = [video_id for video_id in video_ids if video_id not in read]
    if not unread:
        return []
    missing = f"{len(unread):,} of {len(video_ids):,} videos have no features of {', '.join(experts)}"
    return [f"{missing}: they share the last rank ({first_of(unread)})"]


def _expert_file(features: Path, spec: ModelSpec, name: str) -> FeatureFile:
    folder = features / "video" / spec.expert_folder(name)
    settings = spec.expert_settings.get(name)
    if settings and not shards_of(folder):
        pairs = [f"{key}={value}" for key, value in settings.items()]
        raise InputError(
            f"{features} has no features of '{name}' with {', '.join(pairs)}",
            f"extract them with {' '.join(f'--set {name}.{pair}' for pair in pairs)}",
        )
    return FeatureFile(folder, verify=True)


def _check_unseen(model_folder: Path, spec: ModelSpec, dataset: Dataset, split: str) -> list[str]:
    """Return a note where nobody knows which videos a model was trained on.

    Raises:
        InputError: the model was trained on videos of the split.
    """
    if spec.trained_on is None:
        return ["which videos this model was trained on is not known, so nobody checked that the split is new to it"]
    seen = sorted({*spec.trained_on} & {*dataset.splits[split]})
    if seen:
        raise InputError(
            f"{model_folder} was trained on {len(seen):,} of the {len(dataset.splits[split]):,} videos of split "
            f"'{split}' (first: '{seen[0]}')",
            "evaluate it on videos that it has not seen",
        )
    return []
