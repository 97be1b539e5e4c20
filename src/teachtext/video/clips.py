"""The clips of a video, looked at while it is decoded."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from teachtext.video.pictures import aspect_of, pixels_of
from teachtext.video.sampling import Clips, ClipSampling

# nothing is longer than so many times its shorter side, whatever a file tells
_LONGEST = 4.0


class ClipSampler:
    """Gather the frames of one clip after the other, and keep what the sampling's `look` makes of each.

    Args:
        sampling: what is wanted.
        seconds: length that the file tells, if it does; it may turn out longer.
        pixel_aspect: width of a pixel by its height.
        tolerance_s: times that differ by less are the same.
    """

    def __init__(
        self, sampling: ClipSampling, seconds: float | None, pixel_aspect: float = 1.0, *, tolerance_s: float = 0.0
    ) -> None:
        self.sampling = sampling
        self.pixel_aspect = pixel_aspect
        self.tolerance_s = tolerance_s
        self.step = max(sampling.frames / sampling.per_second, (seconds or 0.0) / sampling.most)
        self.number = 0
        self.clip = np.empty((sampling.frames, sampling.height, sampling.width, 3), np.uint8)
        self.filled = 0
        # in one piece: small ones that stay would lie between the large ones that a network frees, which cannot be used
        # again then
        self.vectors = bytearray()
        self.times: list[tuple[float, float]] = []
        self.last: tuple[VideoFrame, float] | None = None
        self.converted: tuple[VideoFrame, NDArray[np.uint8]] | None = None
        self.reformatter = VideoReformatter()

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame of the video."""
        self._show(time - self.tolerance_s)
        self.last = (frame, time)

    def finish(self) -> Clips:
        """Return what was kept; call after the last frame."""
        assert self.last is not None
        self._show(self.last[1] + self.tolerance_s)
        if self.filled and (2 * self.filled >= self.sampling.frames or not self.times):
            self._look()
        count = min(len(self.times), self.sampling.most)
        kept = np.linspace(0, len(self.times) - 1, count).round().astype(int)
        return Clips(self._table()[kept], np.array(self.times, np.float32)[kept])

    def _show(self, until: float) -> None:
        """Fill all places that lie before `until` with the frame that is on show."""
        while self.last is not None and self._next() < until:
            self.clip[self.filled] = self._pixels(self.last[0])
            self.filled += 1
            if self.filled == self.sampling.frames:
                self._look()

    def _next(self) -> float:
        """Return the time of the next place that is to be filled."""
        return self.number * self.step + self.filled / self.sampling.per_second

    def _look(self) -> None:
        start = self.number * self.step
        self.times.append((start, start + self.filled / self.sampling.per_second))
        self.clip[self.filled :] = self.clip[self.filled - 1]
        self.vectors += self.sampling.look(self.clip).tobytes()
        self.number, self.filled = self.number + 1, 0
        if len(self.times) > 2 * self.sampling.most:
            self.vectors, self.times = bytearray(self._table()[::2].tobytes()), self.times[::2]
            self.step *= 2
            self.number = len(self.times)

    def _table(self) -> NDArray[np.float32]:
        """Return the vectors, (clips, D)."""
        return np.frombuffer(self.vectors, np.float32).reshape(len(self.times), -1)

    def _pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        if self.converted is None or self.converted[0] is not frame:
            self.converted = (frame, self._convert(frame))
        return self.converted[1]

    def _convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        wanted = self.sampling
        height, width = self._size(aspect_of(frame, self.pixel_aspect))
        whole = pixels_of(frame, self.reformatter, height=height, width=width, interpolation=wanted.interpolation)
        top, left = (height - wanted.height) // 2, (width - wanted.width) // 2
        return whole[top : top + wanted.height, left : left + wanted.width]

    def _size(self, aspect: float) -> tuple[int, int]:
        """Return the (height, width) that a frame of this shape is resized to."""
        if isinstance(self.sampling.resize, tuple):
            return self.sampling.resize
        shorter = self.sampling.resize
        longer = int(shorter * min(_LONGEST, max(aspect, 1 / aspect)))
        return (shorter, longer) if aspect >= 1 else (longer, shorter)
