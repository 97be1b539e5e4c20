"""Metrics of many weightings of the videos at once: what resampling whole videos is made of.

Each video is first reduced to what it adds to the metric, so that a resample is a row of a matrix product.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import hits
from teachtext.evaluation.ranks import Ints

_Floats = NDArray[np.float64]
Statistic = Callable[[_Floats], _Floats]
"""From weights of V videos, (N, V), how often the captions of each count, to a metric of every seed, (S, N)."""

_RECALLS = {"r1": (1,), "r5": (5,), "r10": (10,), "r50": (50,), "geometric_mean": (1, 5, 10)}


def weighted_statistic(ranks: _Floats, video_of: Ints, videos: int, name: str) -> Statistic:
    """Return what makes of weights of the videos (N, V) the statistic of every seed (S, N), ranks being (S, C)."""
    if name == "mdr":
        return _median(ranks, video_of, videos)
    if name == "mnr":
        return _ratio([_per_video(ranks + 1, video_of, videos)], video_of, videos)
    return _ratio([_per_video(100.0 * hits(ranks, k), video_of, videos) for k in _RECALLS[name]], video_of, videos)


def _per_video(values: NDArray[np.floating], video_of: Ints, videos: int) -> _Floats:
    """Sum values of captions (S, C) to those of their videos (V, S): all that resampling whole videos needs."""
    return np.stack([np.bincount(video_of, seed, videos) for seed in values], axis=1)


def _ratio(sums: Sequence[_Floats], video_of: Ints, videos: int) -> Statistic:
    """A mean over captions, or the geometric mean of three."""
    captions = np.bincount(video_of, minlength=videos).astype(np.float64)

    def compute(weights: _Floats) -> _Floats:
        total = (weights @ captions)[:, None]
        means = [weights @ each / total for each in sums]
        found: _Floats = means[0] if len(means) == 1 else np.cbrt(np.prod(means, axis=0))
        return found.T

    return compute


def _median(ranks: _Floats, video_of: Ints, videos: int) -> Statistic:
    """The median rank, 1-based, of captions that count as often as their videos were drawn."""
    values = np.unique(ranks)
    captions = np.bincount(video_of, minlength=videos).astype(np.float64)
    coarse = values[:: int(len(values) ** 0.5)]

    def compute(weights: _Floats) -> _Floats:
        total = (weights @ captions)[:, None]
        middle = np.hstack([(total - 1) // 2, total // 2])
        # first where the medians of all these resamples lie, then each among the few ranks in between
        places = _places(ranks, video_of, coarse, weights, middle)
        start = np.searchsorted(values, coarse[max(0, places.min() - 1)])
        stop = np.searchsorted(values, coarse[places.max()]) if places.max() < len(coarse) else len(values)
        fine = values[start : stop + 1]
        found: _Floats = fine[_places(ranks, video_of, fine, weights, middle)].mean(-1) + 1
        return found

    return compute


def _places(ranks: _Floats, video_of: Ints, values: _Floats, weights: _Floats, positions: _Floats) -> NDArray[np.int64]:
    """Find what stands at 0-based positions (N, P) of the sorted ranks: how many of `values` are below, (S, N, P)."""
    width = len(values) + 1  # one more for ranks above them all
    found = np.empty((len(ranks), *positions.shape), np.int64)
    for seed, each in enumerate(ranks):
        cells = np.searchsorted(values, each) + width * video_of
        table = np.bincount(cells, minlength=width * weights.shape[1]).reshape(-1, width)[:, :-1].cumsum(axis=1)
        up_to = weights @ table.astype(np.float64)
        for place, position in enumerate(positions.T):
            found[seed, :, place] = (up_to <= position[:, None]).sum(1)
    return found


def times_drawn(drawn: NDArray[np.int64], videos: int) -> _Floats:
    """Count how often each video was drawn: (N, V) indices to (N, V) weights."""
    cells = drawn + videos * np.arange(len(drawn))[:, None]
    return np.bincount(cells.ravel(), minlength=len(drawn) * videos).reshape(len(drawn), videos).astype(np.float64)
