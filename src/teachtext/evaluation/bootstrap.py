"""Metrics under many weightings of the videos at once: the core of resampling whole videos.

Each video is first reduced to its contribution to the metric. A resample is then a row of a matrix product.

Axes: S seeds, C captions, V videos, N resamples.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import METRICS, Metric
from teachtext.evaluation.ranks import Ints

_Floats = NDArray[np.float64]
Statistic = Callable[[_Floats], _Floats]
"""From weights of the videos (N, V), how often the captions of each count, to a metric of every seed (S, N)."""


def weighted_statistic(ranks: _Floats, video_of: Ints, videos: int, name: str) -> Statistic:
    """Return the function from weights of the videos (N, V) to a metric of every seed (S, N).

    Args:
        ranks: (S, C) 0-based ranks.
        video_of: (C,) the video of each caption, from 0.
        videos: V.
        name: a key of `METRICS`.
    """
    metric = METRICS[name]
    if metric.reduction == "median":
        return _median(ranks, video_of, videos, metric)
    values = [metric.scale * np.asarray(function(ranks)) + metric.offset for function in metric.per_query]
    return _mean([_per_video(value, video_of, videos) for value in values], video_of, videos)


def _per_video(values: NDArray[np.floating], video_of: Ints, videos: int) -> _Floats:
    """Sum the values of captions (S, C) over each video: (V, S)."""
    return np.stack([np.bincount(video_of, seed, videos) for seed in values], axis=1)


def _mean(sums: Sequence[_Floats], video_of: Ints, videos: int) -> Statistic:
    """A mean over captions, or the geometric mean of three."""
    captions = np.bincount(video_of, minlength=videos).astype(np.float64)

    def compute(weights: _Floats) -> _Floats:
        total = (weights @ captions)[:, None]
        means = [weights @ per_video / total for per_video in sums]
        metric: _Floats = means[0] if len(means) == 1 else np.cbrt(np.prod(means, axis=0))
        return metric.T

    return compute


def _median(ranks: _Floats, video_of: Ints, videos: int, metric: Metric) -> Statistic:
    """The median over captions that count as often as their videos were drawn."""
    ranks = np.asarray(metric.per_query[0](ranks), np.float64)
    values = np.unique(ranks)
    captions = np.bincount(video_of, minlength=videos).astype(np.float64)
    coarse = values[:: int(len(values) ** 0.5)]

    def compute(weights: _Floats) -> _Floats:
        total = (weights @ captions)[:, None]
        middle = np.hstack([(total - 1) // 2, total // 2])
        # first the range that holds the medians of all resamples, then each median among the few ranks in that range
        places = _places(ranks, video_of, coarse, weights, middle)
        start = np.searchsorted(values, coarse[max(0, places.min() - 1)])
        stop = np.searchsorted(values, coarse[places.max()]) if places.max() < len(coarse) else len(values)
        fine = values[start : stop + 1]
        medians = fine[_places(ranks, video_of, fine, weights, middle)].mean(-1)
        shown: _Floats = metric.scale * medians + metric.offset
        return shown

    return compute


def _places(ranks: _Floats, video_of: Ints, values: _Floats, weights: _Floats, positions: _Floats) -> NDArray[np.int64]:
    """Count the `values` below the rank at each 0-based position (N, P) of the sorted ranks: (S, N, P)."""
    width = len(values) + 1  # one more for ranks above them all
    places = np.empty((len(ranks), *positions.shape), np.int64)
    for seed, seed_ranks in enumerate(ranks):
        cells = np.searchsorted(values, seed_ranks) + width * video_of
        table = np.bincount(cells, minlength=width * weights.shape[1]).reshape(-1, width)[:, :-1].cumsum(axis=1)
        up_to = weights @ table.astype(np.float64)
        for column, position in enumerate(positions.T):
            places[seed, :, column] = (up_to <= position[:, None]).sum(1)
    return places


def times_drawn(drawn: NDArray[np.int64], videos: int) -> _Floats:
    """Count how often each video was drawn: (N, V) indices to (N, V) weights."""
    cells = drawn + videos * np.arange(len(drawn))[:, None]
    return np.bincount(cells.ravel(), minlength=len(drawn) * videos).reshape(len(drawn), videos).astype(np.float64)
