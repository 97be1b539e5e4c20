"""Where one shot of a video ends and the next begins, seen while the frames are decoded."""

from collections import deque

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

# Chosen on labelled cuts of real clips: docs/methods/moments.md.
_LEAST_CHANGE = 0.25
_TIMES_RECENT = 2.0
_RECENT, _RECENT_S = 6, 1.0
_HEIGHT, _WIDTH = 24, 32
# Frames that follow sooner are not looked at, which halves the cost. A shot is at least so long.
_LOOK_S, _LEAST_S = 1 / 16, 0.25
# mean difference, of 255, below which a frame repeats the last one
_REPEATED = 0.3
# a picture has one colour below this standard deviation, of 255; a flash of one colour is shorter
_ONE_COLOUR, _FLASH_S = 6.0, 0.15
# a standard deviation that is mere noise
_NOISE = 2.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_CODES = np.array([64, 8, 1], np.int64)


class _Look:
    """A small picture of a frame, and what two of them are compared by."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        values = pixels.reshape(-1, 3)
        self.pixels = values.astype(np.float32)
        count = len(values)
        spread = np.einsum("ij,ij->j", self.pixels, self.pixels) / count - np.square(self.pixels.sum(axis=0) / count)
        self.has_one_colour = float(spread.max()) < _ONE_COLOUR**2
        light = self.pixels @ _LUMA
        light -= light.sum() / count
        self.structure = light / float(np.sqrt(light @ light + count * _NOISE**2))
        codes = (values >> 5) @ _CODES
        self.colours = np.bincount(codes, minlength=512) / count

    def difference(self, other: "_Look") -> float:
        """Return the mean difference of the pixels, of 255."""
        return float(np.abs(self.pixels - other.pixels).sum()) / self.pixels.size

    def change(self, other: "_Look") -> float:
        """Return in [0, 1] how much another picture differs in pixels, in structure and in colours."""
        structure = min(1.0, max(0.0, 1 - float(self.structure @ other.structure)))
        colours = float(np.abs(self.colours - other.colours).sum()) / 2
        return float((self.difference(other) / 255 * structure * colours) ** (1 / 3))


class ShotDetector:
    """Finds the frames that begin a shot, from small pictures of consecutive frames.

    A frame begins a shot if it differs from the frame before in its pixels, its structure and its colours, and if the
    difference is twice the mean of the frames just before. So shakes and fast pans begin no shot, and of pictures that
    all differ none does. A stretch of one colour ends a shot, unless the stretch is as short as a flash. Cross-fades
    are not found: their frames differ little.

    The answer for a frame needs no later frames. A frame costs about 0.1 ms, whatever its size.

    Example:
        >>> detector = ShotDetector()
        >>> pictures = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
        >>> frames = [av.VideoFrame.from_ndarray(pictures[shot], format="rgb24") for shot in (0, 0, 0, 1, 1)]
        >>> [detector.begins_shot(frame, 0.2 * number) for number, frame in enumerate(frames)]
        [False, False, False, True, False]
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        # the last picture of more than one colour, and since when there was none
        self._last: _Look | None = None
        self._one_colour_since: float | None = None
        self._looked_s = self._shot_s = float("-inf")

    def begins_shot(self, frame: av.VideoFrame, time: float) -> bool:
        """Return whether a frame begins a shot. The first frame of a video follows no other: False.

        Args:
            frame: the next frame of the video, of any size.
            time: seconds from the start of the video; they never fall.
        """
        if time - self._looked_s < _LOOK_S:
            return False
        self._looked_s = time
        small = self._reformatter.reformat(
            frame, width=_WIDTH, height=_HEIGHT, format="rgb24", interpolation="FAST_BILINEAR", threads=1
        )
        look = _Look(np.asarray(small.to_ndarray(), np.uint8))
        if look.has_one_colour:
            if self._one_colour_since is None:
                self._one_colour_since = time
            return False
        begins = self._begins(look, time)
        self._last, self._one_colour_since = look, None
        if begins:
            self._shot_s = time
        return begins

    def _begins(self, look: _Look, time: float) -> bool:
        if self._last is None:
            return False
        was_one_colour = self._one_colour_since is not None and time - self._one_colour_since > _FLASH_S
        if look.difference(self._last) < _REPEATED:
            return was_one_colour and time - self._shot_s >= _LEAST_S
        change = look.change(self._last)
        recent = [value for value_s, value in self._recent if time - value_s <= _RECENT_S]
        is_jump = change > max(_LEAST_CHANGE, _TIMES_RECENT * sum(recent) / max(1, len(recent)))
        self._recent.append((time, change))
        return (is_jump or was_one_colour) and time - self._shot_s >= _LEAST_S
