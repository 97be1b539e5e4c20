"""A trained model on a split of a dataset folder, from features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from teachtext.data.benchmarks import benchmark
from teachtext.data.folder import DEFAULT_SPLITS, load_folder
from teachtext.data.protocol import CaptionUse, Protocol
from teachtext.data.rivals import rivals_of
from teachtext.devices import AUTO, resolve_device
from teachtext.errors import InputError, first_of
from teachtext.evaluation.by_direction import DirectionRanks
from teachtext.evaluation.by_language import languages_of, metrics_by_language
from teachtext.evaluation.metrics import Metrics, retrieval_metrics
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import TrainedOn
from teachtext.evaluation.score_normalisation import Normalised, normalisers_named
from teachtext.evaluation.trec import write_trec
from teachtext.experiment.directions import directions_of
from teachtext.experiment.normalise import Loaded, normalise_models, score_split
from teachtext.experiment.ranks_on_test import ranks_of
from teachtext.experiment.rerank import Reranked, rerank
from teachtext.experiment.tested_split import TestedSplit, trained_on
from teachtext.learning.checkpoint import load_model, load_scorer
from teachtext.learning.inference import score


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
    tested = TestedSplit(dataset, folder=dataset_folder, features=features, split=split)
    split, gallery, queries = tested.name, tested.gallery, tested.queries
    tested.notes += bench.differences(dataset) if bench else []
    if cut := gallery.cut_queries(split):
        tested.notes.append(f"{len(cut):,} queries were cut to their first {protocol.max_words} words: {first_of(cut)}")
    if sentence := rivals_of(queries).sentence:
        tested.notes.append(sentence)
    models: list[Loaded] = []
    learned_from: TrainedOn = "other"
    for folder in (model_folder, *others):
        model, spec = load_model(folder)
        models.append((model.to(device), tested.features_of(spec, folder)))
        learned_from = trained_on(spec, dataset) if folder == model_folder else learned_from
    by_direction: list[DirectionRanks] = []
    if directions:
        by_direction, lacking = directions_of(*models[0], queries, tested.videos, name=str(model_folder))
        tested.notes += lacking
    slow = None
    if scorer_folder is not None:
        scorer, spec = load_scorer(scorer_folder)
        slow = scorer.to(device), tested.features_of(spec, scorer_folder)
    scores = score(*models[0], queries, tested.videos)
    ranks = ranks_of(scores, models[0][0], ndcg=ndcg)
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
        notes=tested.notes,
        ensemble=ensemble,
        normalised=normalise_models(models, gallery, split, normalisers, beta=beta) if normalisers else (),
        trained_on=learned_from,
        languages=metrics_by_language(ranks, languages_of(queries)),
        directions=by_direction,
        reranked=reranked,
    )
