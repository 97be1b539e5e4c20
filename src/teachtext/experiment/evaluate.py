"""The test split, touched once: what each trained model does on it is kept beside its weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from teachtext.data.benchmarks import benchmark
from teachtext.data.features import Features, described, only_described
from teachtext.data.folder import DEFAULT_SPLITS, load_folder
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Caption, CaptionUse, Dataset, Protocol
from teachtext.encoders.registry import folder_name
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks, top_columns, v2t_ranks
from teachtext.evaluation.results import QueryRanks
from teachtext.experiment.train import Training
from teachtext.files import fingerprint
from teachtext.learning.checkpoint import ModelSpec, load_model
from teachtext.learning.inference import score
from teachtext.models.retrieval import RetrievalModel

TOP = 5


def ranks_on_test(training: Training) -> QueryRanks:
    """Return what a trained model does on the run's test split; scored the first time, then read."""
    dataset = training.workspace.dataset
    split = dataset.protocol.test
    queries, videos = dataset.queries_of(split), list(dataset.splits[split])
    path = training.folder / f"{split}-{fingerprint([[query.id for query in queries], videos])}.npz"
    if not path.exists():
        model, _ = load_model(training.folder)
        rank_queries(model, training.features, queries, videos).save(path)
    return QueryRanks.load(path)


def rank_queries(
    model: RetrievalModel, features: Features, queries: Sequence[Caption], video_ids: Sequence[str]
) -> QueryRanks:
    """Score queries against a gallery and rank both ways."""
    found = score(model, features, queries, video_ids)
    top = top_columns(found.similarity, TOP)
    return QueryRanks(
        t2v=t2v_ranks(found.similarity, found.video_of),
        v2t=v2t_ranks(found.similarity, found.video_of),
        top=top,
        top_scores=np.take_along_axis(found.similarity, top, axis=1),
        weights=found.weights,
        video_of=found.video_of,
        caption_ids=found.caption_ids,
        video_ids=found.video_ids,
        experts=model.spaces,
    )


def metrics_of(ranks: QueryRanks) -> dict[str, Metrics]:
    """Return the metrics of both directions."""
    return {"t2v": metrics_from_ranks(ranks.t2v), "v2t": metrics_from_ranks(ranks.v2t)}


@dataclass(frozen=True)
class Evaluation:
    """What a model does on a split, and what a reader of the numbers should know."""

    ranks: QueryRanks
    split: str
    notes: Sequence[str]


def evaluate_folder(
    model_folder: Path,
    dataset_folder: Path,
    features: Path,
    *,
    split: str | None = None,
    captions: CaptionUse | None = None,
    benchmark_name: str | None = None,
) -> Evaluation:
    """Evaluate a trained model on a split of a dataset folder, from features that are there.

    Args:
        model_folder: a trained model.
        dataset_folder: its videos may be missing: features are what is read.
        features: folder with `video/<expert>` and `text/<encoder>`; the gallery are the videos of the split that any of
            its experts describes, whether or not this model reads that one.
        split: name of a split; by default the protocol's test split.
        captions: how its captions become queries, as the features were embedded; by default each is one.
        benchmark_name: take the protocol of this benchmark.

    Raises:
        InputError: whatever is missing or does not fit; a split that holds videos which the model was trained on.
    """
    model, spec = load_model(model_folder)
    known = benchmark(benchmark_name) if benchmark_name else None
    if known and captions:
        raise InputError(f"benchmark '{known.name}' says how captions become queries", "leave '--captions' out")
    protocol = known.protocol if known else Protocol(captions=captions or "separate")
    dataset = load_folder(
        dataset_folder,
        protocol=protocol,
        missing_videos="keep",
        splits_file=known.splits_file if known else DEFAULT_SPLITS,
        chosen_file=known.chosen_file if known else None,
    )
    split = split or protocol.test
    if split not in dataset.splits:
        raise InputError(f"{dataset_folder} has no split '{split}'", f"use one of {', '.join(dataset.splits)}")
    notes = [*(known.differences(dataset) if known else []), *_check_unseen(model_folder, spec, dataset, split)]
    experts = {name: FeatureFile(features / "video" / name, verify=True) for name in spec.experts}
    text = FeatureFile(features / "text" / folder_name(spec.text_encoder), verify=True)
    files = spec.features(text, experts)
    readable = set(described(dataset.splits[split], experts.values()))
    if not readable:
        raise InputError(f"no video of split '{split}' has features in {features}", "extract them first")
    # the gallery of a run: what its experts together describe, whether or not this model has all of them
    others = [FeatureFile(path) for path in sorted((features / "video").iterdir()) if shards_of(path)]
    kept = only_described(dataset, others)
    if unknown := len(kept.splits[split]) - len(readable):
        missing = f"{unknown:,} of {len(kept.splits[split]):,} videos have no features of {', '.join(spec.experts)}"
        notes.append(f"{missing}: they share the last rank")
    ranks = rank_queries(model, files, kept.queries_of(split), kept.splits[split])
    return Evaluation(ranks, split, notes)


def _check_unseen(model_folder: Path, spec: ModelSpec, dataset: Dataset, split: str) -> list[str]:
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
