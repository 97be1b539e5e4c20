"""One ranking of N videos from the rankings of several queries for the same scene.

The paper of GQE says that the rankings vote, and does not say how. So there are four readings, and none is the paper's.
With r the rank of a video for a query, from 1, and A queries:

- `reciprocal`: the sum of 1 / (60 + r) over queries (Cormack et al., SIGIR 2009).
- `borda`: the sum of L + 1 - r, with L the length of a list.
- `vote`: the number of queries for which r <= 10; equal numbers are ordered by the mean rank.
- `mean`: the mean of (s - least s) / (greatest s - least s) over queries, with s the scores of a query.

Each query counts with its first 100 videos: a video that it ranks later adds nothing, and its rank is L + 1 in a mean
rank. Videos that no query has among its first 100 follow in the order of the original query.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import unknown

Fusion = Literal["reciprocal", "borda", "vote", "mean"]
"""How the rankings of several queries become one."""
DEPTH = 100
"""Videos of each query that count."""
VOTED = 10
"""A query votes for its first videos, so many."""
RECIPROCAL_K = 60
"""The constant of the authors of reciprocal rank fusion."""

Floats = NDArray[np.float64]


def check_fusion(name: str) -> Fusion:
    """Return a name that is one of the fusions.

    Raises:
        InputError: the name is none of them.
    """
    for fusion in get_args(Fusion):
        if name == fusion:
            return fusion  # type: ignore[no-any-return]
    raise unknown("fusion", name, get_args(Fusion))


def fuse_scores(scores: NDArray[np.floating], how: Fusion, *, depth: int = DEPTH) -> Floats:
    """Fuse the scores of A queries for N videos.

    Args:
        scores: (A, N), the original query first. NaN where the list of a query ended before a video.
        how: the fusion.
        depth: videos of each query that count.

    Returns:
        (N,) fused values: greater is better, equal is equal. They order videos, and mean nothing beyond that.

    >>> fuse_scores(np.array([[0.9, 0.5, 0.1], [0.2, 0.8, 0.1]]), "borda").tolist()
    [5.0, 5.0, 2.0]
    """
    values = np.asarray(np.round(scores.astype(np.float64), 9), np.float64)
    firsts, ranks = _ranks(values)
    counts = firsts <= depth
    length = min(depth, values.shape[1])
    fused = _FUSIONS[how](np.where(counts, values, np.nan), np.where(counts, ranks, np.nan), length)
    listed = counts.any(axis=0)
    # greatest for rank 1, and below zero, which is the least that a listed video can have
    behind = -np.nan_to_num(ranks[0], nan=2.0 * values.shape[1])
    return np.asarray(np.where(listed, np.round(fused, 12), behind), np.float64)


def fuse_rankings(rankings: Sequence[Sequence[tuple[str, float]]], how: Fusion) -> list[str]:
    """Fuse the lists of A queries; see `fuse_scores`.

    Args:
        rankings: ids and scores, best first; the original query first. All lists are of one length, or end because
            there are no more videos.
        how: the fusion.

    Returns:
        All ids, best first. Equal values are ordered by the original query, then by id.

    >>> fuse_rankings([[("a", 0.9), ("b", 0.5)], [("b", 0.8), ("c", 0.7)]], "reciprocal")
    ['b', 'a', 'c']
    """
    order = {name: row for row, (name, _) in enumerate(rankings[0])}
    names = {name for ranking in rankings for name, _ in ranking}
    ids = sorted(names, key=lambda name: (order.get(name, len(names)), name))
    column = {name: number for number, name in enumerate(ids)}
    scores = np.full((len(rankings), len(ids)), np.nan)
    for row, ranking in zip(scores, rankings, strict=True):
        for name, score in ranking:
            row[column[name]] = score
    fused = fuse_scores(scores, how) if ids else np.zeros(0)
    return [ids[number] for number in np.argsort(-fused, kind="stable").tolist()]


def _ranks(scores: Floats) -> tuple[Floats, Floats]:
    """Return the ranks of the scores of each query, from 1 for the greatest, and NaN where there is no score.

    Equal scores have the first of their ranks, and their mean rank.
    """
    firsts, means = np.full(scores.shape, np.nan), np.full(scores.shape, np.nan)
    for row, values in enumerate(-scores):
        listed = ~np.isnan(values)
        order = np.sort(values[listed])
        before = np.searchsorted(order, values[listed], side="left")
        firsts[row, listed] = before + 1
        means[row, listed] = (before + 1 + np.searchsorted(order, values[listed], side="right")) / 2
    return firsts, means


def _reciprocal(scores: Floats, ranks: Floats, length: int) -> Floats:
    return np.asarray(np.nansum(1 / (RECIPROCAL_K + ranks), axis=0))


def _borda(scores: Floats, ranks: Floats, length: int) -> Floats:
    # of equal scores at the end of a list, the mean rank may be beyond the list
    return np.asarray(np.nansum(np.maximum(length + 1 - ranks, 0), axis=0))


def _vote(scores: Floats, ranks: Floats, length: int) -> Floats:
    votes = np.sum(ranks <= VOTED, axis=0)
    mean = np.nan_to_num(ranks, nan=length + 1.0).mean(axis=0)
    # below 1, so that no mean rank outweighs a vote
    return np.asarray(votes + np.exp(-mean / (length + 1)) * 0.5)


def _mean(scores: Floats, ranks: Floats, length: int) -> Floats:
    absent = np.isnan(scores)
    least = np.where(absent, np.inf, scores).min(axis=1, keepdims=True)
    most = np.where(absent, -np.inf, scores).max(axis=1, keepdims=True)
    span = np.where(most > least, most - least, 1.0)
    return np.asarray(np.nan_to_num((scores - least) / span, nan=0.0).mean(axis=0))


_FUSIONS: Mapping[Fusion, Callable[[Floats, Floats, int], Floats]] = {
    "reciprocal": _reciprocal,
    "borda": _borda,
    "vote": _vote,
    "mean": _mean,
}
