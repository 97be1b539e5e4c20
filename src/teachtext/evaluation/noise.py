"""Noise of captions: how noisy each one is, which are dropped, and how well that detects wrong captions.

Judges decide: models that rank all videos for a caption, the video of the caption among them.

Axes: N judges, C captions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import Ints
from teachtext.evaluation.significance import Interval, estimate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NoisePool = Literal["mean", "median", "min", "max"]

_POOLS: dict[NoisePool, Callable[..., Any]] = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}


def noise_of(ranks: Floats, gallery: Ints, *, pool: NoisePool = "mean") -> Floats:
    """Return the noise of every caption: the rank of its video as a share of the gallery, pooled over the judges.

    0 is the first place, 0.5 is chance, 1 is the last place, however large the gallery.

    Args:
        ranks: (N, C) 0-based ranks of each caption's own video, ties averaged.
        gallery: (C,) size of the gallery of each caption, at least 2 videos.
        pool: how the shares of the judges become one number.

    Returns:
        (C,) in [0, 1].

    >>> noise_of(np.array([[0.0, 4.0], [2.0, 4.0]]), np.array([5, 5])).tolist()
    [0.25, 1.0]
    """
    shares = ranks / (gallery - 1)
    noise: Floats = _POOLS[pool](shares, axis=0)
    return noise


@dataclass(frozen=True)
class Cut:
    """The decision which captions are dropped.

    Attributes:
        threshold: captions with more noise are too noisy.
        dropped: (C,) which captions are dropped.
        spared: (C,) which captions are too noisy and yet kept, as the least noisy of their video.
    """

    threshold: float
    dropped: Bools
    spared: Bools


def cut(noise: Floats, video_of: Ints, *, threshold: float = 0.5, quantile: float | None = None, keep: int = 1) -> Cut:
    """Decide which captions are dropped.

    Args:
        noise: (C,) noise of each caption.
        video_of: (C,) number of its video.
        threshold: drop captions with more noise than this; the default is chance.
        quantile: instead of the threshold, the share of all captions that is dropped at most, the noisiest.
        keep: number of captions a video that are never dropped: its least noisy, of equal ones the first.
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
    """How well dropping detects captions that are known to be wrong.

    Attributes:
        captions: number of captions.
        wrong: number of captions that are known to be wrong.
        dropped: number of dropped captions.
        dropped_wrong: number of dropped captions that are wrong.
        precision: share of the dropped that is wrong; None where nothing was dropped.
        recall: share of the wrong that was dropped; None where nothing is wrong.
        average_precision: of the order by noise, at any threshold. A random order has about the share of wrong
            captions. None where nothing is wrong.
    """

    captions: int
    wrong: int
    dropped: int
    dropped_wrong: int
    precision: float | None
    recall: float | None
    average_precision: float | None


def detection(noise: Floats, dropped: Bools, wrong: Bools) -> Detection:
    """Compare dropped captions with captions that are known to be wrong; all arguments are (C,)."""
    hit, taken, all_wrong = int((dropped & wrong).sum()), int(dropped.sum()), int(wrong.sum())
    return Detection(
        captions=len(noise),
        wrong=all_wrong,
        dropped=taken,
        dropped_wrong=hit,
        precision=hit / taken if taken else None,
        recall=hit / all_wrong if all_wrong else None,
        average_precision=average_precision(noise, wrong) if all_wrong else None,
    )


def above_chance(
    dropped: Bools, wrong: Bools, video_of: Ints, *, level: float = 0.95, resamples: int = 9999, seed: int = 0
) -> Interval | None:
    """Return by how much the precision of dropping is above chance, in percent, with its interval over videos.

    Chance is the share of captions that are wrong: the precision of dropping as many captions at random. The judges are
    taken as they are. All captions of a video are resampled together.

    Args:
        dropped: (C,) which captions are dropped.
        wrong: (C,) which captions are known to be wrong.
        video_of: (C,) the video of each caption.
        level: of the interval, in (0, 1).
        resamples: number of times that videos are drawn.
        seed: of the random generator.

    Returns:
        None where nothing is dropped, or fewer than two videos have captions.
    """
    names, videos = np.unique(video_of, return_inverse=True)
    if not dropped.any() or len(names) < 2:
        return None
    counts = np.stack([np.bincount(videos, of) for of in (dropped & wrong, dropped, wrong, np.ones(len(wrong)))])

    def compute(weights: Floats) -> Floats:
        detected, taken, mistaken, every = counts @ weights.T
        # a draw of videos that lose no caption says nothing about precision
        precision = np.divide(detected, taken, out=mistaken / every, where=taken > 0)
        above: Floats = 100 * (precision - mistaken / every)[None]
        return above

    value, low, high, _ = estimate(compute, len(names), level, resamples, seed)
    return Interval(
        "precision above chance", value, max(low, -100.0), min(high, 100.0), level, len(names), len(wrong), 1
    )


def precision_and_recall(noise: Floats, wrong: Bools) -> tuple[Floats, Floats]:
    """Return precision and recall of dropping the noisiest captions, for every distinct noise as the threshold.

    Captions of equal noise are dropped together. At least one caption must be wrong.

    Returns:
        Two arrays with one value for each distinct noise, the noisiest first.
    """
    order = np.argsort(-noise, kind="stable")
    dropped_wrong = np.cumsum(wrong[order])
    last = np.append(np.flatnonzero(np.diff(noise[order])), len(noise) - 1)
    return dropped_wrong[last] / (last + 1), dropped_wrong[last] / dropped_wrong[-1]


def average_precision(noise: Floats, wrong: Bools) -> float:
    """Return sum_n (R_n - R_(n-1)) P_n over the points of `precision_and_recall`."""
    precision, recall = precision_and_recall(noise, wrong)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))
