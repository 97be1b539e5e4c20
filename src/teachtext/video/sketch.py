"""Small pictures of a video at times that its copies share, and how copies are recognised by them.

A copy has other bytes and other sizes, but shows the same at the same time. The times are multiples of a power of two
of seconds. So files whose lengths differ a little have most of their times in common.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 18, 24
# pictures of a video: more than this, up to twice as many
_LEAST = 8
# Measured on re-encoded clips of MSVD-476, and on pairs of other clips: docs/methods/moments.md.
_LEAST_MOVEMENT = 0.75
_LEAST_LIKENESS, _LEAST_SHARE = 0.7, 0.8
_NEAR = 8.0
# common times of two videos, at least
_LEAST_TIMES = 4
# movement below this, in levels of 255, is noise
_STILL = 1.5
_NOISE = 2.0


class Sketch(NamedTuple):
    """Small pictures of a video.

    Attributes:
        times: (n,) seconds from the first picture; exact in binary, so that they can be compared.
        pixels: (n, 18, 24) uint8, luminance.
    """

    times: NDArray[np.float32]
    pixels: NDArray[np.uint8]


def sketch_times(seconds: float) -> list[float]:
    """Return the times at which a video of so many seconds is looked at.

    >>> sketch_times(2.2), sketch_times(9.0)[-2:], len(sketch_times(7200.0))
    ([0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0], [7.0, 8.0], 15)
    """
    step = 2.0 ** math.floor(math.log2(max(seconds, 0.1) / _LEAST))
    return [number * step for number in range(math.ceil(max(seconds, 0.1) / step))]


def mean_look(sketch: Sketch | None) -> NDArray[np.float32]:
    """Return the mean picture of a video without its mean, of unit length, (18 * 24,); zeros where there is none."""
    if sketch is None or not len(sketch.times):
        return np.zeros(HEIGHT * WIDTH, np.float32)
    mean = sketch.pixels.reshape(len(sketch.times), -1).mean(axis=0, dtype=np.float64)
    mean -= mean.mean()
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def is_copy(sketch: Sketch, other: Sketch) -> bool:
    """Return whether two videos show the same, by their pictures at common times.

    Two things must hold. The movement correlates, which is what changes from picture to picture: clips of one place
    differ in nothing else. And at four of five times the pictures are alike. Videos in which nothing moves are never
    copies.
    """
    common, here, there = np.intersect1d(sketch.times, other.times, return_indices=True)
    if len(common) < _LEAST_TIMES:
        return False
    x = sketch.pixels[here].reshape(len(common), -1).astype(np.float64)
    y = other.pixels[there].reshape(len(common), -1).astype(np.float64)
    moving, other_moving = x - x.mean(axis=0), y - y.mean(axis=0)
    energy = np.sqrt(np.square(moving).mean() * np.square(other_moving).mean())
    if energy < _STILL**2 or (moving * other_moving).mean() < _LEAST_MOVEMENT * energy:
        return False
    # a copy may be brighter, or have more contrast
    slope, offset = np.polyfit(y.ravel(), x.ravel(), 1)
    near = np.sqrt(np.square(x - slope * y - offset).mean(axis=1)) < _NEAR
    return float((near | (_likeness(x, y) >= _LEAST_LIKENESS)).mean()) >= _LEAST_SHARE


def _likeness(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of pictures, (n,); pictures of one colour have none."""
    x, y = (pixels - pixels.mean(axis=1, keepdims=True) for pixels in (x, y))
    noise = x.shape[1] * _NOISE**2
    norms = (np.square(pixels).sum(axis=1) + noise for pixels in (x, y))
    return np.asarray((x * y).sum(axis=1) / np.sqrt(next(norms) * next(norms)))
