"""The field's retrieval metrics from ranks (Croitoru et al., ICCV 2021, evaluation protocol)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import Floats, Ints, t2v_ranks, v2t_ranks


@dataclass(frozen=True)
class Metrics:
    """Metrics of one direction. Recalls and the geometric mean are percentages, ranks are 1-based.

    Attributes:
        r1, r5, r10, r50: share of queries whose right answer is among the first k.
        mdr: median rank.
        mnr: mean rank.
        geometric_mean: (R@1 R@5 R@10)^(1/3), the number that selects models.
    """

    r1: float
    r5: float
    r10: float
    r50: float
    mdr: float
    mnr: float
    geometric_mean: float

    def as_dict(self) -> dict[str, float]:
        """Return the metrics by name."""
        return asdict(self)


METRIC_NAMES = {
    "r1": "R@1",
    "r5": "R@5",
    "r10": "R@10",
    "r50": "R@50",
    "mdr": "MdR",
    "mnr": "MnR",
    "geometric_mean": "Geom",
}
"""What the metrics are called in tables, in the order of the field."""

LOWER_IS_BETTER = frozenset({"mdr", "mnr"})


def metrics_from_ranks(ranks: NDArray[np.float64]) -> Metrics:
    """Compute all metrics from 0-based ranks (N,).

    >>> metrics_from_ranks(np.array([0.0, 1.0, 12.0])).mdr
    2.0
    """
    recalls = {k: 100.0 * float(np.mean(hits(ranks, k))) for k in (1, 5, 10, 50)}
    return Metrics(
        r1=recalls[1],
        r5=recalls[5],
        r10=recalls[10],
        r50=recalls[50],
        mdr=float(np.median(ranks)) + 1,
        mnr=float(np.mean(ranks)) + 1,
        geometric_mean=float(np.cbrt(recalls[1] * recalls[5] * recalls[10])),
    )


def hits(ranks: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """Tell which 0-based ranks are among the first k."""
    # a tied first place has rank 0.5 and must not count, so R@1 asks for rank 0 exactly
    found: NDArray[np.bool_] = ranks == 0 if k == 1 else ranks < k
    return found


def recall_curve(ranks: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Return (most,) percentages: R@k for k = 1 ... most."""
    return np.array([100.0 * np.mean(hits(ranks, k)) for k in range(1, most + 1)])


def retrieval_metrics(similarity: Floats, video_of: Ints) -> dict[str, Metrics]:
    """Compute text-to-video and video-to-text metrics of a similarity matrix.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video.

    Returns:
        Metrics by direction, `t2v` and `v2t`.
    """
    return {
        "t2v": metrics_from_ranks(t2v_ranks(similarity, video_of)),
        "v2t": metrics_from_ranks(v2t_ranks(similarity, video_of)),
    }


def mean_and_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation (n - 1); None for a single value, which has no spread."""
    mean = float(np.mean(values))
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None
