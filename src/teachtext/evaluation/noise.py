"""How noisy captions are, which of them are dropped, and how well that finds wrong ones.

Noise is what judges say: models that rank all videos for a caption, its own among them.

Axes: N judges, C captions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import Ints

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NoisePool = Literal["mean", "median", "min", "max"]

_POOLS: dict[NoisePool, Callable[..., Any]] = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}


def noise_of(ranks: Floats, gallery: Ints, *, pool: NoisePool = "mean") -> Floats:
    """Return the noise of every caption: the rank of its own video as a share, pooled over the judges.

    0 is the first place, 0.5 is chance, 1 is the last place, however large the gallery.

    Args:
        ranks: (N, C) 0-based ranks of each caption's own video, ties averaged.
        gallery: (C,) how many videos it was ranked among, at least 2.
        pool: how the judges' shares become one.

    Returns:
        (C,).
    """
    shares = ranks / (gallery - 1)
    found: Floats = _POOLS[pool](shares, axis=0)
    return found


@dataclass(frozen=True)
class Cut:
    """What is dropped.

    Attributes:
        threshold: more noise than that is too much.
        dropped: (C,) which captions are.
        spared: (C,) which have too much noise and are kept all the same, as the least noisy of their video.
    """

    threshold: float
    dropped: Bools
    spared: Bools


def cut(noise: Floats, video_of: Ints, *, threshold: float = 0.5, quantile: float | None = None, keep: int = 1) -> Cut:
    """Decide which captions are dropped.

    Args:
        noise: (C,) of each caption.
        video_of: (C,) number of its video.
        threshold: drop captions with more noise; by default with more than chance.
        quantile: instead, drop at most this share of all captions, the noisiest.
        keep: captions a video that are never dropped: its least noisy, of equal ones the first.
    """
    limit = threshold if quantile is None else float(np.quantile(noise, 1 - quantile, method="inverted_cdf"))
    noisy = noise > limit
    order = np.lexsort((noise, video_of))
    first = np.searchsorted(video_of[order], video_of[order])
    best = np.zeros(len(noise), np.bool_)
    best[order] = np.arange(len(order)) - first < keep
    return Cut(limit, noisy & ~best, noisy & best)


@dataclass(frozen=True)
class Detection:
    """How well known wrong captions were found.

    Attributes:
        captions: how many there are.
        wrong: how many are known to be wrong.
        dropped: how many were dropped.
        found: how many of the dropped are wrong.
        precision: share of the dropped that is wrong; None where nothing was dropped.
        recall: share of the wrong that was dropped; None where nothing is wrong.
        average_precision: of the order by noise, whatever the threshold; that of a random order is about the share of
            wrong captions. None where nothing is wrong.
    """

    captions: int
    wrong: int
    dropped: int
    found: int
    precision: float | None
    recall: float | None
    average_precision: float | None


def detection(noise: Floats, dropped: Bools, wrong: Bools) -> Detection:
    """Compare what was dropped with what is known to be wrong; all are (C,)."""
    found, taken, all_wrong = int((dropped & wrong).sum()), int(dropped.sum()), int(wrong.sum())
    return Detection(
        captions=len(noise),
        wrong=all_wrong,
        dropped=taken,
        found=found,
        precision=found / taken if taken else None,
        recall=found / all_wrong if all_wrong else None,
        average_precision=average_precision(noise, wrong) if all_wrong else None,
    )


def precision_and_recall(noise: Floats, wrong: Bools) -> tuple[Floats, Floats]:
    """Return precision and recall of dropping the noisiest, for every number of captions that noise can tell apart.

    Captions of equal noise are dropped together. At least one caption must be wrong.

    Returns:
        Two arrays of one value each distinct noise, the noisiest first.
    """
    order = np.argsort(-noise, kind="stable")
    found = np.cumsum(wrong[order])
    last = np.append(np.flatnonzero(np.diff(noise[order])), len(noise) - 1)
    return found[last] / (last + 1), found[last] / found[-1]


def average_precision(noise: Floats, wrong: Bools) -> float:
    """Return sum_n (R_n - R_(n-1)) P_n over the points of `precision_and_recall`."""
    precision, recall = precision_and_recall(noise, wrong)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))
