"""The pieces of a long video: its frames are handed on piece by piece while it is decoded.

Memory does not grow with the length of the video: only the frames of the present piece are kept.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from av.video.frame import VideoFrame

from teachtext.video.clips import ClipSampler
from teachtext.video.decode import TOLERANCE_S
from teachtext.video.frames import FrameSampler
from teachtext.video.sampling import Clips, ClipSampling, Frames, FrameSampling, PieceRule
from teachtext.video.shots import ShotDetector

Span = tuple[float, float]
Take = Callable[[Frames, Sequence[Span]], None]
"""Takes the frames of a piece, their times counted from its beginning, and the spans in seconds that they stand for."""

# more clips than any video has
_ALL = 10**9


class PieceWatcher:
    """Cut a video into pieces, and hand on the frames of each piece as soon as it ends.

    Args:
        samplings: for each expert that looks, what it sees of a clip.
        takes: for each of them, what takes its pieces. Of a `ClipSampling` all clips come together, in `clips`.
        rule: how the video is cut.
        pixel_aspect: width of a pixel by its height.

    Attributes:
        end: seconds at which the last frame was seen.
    """

    def __init__(
        self,
        samplings: Sequence[FrameSampling | ClipSampling],
        takes: Sequence[Take],
        rule: PieceRule,
        pixel_aspect: float,
    ) -> None:
        self._shots = ShotDetector()
        self._pieces = [
            _Pieces(sampling, take, rule, pixel_aspect)
            for sampling, take in zip(samplings, takes, strict=True)
            if isinstance(sampling, FrameSampling)
        ]
        self._clips = {
            number: ClipSampler(replace(sampling, most=_ALL), None, pixel_aspect, tolerance_s=TOLERANCE_S)
            for number, sampling in enumerate(samplings)
            if isinstance(sampling, ClipSampling)
        }
        self.end = 0.0

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame of the video."""
        is_cut = self._shots.begins_shot(frame, time)
        for pieces in self._pieces:
            pieces.see(frame, time, is_cut)
        for sampler in self._clips.values():
            sampler.see(frame, time)
        self.end = time

    def finish(self) -> dict[int, Clips]:
        """Hand on the last pieces; return the clips by the number of their sampling."""
        for pieces in self._pieces:
            pieces.finish()
        return {number: sampler.finish() for number, sampler in self._clips.items()}


class _Pieces:
    """The pieces of one sampling."""

    def __init__(self, sampling: FrameSampling, take: Take, rule: PieceRule, pixel_aspect: float) -> None:
        self._sampling = replace(sampling, per_second=sampling.per_second * rule.share)
        # a piece has a moment at least
        self._longest_s = max(rule.longest_s, 1 / self._sampling.per_second)
        self._shortest_s = rule.shortest_s
        self._pixel_aspect = pixel_aspect
        self._take = take
        self._last = self._gap_s = 0.0
        self._begin(0.0)

    def _begin(self, time: float) -> None:
        self._start = time
        self._sampler = FrameSampler(self._sampling, None, self._pixel_aspect, tolerance_s=TOLERANCE_S)

    def see(self, frame: VideoFrame, time: float, is_cut: bool) -> None:
        length = time - self._start
        if self._sampler.last and ((is_cut and length >= self._shortest_s) or length >= self._longest_s - TOLERANCE_S):
            self._end(time)
            self._begin(time)
        self._sampler.see(frame, time - self._start)
        self._gap_s, self._last = time - self._last, time

    def finish(self) -> None:
        if self._sampler.last:
            self._end(self._last + self._gap_s)

    def _end(self, time: float) -> None:
        # a frame that is shown for long stands for several pieces
        count = max(1, math.floor((time - self._start) / self._longest_s + 0.5))
        step = (time - self._start) / count
        spans = [(self._start + number * step, self._start + (number + 1) * step) for number in range(count)]
        self._take(self._sampler.finish(), spans)
