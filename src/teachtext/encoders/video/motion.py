"""How a video moves: histograms of optical flow and of motion boundaries."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import Rows
from teachtext.video.sampling import Frames, FrameSampling

_GRID = 3
_ORIENTATIONS = 8
_BINS = _ORIENTATIONS + 1
# what is counted in a cell: each orientation, a whole turn, and stillness
_COUNTS = _ORIENTATIONS + 2
# Neighbours mostly count for the same bin, and a sum has to wait for the sum before; so they count in turn.
_COPIES = 8
# pixels between the frames of a burst, and pixels a pixel; below these a place counts as still
_STILL_FLOW = 0.4
_STILL_BOUNDARY = 0.02


class MotionHistograms:
    """HOF and MBH over dense optical flow, with no learnt part.

    Flow is DIS (Kroeger et al., ECCV 2016). HOF (Laptev et al., CVPR 2008) counts the orientations of the flow. MBHx
    and MBHy (Dalal et al., ECCV 2006) count those of the spatial gradients of its x and y parts, in which constant
    camera motion cancels. Orientations are counted in a 3 x 3 grid of cells, weighted by magnitude and shared between
    the two nearest of 8 orientations.

    As in Wang and Schmid (ICCV 2013), pixels that hardly move go into a ninth bin. The result is the square root of the
    L1-normalised histogram. Unlike there, all three histograms have that bin. A still pixel weighs as much as the
    weakest movement, or stillness would swamp the motion boundaries. All three are averaged over the moments first: one
    row of 3 * 9 * 9 = 243.

    Args:
        threads: CPU threads.
        device: as every expert takes it; OpenCV computes on the CPU.
        per_second: moments a second.
        most: moments a video, at most.
        gap_s: seconds between the two frames of a flow.
    """

    def __init__(
        self, *, threads: int = 1, device: str = AUTO, per_second: float = 4.0, most: int = 64, gap_s: float = 0.1
    ) -> None:
        self.outputs: Mapping[str, int] = {"motion": 3 * _GRID * _GRID * _BINS}
        self.sampling = FrameSampling(
            per_second=per_second, most=most, height=168, width=224, burst=2, gap_s=gap_s, gray=True
        )
        self.settings: Mapping[str, Any] = {
            "recipe": "DIS optical flow; HOF, MBHx, MBHy; square root of L1-normalised mean over moments",
            "version": 1,
            "grid": _GRID,
            "orientations": _ORIENTATIONS,
            "still_below": [_STILL_FLOW, _STILL_BOUNDARY],
            "sampling": asdict(self.sampling),
        }
        self._threads = threads
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._cells = _cells(self.sampling.height, self.sampling.width)

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        """Encode one video; see `VideoExpert.encode`. A video of a single picture has no rows."""
        pixels = sampled.pixels
        if len(pixels) == 1 and np.array_equal(pixels[0, 0], pixels[0, 1]):
            return {"motion": Rows(np.zeros((0, self.outputs["motion"]), np.float32))}
        cv2.setNumThreads(self._threads)
        mean = np.mean([self._describe(first, second) for first, second in pixels], axis=0)
        histograms = np.sqrt(mean / mean.sum(axis=1, keepdims=True))
        return {"motion": Rows(histograms.reshape(1, -1).astype(np.float32))}

    def _describe(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return (3, cells * bins): HOF, MBHx, MBHy of one pair of frames."""
        flow = self._flow.calc(first, second, None)
        x, y = np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1])
        boundaries = [_histogram(*_gradient(part), self._cells, _STILL_BOUNDARY) for part in (x, y)]
        return np.stack([_histogram(x, y, self._cells, _STILL_FLOW), *boundaries])


def _cells(height: int, width: int) -> NDArray[np.float32]:
    """Return (height, width): for each pixel the first count of its cell, in the next of the copies."""
    rows = np.arange(height) * _GRID // height
    columns = np.arange(width) * _GRID // width
    copy = np.arange(width) % _COPIES * _GRID**2
    return ((rows[:, None] * _GRID + columns + copy) * _COUNTS).astype(np.float32)


def _gradient(part: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return cv2.Sobel(part, cv2.CV_32F, 1, 0, ksize=1, scale=0.5), cv2.Sobel(part, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)


def _histogram(
    x: NDArray[np.float32], y: NDArray[np.float32], cells: NDArray[np.float32], still_below: float
) -> NDArray[np.float64]:
    """Count orientations a cell: (cells * bins,), weighted by magnitude; still pixels go into a cell's last bin."""
    magnitude, position = cv2.cartToPolar(x, y)
    cv2.multiply(position, _ORIENTATIONS / (2 * np.pi), position)
    np.copyto(position, _ORIENTATIONS + 1, where=magnitude <= still_below)
    lower = np.trunc(position)
    # the part of a pixel that counts for the orientation above
    position -= lower
    np.maximum(magnitude, still_below, out=magnitude)
    position *= magnitude
    lower += cells
    places = lower.ravel().astype(np.int64)
    total, above = (
        np.bincount(places, weights.ravel(), minlength=_COPIES * _GRID**2 * _COUNTS)
        .reshape(_COPIES, _GRID**2, _COUNTS)
        .sum(axis=0)
        for weights in (magnitude, position)
    )
    for counts in (total, above):
        # a whole turn is no turn
        counts[:, 0] += counts[:, _ORIENTATIONS]
    moving = (total - above)[:, :_ORIENTATIONS] + np.roll(above[:, :_ORIENTATIONS], 1, axis=1)
    return np.concatenate([moving, total[:, _ORIENTATIONS + 1 :]], axis=1).ravel()
