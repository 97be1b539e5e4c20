"""The pictures of a video: one frame to pixels, the moments of a `FrameSampling`, and a thumbnail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.video.file import COPY_AGAIN, open_video, stream_seconds
from teachtext.video.sampling import Frames, FrameSampling

_JPEG_QUALITY = 80
# frames that are decoded for a thumbnail, at most
_MOST_FRAMES = 600
# a thumbnail is no taller than so many times its width
_TALLEST = 4


def pixels_of(
    frame: VideoFrame,
    reformatter: VideoReformatter,
    *,
    height: int,
    width: int,
    gray: bool = False,
    interpolation: str = "BICUBIC",
) -> NDArray[np.uint8]:
    """Return (height, width, 3) RGB, or (height, width) if gray, of the whole frame as a player shows it."""
    quarter_turns = _quarter_turns(frame)
    if quarter_turns % 2:
        height, width = width, height
    small = reformatter.reformat(
        frame,
        width=width,
        height=height,
        format="gray" if gray else "rgb24",
        interpolation=interpolation,
        threads=1,
    )
    pixels: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(small.to_ndarray(), quarter_turns))
    return pixels


def aspect_of(frame: VideoFrame, pixel_aspect: float) -> float:
    """Return the width by the height of a frame as a player shows it."""
    aspect = pixel_aspect * frame.width / frame.height
    return 1 / aspect if _quarter_turns(frame) % 2 else aspect


def _quarter_turns(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) % 4


class Sampler:
    """Take the frames of a video as they are decoded, and fill places in time with the frame that is on show.

    A subclass fills its places in `_show`, and converts a frame to its pixels in `_convert`.

    Args:
        pixel_aspect: width of a pixel by its height.
        tolerance_s: times that differ by less are the same.
    """

    def __init__(self, pixel_aspect: float, tolerance_s: float) -> None:
        self.pixel_aspect = pixel_aspect
        self.tolerance_s = tolerance_s
        self.last: tuple[VideoFrame, float] | None = None
        self.reformatter = VideoReformatter()
        self._converted: tuple[VideoFrame, NDArray[np.uint8]] | None = None

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame of the video."""
        self._show(time - self.tolerance_s)
        self.last = (frame, time)

    def _show(self, until: float) -> None:
        """Fill all places before `until` seconds with the frame that is on show."""
        raise NotImplementedError

    def _convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        raise NotImplementedError

    def _pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return the pixels of a frame, which is converted once."""
        if self._converted is None or self._converted[0] is not frame:
            self._converted = (frame, self._convert(frame))
        return self._converted[1]


class _Moment:
    """One moment of a sampling, and the frames of its burst so far."""

    def __init__(self, time: float, first: NDArray[np.uint8]) -> None:
        self.time = time
        self.burst = [first]


class FrameSampler(Sampler):
    """Pick and resize the frames of one sampling, from a stream that may be longer than its file states.

    Args:
        sampling: which frames.
        seconds: length that the file states, if it does.
        pixel_aspect: width of a pixel by its height.
        tolerance_s: times that differ by less are the same.
    """

    def __init__(
        self, sampling: FrameSampling, seconds: float | None, pixel_aspect: float = 1.0, *, tolerance_s: float = 0.0
    ) -> None:
        super().__init__(pixel_aspect, tolerance_s)
        self.sampling = sampling
        self.step = max(1 / sampling.per_second, (seconds or 0.0) / sampling.most)
        self.target = 0
        self.moments: list[_Moment] = []
        self.open: list[_Moment] = []

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame of the video."""
        super().see(frame, time)
        self._fill(frame, time)

    def finish(self) -> Frames:
        """Return the frames; call after the last frame of the video."""
        assert self.last is not None
        frame, time = self.last
        self._show(time + self.tolerance_s)
        whole = [moment for moment in self.moments if len(moment.burst) == self.sampling.burst]
        # a burst that the end of the video cuts off would look like a standstill
        kept = whole or self.moments[:1]
        for moment in kept:
            moment.burst.extend(self._pixels(frame) for _ in range(self.sampling.burst - len(moment.burst)))
        if len(kept) > self.sampling.most:
            kept = [kept[i] for i in np.linspace(0, len(kept) - 1, self.sampling.most).round().astype(int)]
        pixels = np.stack([picture for moment in kept for picture in moment.burst])
        frames = pixels.reshape(len(kept), self.sampling.burst, *pixels.shape[1:])
        times = np.array([moment.time for moment in kept], np.float32)
        return Frames(frames, times, aspect_of(frame, self.pixel_aspect), min(frame.width, frame.height))

    def _show(self, until: float) -> None:
        """Begin the moments before `until` with the frame that is on show."""
        while self.last is not None and self.target * self.step < until:
            frame, time = self.last
            moment = _Moment(time, self._pixels(frame))
            self.moments.append(moment)
            self.target += 1
            if self.sampling.burst > 1:
                self.open.append(moment)
            if len(self.moments) > 2 * self.sampling.most:
                self._halve()

    def _fill(self, frame: VideoFrame, time: float) -> None:
        for moment in self.open:
            if time >= moment.time + len(moment.burst) * self.sampling.gap_s - self.tolerance_s:
                moment.burst.append(self._pixels(frame))
        self.open = [moment for moment in self.open if len(moment.burst) < self.sampling.burst]

    def _halve(self) -> None:
        self.moments = self.moments[::2]
        self.step *= 2
        self.target = len(self.moments)
        held = {id(moment) for moment in self.moments}
        self.open = [moment for moment in self.open if id(moment) in held]

    def _convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        sampling = self.sampling
        return pixels_of(frame, self.reformatter, height=sampling.height, width=sampling.width, gray=sampling.gray)


def thumbnail(path: Path, at_s: float | None = None, *, width: int = 384) -> bytes:
    """Return a JPEG picture of a video.

    Args:
        path: a video file.
        at_s: seconds from the start: the picture that is on show then, or one shortly before where key frames are very
            far apart. By default the picture is the one in the middle, of a shorter video the last or the first.
        width: pixels; the height follows from the shape of the video.

    Raises:
        InputError: no picture can be decoded.
    """
    import cv2

    try:
        with open_video(path) as container:
            frame = _frame_at(container, at_s)
    except (av.error.FFmpegError, IndexError, AttributeError) as error:
        raise InputError(f"{path} shows no picture", COPY_AGAIN) from error
    if frame is None:
        raise InputError(f"{path} shows no picture", COPY_AGAIN)
    height = min(max(2, round(width * frame.height / frame.width)), _TALLEST * width)
    image = frame.to_ndarray(format="bgr24", width=width, height=height)
    upright = np.ascontiguousarray(np.rot90(image, _quarter_turns(frame)))
    return bytes(cv2.imencode(".jpg", upright, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])


def _frame_at(container: Any, at_s: float | None) -> VideoFrame | None:
    stream = container.streams.video[0]
    # each thread would hold pictures of its own
    stream.codec_context.thread_count = 1
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    second = (stream_seconds(container, stream) or 0.0) / 2 if at_s is None else at_s
    container.seek(int(av.time_base * (start + second)))
    frames: Iterator[VideoFrame] = container.decode(stream)
    # key frames stand far apart, and the one before may show another shot
    shown: VideoFrame | None = None
    try:
        for number, frame in enumerate(frames):
            if shown is not None and ((frame.time or 0.0) - start > second or number == _MOST_FRAMES):
                break
            shown = frame
    except av.error.FFmpegError:
        # what was decoded before a damage is a picture too
        if shown is None:
            raise
    if shown is None:
        container.seek(0)
        shown = next(container.decode(stream), None)
    return shown
