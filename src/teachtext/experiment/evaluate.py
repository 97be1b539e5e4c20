"""The test split, read once: the ranks of each trained model are kept beside its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from teachtext.data.benchmarks import benchmark
from teachtext.data.features import Features, described, only_described
from teachtext.data.folder import DEFAULT_SPLITS, load_folder
from teachtext.data.protocol import Caption, CaptionUse, Protocol
from teachtext.data.rivals import rivals_of
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Dataset
from teachtext.devices import AUTO, resolve_device
from teachtext.encoders.registry import TEXT_ENCODERS
from teachtext.errors import InputError, first_of
from teachtext.evaluation.by_direction import DirectionRanks
from teachtext.evaluation.by_language import languages_of, metrics_by_language
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.evaluation.ndcg import v2t_ndcg
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import rank_t2v, rank_v2t, top_columns
from teachtext.evaluation.result_rows import TrainedOn
from teachtext.evaluation.score_normalisation import Normalised, normalisers_named
from teachtext.evaluation.trec import write_trec
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.directions import directions_of
from teachtext.experiment.normalise import Loaded, normalise_models, score_split
from teachtext.experiment.rerank import Reranked, rerank
from teachtext.experiment.train import Training
from teachtext.learning.checkpoint import ModelSpec, load_model, load_scorer
from teachtext.learning.inference import Scores, score
from teachtext.models.retrieval import RetrievalModel

TOP = 5


def ranks_on_test(training: Training) -> QueryRanks:
    """Return the ranks of a trained model on the test split of the run, computed once."""
    dataset, config = training.workspace.dataset, training.workspace.config
    split, path, read = dataset.protocol.test, ranks_path(training), training.workspace.ranks
    ndcg = bool(config.dataset.benchmark) and benchmark(config.dataset.benchmark or "").ndcg
    if path not in read:
        queries, videos = dataset.queries_of(split), dataset.splits[split]
        read[path] = Artifact(
            path=path,
            build=lambda: rank_queries(training.load(), training.features, queries, videos, ndcg=ndcg),
            write=lambda path, ranks: ranks.save(path),
            read=QueryRanks.load,
            stale=lambda ranks: "without nDCG@10" if ndcg and ranks.v2t_ndcg is None else "",
        ).get()
    return read[path]


def ranks_path(training: Training) -> Path:
    """Return the file with the ranks of a trained model on the test split of the run."""
    dataset = training.workspace.dataset
    split = dataset.protocol.test
    tested_on = [[query.id for query in dataset.queries_of(split)], list(dataset.splits[split])]
    return artifact_path(training.folder, split, tested_on, ".npz")


def rank_queries(
    model: RetrievalModel,
    features: Features,
    queries: Sequence[Caption],
    video_ids: Sequence[str],
    *,
    ndcg: bool = False,
) -> QueryRanks:
    """Score C queries against a gallery of B videos, and rank in both directions; `ndcg` adds nDCG@10."""
    return _ranks_of(score(model, features, queries, video_ids), model, ndcg=ndcg)


def _ranks_of(scores: Scores, model: RetrievalModel, *, ndcg: bool) -> QueryRanks:
    top = top_columns(scores.similarity, TOP)
    t2v, v2t = rank_t2v(scores.similarity, scores.video_of), rank_v2t(scores.similarity, scores.video_of)
    return QueryRanks(
        t2v=t2v.ranks,
        v2t=v2t.ranks,
        top=top,
        top_scores=np.take_along_axis(scores.similarity, top, axis=1),
        weights=scores.weights,
        video_of=scores.video_of,
        caption_ids=scores.caption_ids,
        video_ids=scores.video_ids,
        experts=model.spaces,
        t2v_ties=t2v.ties,
        v2t_ties=v2t.ties,
        v2t_ndcg=v2t_ndcg(scores.similarity, scores.video_of) if ndcg else None,
    )


@dataclass(frozen=True)
class Evaluation:
    """The results of a model on a split.

    Attributes:
        ranks: of the model.
        split: the split that it was tested on.
        notes: remarks for readers of the numbers, a sentence each.
        ensemble: metrics by direction of the mean similarities of several models; None for one model.
        normalised: results of the model, or of the ensemble, with each score normaliser.
        trained_on: the pairs that the model has learned from.
        languages: text-to-video metrics by language; empty where the queries are in one language.
        directions: ranks in the twelve directions of a model of kind `omni`; empty where they were not asked for.
        reranked: results after a slow scorer has ranked the first videos anew; None without one.
    """

    ranks: QueryRanks
    split: str
    notes: Sequence[str]
    ensemble: Mapping[str, Metrics] | None = None
    normalised: Sequence[Normalised] = ()
    trained_on: TrainedOn = "other"
    languages: Mapping[str, Metrics] = field(default_factory=dict)
    directions: Sequence[DirectionRanks] = ()
    reranked: Reranked | None = None

    def __repr__(self) -> str:
        counts = f"{len(self.ranks.caption_ids)} queries, {len(self.ranks.video_ids)} videos"
        return f"Evaluation(split={self.split!r}, {counts}, spaces={list(self.ranks.experts)})"

    @property
    def metrics(self) -> dict[str, Metrics]:
        """Metrics of the model by direction, `t2v` and `v2t`."""
        return self.ranks.metrics


def evaluate_folder(
    model_folder: Path,
    dataset_folder: Path,
    features: Path,
    *,
    split: str | None = None,
    captions: CaptionUse | None = None,
    chosen_file: str | None = None,
    language: str | None = None,
    benchmark_name: str | None = None,
    others: Sequence[Path] = (),
    normalisers: Sequence[str] = (),
    beta: float | None = None,
    ndcg: bool = False,
    directions: bool = False,
    trec: Path | None = None,
    scorer_folder: Path | None = None,
    shortlist: int = 32,
    device: str = AUTO,
) -> Evaluation:
    """Evaluate a trained model on a split of a dataset folder, from features.

    The gallery has the videos of the split that any expert in `features` describes, whether or not the model reads
    that expert.

    Args:
        model_folder: a trained model.
        dataset_folder: captions and splits; the video files may be missing.
        features: folder with `video/<expert>` and `text/<encoder>`.
        split: name of a split; by default the test split of the protocol.
        captions: how captions become queries, as they were embedded; by default each caption is a query.
        chosen_file: file of the dataset folder with the query of each video, for `captions='chosen'`.
        language: of the captions (see `teachtext.data.folder.load_folder`).
        benchmark_name: a benchmark whose protocol is taken.
        others: further trained models; the similarities of all are averaged.
        normalisers: names of score normalisers to test (see `normalise_models`).
        beta: of the normalisers; by default it is chosen on the selecting split.
        ndcg: also compute nDCG@10; a benchmark that ranks by it needs no asking.
        directions: also rank in the twelve directions among text, video, audio and their pairs.
        trec: folder for runs and qrels in the format of TREC; those of an ensemble are named `ensemble-...`.
        scorer_folder: a slow scorer that ranks the first videos of each query anew (see
            `teachtext.experiment.rerank`).
        shortlist: number of these videos.
        device: where the models compute (see `teachtext.devices`).

    Raises:
        InputError: something is missing or does not fit; the split holds videos that a model was trained on.
    """
    normalisers_named(normalisers)
    device = resolve_device(device)
    bench = benchmark(benchmark_name) if benchmark_name else None
    if bench and captions:
        raise InputError(f"benchmark '{bench.name}' says how captions become queries", "leave '--captions' out")
    protocol = bench.protocol if bench else Protocol(captions=captions or "separate")
    if bench and not bench.learns and not normalisers:
        # a folder of such a benchmark needs no training split
        protocol = replace(protocol, train=protocol.test)
    ndcg = ndcg or bool(bench and bench.ndcg)
    dataset = load_folder(
        dataset_folder,
        protocol=protocol,
        missing_videos="keep",
        splits_file=bench.splits_file if bench else DEFAULT_SPLITS,
        chosen_file=bench.chosen_file if bench else chosen_file,
        language=language,
    )
    split = split or protocol.test
    if split not in dataset.splits:
        raise InputError(f"{dataset_folder} has no split '{split}'", f"use one of {', '.join(dataset.splits)}")
    extracted = [FeatureFile(path) for path in sorted((features / "video").glob("*")) if shards_of(path)]
    gallery = only_described(dataset, extracted)
    queries = gallery.queries_of(split)
    notes = [*gallery.notes, *(bench.differences(dataset) if bench else [])]
    if cut := gallery.cut_queries(split):
        notes.append(f"{len(cut):,} queries were cut to their first {protocol.max_words} words: {first_of(cut)}")
    if sentence := rivals_of(queries).sentence:
        notes.append(sentence)

    def read(spec: ModelSpec, folder: Path) -> Features:
        """Return the features that a model of a folder reads, and check that the split is new to it."""
        nonlocal notes
        notes = [*notes, *check_unseen(folder, spec, dataset, split)]
        experts = {name: expert_file(features, spec, name) for name in spec.experts}
        text = FeatureFile(features / "text" / TEXT_ENCODERS.folder_name(spec.text_encoder), verify=True)
        _check_embedded(text, queries, protocol.captions_in(split))
        notes += _unread(folder, gallery.splits[split], experts)
        notes += read_in_part(queries, text, spec.max_words)
        return spec.features(text, experts)

    models: list[Loaded] = []
    trained_on: TrainedOn = "other"
    for folder in (model_folder, *others):
        model, spec = load_model(folder)
        models.append((model.to(device), read(spec, folder)))
        trained_on = _trained_on(spec, dataset) if folder == model_folder else trained_on
    by_direction: list[DirectionRanks] = []
    if directions:
        by_direction, lacking = directions_of(*models[0], queries, gallery.splits[split], name=str(model_folder))
        notes += lacking
    slow = None
    if scorer_folder is not None:
        scorer, spec = load_scorer(scorer_folder)
        slow = scorer.to(device), read(spec, scorer_folder)
    scores = score(*models[0], queries, gallery.splits[split])
    ranks = _ranks_of(scores, models[0][0], ndcg=ndcg)
    ids = ranks.caption_ids, ranks.video_ids
    if trec:
        write_trec(trec, scores.similarity, scores.video_of, *ids)
    reranked = None
    if slow and scorer_folder:
        reranked = rerank(models[0], slow, gallery, split, scores, folder=scorer_folder, shortlist=shortlist)
    # as large as captions times videos
    del scores
    ensemble = None
    if others:
        averaged = score_split(models, gallery, split)
        ensemble = retrieval_metrics(*averaged, ndcg=ndcg)
        if trec:
            write_trec(trec, *averaged, *ids, prefix="ensemble-")
    return Evaluation(
        ranks=ranks,
        split=split,
        notes=notes,
        ensemble=ensemble,
        normalised=normalise_models(models, gallery, split, normalisers, beta=beta) if normalisers else (),
        trained_on=trained_on,
        languages=metrics_by_language(ranks, languages_of(queries)),
        directions=by_direction,
        reranked=reranked,
    )


def read_in_part(queries: Sequence[Caption], text: FeatureFile, max_tokens: int) -> list[str]:
    """Return a note on the queries that have more tokens than a model reads; nothing where it reads all."""
    cut = [query.id for query in queries if text.rows_of(query.id) > max_tokens]
    if not cut:
        return []
    return [
        f"of {len(cut):,} of {len(queries):,} queries the model reads the first {max_tokens} tokens: {first_of(cut)}"
    ]


def _trained_on(spec: ModelSpec, dataset: Dataset) -> TrainedOn:
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


def expert_file(features: Path, spec: ModelSpec, name: str) -> FeatureFile:
    """Return the features of an expert as a model reads them.

    Raises:
        InputError: there are none, or their files are damaged.
    """
    folder = features / "video" / spec.expert_folder(name)
    settings = spec.expert_settings.get(name)
    if settings and not shards_of(folder):
        pairs = [f"{key}={value}" for key, value in settings.items()]
        raise InputError(
            f"{features} has no features of '{name}' with {', '.join(pairs)}",
            f"extract them with {' '.join(f'--set {name}.{pair}' for pair in pairs)}",
        )
    return FeatureFile(folder, verify=True)


def check_unseen(model_folder: Path, spec: ModelSpec, dataset: Dataset, split: str) -> list[str]:
    """Return a note where nobody knows which videos a model was trained on.

    Raises:
        InputError: the model was trained on videos of the split.
    """
    if spec.trained_on is None:
        return ["which videos this model was trained on is not known, so nobody checked that the split is new to it"]
    trained_on = sorted({*spec.trained_on} & {*dataset.splits[split]})
    if trained_on:
        raise InputError(
            f"{model_folder} was trained on {len(trained_on):,} of the {len(dataset.splits[split]):,} videos of split "
            f"'{split}' (first: '{trained_on[0]}')",
            "evaluate it on videos that it has not seen",
        )
    return []
