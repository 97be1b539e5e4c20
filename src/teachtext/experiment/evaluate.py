"""The test split, touched once: what each trained model does on it is kept beside its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from teachtext.data.benchmarks import benchmark
from teachtext.data.features import Features, described, only_described
from teachtext.data.folder import DEFAULT_SPLITS, load_folder
from teachtext.data.protocol import Caption, CaptionUse, Protocol
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Dataset
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, metrics_from_ranks, retrieval_metrics
from teachtext.evaluation.normalise import Normalised
from teachtext.evaluation.normalisers import normalisers_named
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import t2v_ranks, top_columns, v2t_ranks
from teachtext.experiment.normalise import Loaded, normalise_models, score_split
from teachtext.experiment.train import Training
from teachtext.files import fingerprint
from teachtext.learning.checkpoint import ModelSpec, load_model
from teachtext.learning.inference import score
from teachtext.models.retrieval import RetrievalModel

TOP = 5


def ranks_on_test(training: Training) -> QueryRanks:
    """Return what a trained model does on the run's test split; scored the first time, then read."""
    path = ranks_path(training)
    if not path.exists():
        dataset = training.workspace.dataset
        split = dataset.protocol.test
        model, _ = load_model(training.folder)
        rank_queries(model, training.features, dataset.queries_of(split), dataset.splits[split]).save(path)
    return QueryRanks.load(path)


def ranks_path(training: Training) -> Path:
    """Return the file that keeps what a trained model does on the run's test split."""
    dataset = training.workspace.dataset
    split = dataset.protocol.test
    tested_on = [[query.id for query in dataset.queries_of(split)], list(dataset.splits[split])]
    return training.folder / f"{split}-{fingerprint(tested_on)}.npz"


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
    """What a model does on a split, and what a reader of the numbers should know.

    Attributes:
        ranks: of the model.
        split: what it was tested on.
        notes: a sentence each.
        ensemble: metrics of the mean similarities of the model and of others, where there are others.
        normalised: what score normalisers make of the model, or of the ensemble.
    """

    ranks: QueryRanks
    split: str
    notes: Sequence[str]
    ensemble: Mapping[str, Metrics] | None = None
    normalised: Sequence[Normalised] = ()

    @property
    def metrics(self) -> dict[str, Metrics]:
        """Metrics of the model by direction, `t2v` and `v2t`."""
        return metrics_of(self.ranks)


def evaluate_folder(
    model_folder: Path,
    dataset_folder: Path,
    features: Path,
    *,
    split: str | None = None,
    captions: CaptionUse | None = None,
    benchmark_name: str | None = None,
    others: Sequence[Path] = (),
    normalisers: Sequence[str] = (),
    beta: float | None = None,
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
        others: trained models whose similarities are averaged with the model's, to an ensemble.
        normalisers: names of score normalisers to test behind the model or ensemble (see `normalise_models`).
        beta: of the normalisers; by default it is chosen on the selecting split.

    Raises:
        InputError: whatever is missing or does not fit; a split that holds videos which a model was trained on.
    """
    normalisers_named(normalisers)
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
    # the gallery of a run: what its experts together describe, whether or not a model has all of them
    extracted = [FeatureFile(path) for path in sorted((features / "video").glob("*")) if shards_of(path)]
    gallery = only_described(dataset, extracted)
    notes = known.differences(dataset) if known else []
    models: list[Loaded] = []
    for folder in (model_folder, *others):
        model, spec = load_model(folder)
        notes = [*notes, *_check_unseen(folder, spec, dataset, split)]
        experts = {name: _expert_file(features, spec, name) for name in spec.experts}
        text = FeatureFile(features / "text" / TEXT_ENCODERS.folder_name(spec.text_encoder), verify=True)
        notes += _unread(folder, gallery.splits[split], experts)
        models.append((model, spec.features(text, experts)))
    return Evaluation(
        ranks=rank_queries(*models[0], gallery.queries_of(split), gallery.splits[split]),
        split=split,
        notes=notes,
        ensemble=retrieval_metrics(*score_split(models, gallery, split)) if others else None,
        normalised=normalise_models(models, gallery, split, normalisers, beta=beta) if normalisers else (),
    )


def _unread(model_folder: Path, video_ids: Sequence[str], experts: Mapping[str, FeatureFile]) -> list[str]:
    readable = described(video_ids, experts.values())
    if not readable:
        raise InputError(f"no video of the split has features that {model_folder} reads", "extract them first")
    unknown = len(video_ids) - len(readable)
    if not unknown:
        return []
    missing = f"{unknown:,} of {len(video_ids):,} videos have no features of {', '.join(experts)}"
    return [f"{missing}: they share the last rank"]


def _expert_file(features: Path, spec: ModelSpec, name: str) -> FeatureFile:
    folder = features / "video" / spec.expert_folder(name)
    settings = spec.expert_settings.get(name)
    if settings and not shards_of(folder):
        told = [f"{key}={value}" for key, value in settings.items()]
        raise InputError(
            f"{features} has no features of '{name}' with {', '.join(told)}",
            f"extract them with {' '.join(f'--set {name}.{one}' for one in told)}",
        )
    return FeatureFile(folder, verify=True)


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
