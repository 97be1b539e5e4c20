"""The field's retrieval metrics from ranks (Croitoru et al., ICCV 2021, evaluation protocol).

`METRICS` defines all of them. A new metric is one entry there: metrics, intervals, tests, tables and files follow.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ndcg import NDCG, NDCG_NAME, t2v_ndcg, v2t_ndcg
from teachtext.evaluation.ranks import Floats, Ints, Ranked, rank_t2v, rank_v2t
from teachtext.evaluation.ties import Ties

Ranks = NDArray[np.float64]
Reduction = Literal["mean", "geometric mean of means", "median"]


def hits(ranks: Ranks, k: int) -> NDArray[np.bool_]:
    """Return which 0-based ranks are among the first k, in the shape of `ranks`."""
    # a tied first place has rank 0.5 and must not count, so R@1 takes rank 0 alone
    within: NDArray[np.bool_] = ranks == 0 if k == 1 else ranks < k
    return within


def _rank(ranks: Ranks) -> Ranks:
    return ranks


@dataclass(frozen=True)
class Metric:
    """An entry of `METRICS`: `scale * reduce(per_query(ranks)) + offset`.

    Attributes:
        key: its name in files and in Python.
        name: its name in tables.
        per_query: functions from 0-based ranks to values, one value a query. Several where `reduction` combines means.
        reduction: how the values of the queries become a number.
        bounds: the lowest and the highest possible value.
        scale, offset: percentages have scale 100; ranks that are shown from 1 have offset 1.
        lower_is_better: whether a lower value is a better one.
        compact: whether tables with little room show it.
    """

    key: str
    name: str
    per_query: tuple[Callable[[Ranks], NDArray[Any]], ...]
    reduction: Reduction = "mean"
    bounds: tuple[float, float] = (0.0, 100.0)
    scale: float = 100.0
    offset: float = 0.0
    lower_is_better: bool = False
    compact: bool = True

    def of(self, ranks: Ranks) -> float:
        """Compute the metric of 0-based ranks (N,)."""
        average = np.median if self.reduction == "median" else np.mean
        values = [self.scale * float(average(function(ranks))) + self.offset for function in self.per_query]
        return values[0] if len(values) == 1 else float(np.cbrt(np.prod(values)))


def _recall(k: int, *, compact: bool = True) -> Metric:
    return Metric(f"r{k}", f"R@{k}", (partial(hits, k=k),), compact=compact)


def _rank_metric(key: str, name: str, reduction: Reduction, *, compact: bool) -> Metric:
    return Metric(
        key, name, (_rank,), reduction, (1.0, np.inf), scale=1.0, offset=1.0, lower_is_better=True, compact=compact
    )


METRICS = {
    metric.key: metric
    for metric in (
        _recall(1),
        _recall(5),
        _recall(10),
        _recall(50, compact=False),
        _rank_metric("mdr", "MdR", "median", compact=True),
        _rank_metric("mnr", "MnR", "mean", compact=False),
        Metric("geometric_mean", "Geom", tuple(partial(hits, k=k) for k in (1, 5, 10)), "geometric mean of means"),
    )
}
"""Every metric by its key, in the order of the field."""

METRIC_NAMES = {key: metric.name for key, metric in METRICS.items()}
MRR = "mrr"
NAMES = METRIC_NAMES | {NDCG: NDCG_NAME, MRR: "MRR"}
"""The names in tables of all metrics, and of nDCG@10 and MRR, which are computed where they are asked for."""
LOWER_IS_BETTER = frozenset(key for key, metric in METRICS.items() if metric.lower_is_better)


@dataclass(frozen=True)
class Metrics(Mapping[str, float]):
    """The metrics of one direction, by key and as attributes: `metrics["r1"]` is `metrics.r1`.

    Recalls, the geometric mean, and nDCG@10 (`ndcg10`) and the mean reciprocal rank (`mrr`) where they were asked for,
    are percentages; ranks count from 1.

    Attributes:
        values_by_key: the metrics.
        ties: the tied queries; None where ranks alone were given.

    >>> metrics = metrics_from_ranks(np.array([0.0, 1.0, 12.0]))
    >>> metrics.mdr, metrics["r5"] > 66
    (2.0, True)
    """

    values_by_key: Mapping[str, float]
    ties: Ties | None = field(default=None, compare=False)

    def __getitem__(self, key: str) -> float:
        """Return one metric."""
        return self.values_by_key[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys, in the order of `METRICS`."""
        return iter(self.values_by_key)

    def __len__(self) -> int:
        """Return how many metrics there are."""
        return len(self.values_by_key)

    def __getattr__(self, key: str) -> float:
        """Return one metric."""
        if (key in METRICS or key in NAMES) and key in self.values_by_key:
            return self.values_by_key[key]
        raise AttributeError(f"no metric '{key}'")

    def as_dict(self) -> dict[str, float]:
        """Return the metrics by key, for files."""
        return dict(self.values_by_key)


def metrics_from_ranks(ranks: Ranks) -> Metrics:
    """Compute all metrics from 0-based ranks (N,).

    >>> metrics_from_ranks(np.array([0.0, 1.0, 12.0])).mdr
    2.0
    """
    return Metrics({key: metric.of(ranks) for key, metric in METRICS.items()})


def metrics_from_ranked(ranked: Ranked, ndcg: NDArray[np.float64] | None = None) -> Metrics:
    """Compute all metrics, and count ties.

    Args:
        ranked: ranks (N,) and ties.
        ndcg: (N,) nDCG@10 of each query, where it is asked for.
    """
    values = metrics_from_ranks(ranked.ranks).as_dict()
    if ndcg is not None:
        values[NDCG] = 100.0 * float(np.mean(ndcg))
    return Metrics(values, Ties.of(ranked))


def reciprocal_rank(ranks: Ranks) -> float:
    """Return the mean reciprocal rank of 0-based ranks (N,), ties averaged, in percent.

    >>> reciprocal_rank(np.array([0.0, 1.0, 3.0]))
    58.333333333333336
    """
    return 100.0 * float(np.mean(1 / (ranks + 1)))


def recall_curve(ranks: Ranks, most: int) -> NDArray[np.float64]:
    """Return (most,) percentages: R@k for k = 1 ... most.

    >>> recall_curve(np.array([0.0, 1.0]), 2).tolist()
    [50.0, 100.0]
    """
    return np.array([100.0 * np.mean(hits(ranks, k)) for k in range(1, most + 1)])


def retrieval_metrics(similarity: Floats, video_of: Ints, *, ndcg: bool = False) -> dict[str, Metrics]:
    """Compute text-to-video and video-to-text metrics of a similarity matrix.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video.
        ndcg: also compute nDCG@10, `ndcg10`.

    Returns:
        Metrics by direction, `t2v` and `v2t`, each with its ties.

    Raises:
        InputError: shapes that do not fit, NaN, or a video without a caption.

    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])  # three captions, two videos
    >>> retrieval_metrics(scores, np.array([0, 1, 1]))["t2v"].r1.__round__(1)
    66.7
    """
    t2v, v2t = rank_t2v(similarity, video_of), rank_v2t(similarity, video_of)
    return {
        "t2v": metrics_from_ranked(t2v, t2v_ndcg(t2v) if ndcg else None),
        "v2t": metrics_from_ranked(v2t, v2t_ndcg(similarity, video_of) if ndcg else None),
    }


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation (n - 1); None for a single value, which has no spread.

    >>> mean_and_std([1.0, 3.0])[0], mean_and_std([1.0])
    (2.0, (1.0, None))
    """
    mean = float(np.mean(values))
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None
