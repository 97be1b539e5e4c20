"""The clips of a video, each reduced to a vector while the video is decoded."""

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from teachtext.video.frames import Sampler, aspect_of, pixels_of
from teachtext.video.sampling import Clips, ClipSampling

# a frame is at most this many times longer than its shorter side, whatever its file states
_LONGEST = 4.0


class ClipSampler(Sampler):
    """Gather the frames of one clip after the other, and keep the vector that the sampling's `look` returns.

    Args:
        sampling: which clips.
        seconds: length that the file states, if it does; the video may be longer.
        pixel_aspect: width of a pixel by its height.
        tolerance_s: times that differ by less are the same.
    """

    def __init__(
        self, sampling: ClipSampling, seconds: float | None, pixel_aspect: float = 1.0, *, tolerance_s: float = 0.0
    ) -> None:
        super().__init__(pixel_aspect, tolerance_s)
        self.sampling = sampling
        self.step = max(sampling.frames / sampling.per_second, (seconds or 0.0) / sampling.most)
        self.number = 0
        self.clip = np.empty((sampling.frames, sampling.height, sampling.width, 3), np.uint8)
        self.filled = 0
        # in one piece: small arrays between the large ones that a network frees would fragment the memory
        self.vectors = bytearray()
        self.times: list[tuple[float, float]] = []

    def finish(self) -> Clips:
        """Return the vectors; call after the last frame of the video."""
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

    def _convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        sampling = self.sampling
        height, width = self._size(aspect_of(frame, self.pixel_aspect))
        whole = pixels_of(frame, self.reformatter, height=height, width=width, interpolation=sampling.interpolation)
        top, left = (height - sampling.height) // 2, (width - sampling.width) // 2
        return whole[top : top + sampling.height, left : left + sampling.width]

    def _size(self, aspect: float) -> tuple[int, int]:
        """Return the (height, width) that a frame of this shape is resized to."""
        if isinstance(self.sampling.resize, tuple):
            return self.sampling.resize
        shorter = self.sampling.resize
        longer = int(shorter * min(_LONGEST, max(aspect, 1 / aspect)))
        return (shorter, longer) if aspect >= 1 else (longer, shorter)
