"""The ranks of a trained model on the test split of its run: computed once, and kept beside the weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from teachtext.data.benchmarks import benchmark
from teachtext.data.features import Features
from teachtext.data.protocol import Caption
from teachtext.evaluation.ndcg import v2t_ndcg
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.ranks import rank_t2v, rank_v2t, top_columns
from teachtext.experiment.artifacts import Artifact, artifact_path
from teachtext.experiment.train import Training
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
    return ranks_of(score(model, features, queries, video_ids), model, ndcg=ndcg)


def ranks_of(scores: Scores, model: RetrievalModel, *, ndcg: bool) -> QueryRanks:
    """Rank in both directions by the scores of a model; `ndcg` adds nDCG@10."""
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
