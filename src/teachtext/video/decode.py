"""Video files to frames and sound: one pass over the file feeds every expert.

Memory does not grow with a video's length: of pictures are kept as many as an expert asked for, and sound is handed on.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.video.clips import ClipSampler
from teachtext.video.opening import ANEW, open_video
from teachtext.video.pictures import aspect_of, pixels_of
from teachtext.video.sampling import Clips, ClipSampling, Frames, FrameSampling
from teachtext.video.sound import Ear, Listener

# containers keep times in milliseconds at worst, so equal times may differ by this much
_TOLERANCE_S = 0.002
_LOST_SHARE = 0.1
# a damaged header may tell any length, but hardly any video has fewer bytes a second
_LEAST_RATE = 250
# sound and pictures need not end together
_SLACK_S = 1.0
# formats that FFmpeg reads as video though they are text, most of which point at other files
_NOT_VIDEO = {"tty", "concat", "hls", "dash", "imf"}
_PICTURES = ("_pipe", "image2")


def sample_video(
    path: Path,
    samplings: Sequence[FrameSampling | ClipSampling],
    ears: Sequence[Ear] = (),
    *,
    opened: Callable[[float | None], None] = lambda seconds: None,
    note: Callable[[str], None] = lambda told: None,
) -> list[Frames | Clips]:
    """Decode a video once: keep the frames and clips that each sampling asks for, and let each ear hear meanwhile.

    A moment shows the frame that a player shows at that time; the further frames of a burst are the first ones at
    least `gap_s`, `2 * gap_s`, ... after it. Packets that cannot be decoded are skipped, as players do, and a file that
    is cut short in a container that does not tell its length is used as far as it goes.

    Sound is that of the first track, from the first picture on; where it is not to be had, there is silence. Of a video
    without sound, or with sound that cannot be decoded, nothing is heard: that is no error.

    Args:
        path: a video file in any format that FFmpeg reads; rotation flags are obeyed.
        samplings: one for each expert that looks.
        ears: one for each expert that listens.
        opened: called with the length that the file tells, if it does, before anything is decoded.
        note: called with a sentence on the sound that had to be left out, if there was some.

    Returns:
        For each sampling `Frames` (at least one moment, at most `most`; whole frames are resized to (height, width),
        without cropping) or `Clips`.

    Raises:
        InputError: no such file, no video in it, or more than a tenth of it lost; ears may have heard some of it.
    """
    with open_video(path) as container:
        return _sample(path, container, samplings, ears, opened, note)


def _sample(
    path: Path,
    container: InputContainer,
    samplings: Sequence[FrameSampling | ClipSampling],
    ears: Sequence[Ear],
    opened: Callable[[float | None], None],
    note: Callable[[str], None],
) -> list[Frames | Clips]:
    if container.format.name in _NOT_VIDEO:
        raise InputError(f"{path} is a text file, not a video", "give the path of a video file")
    if container.format.name.endswith(_PICTURES):
        raise InputError(f"{path} is a picture, not a video", "leave it out or give the video itself")
    stream = next((one for one in container.streams.video if not one.disposition & Disposition.attached_pic), None)
    if stream is None:
        raise InputError(f"{path} has no video stream, only sound or data", "leave it out or give the video itself")
    if getattr(stream, "codec_context", None) is None:
        raise InputError(
            f"{path} is coded in a way that FFmpeg here cannot decode", "convert it to H.264, or leave it out"
        )
    seconds = _seconds(container, stream)
    opened(seconds)
    pixel = float(stream.sample_aspect_ratio or 1)
    samplers: dict[FrameSampling | ClipSampling, _Sampler | ClipSampler] = {
        one: _Sampler(one, seconds, pixel)
        if isinstance(one, FrameSampling)
        else ClipSampler(one, seconds, pixel, tolerance_s=_TOLERANCE_S)
        for one in samplings
    }
    decoder = _Decoder(container, stream, [Listener(ear) for ear in ears], look=bool(samplers))
    for frame, time in decoder:
        for sampler in samplers.values():
            sampler.see(frame, time)
    if decoder.frames == 0:
        raise InputError(f"{path} holds no frame that can be decoded", ANEW)
    if decoder.lost_share(seconds) > _LOST_SHARE:
        raise InputError(f"{path} is truncated or damaged: {decoder.lost_share(seconds):.0%} of it is lost", ANEW)
    seen = {one: sampler.finish() for one, sampler in samplers.items()}
    for listener in decoder.listeners:
        listener.finish(decoder.start or 0.0)
    if decoder.left_out:
        note(f"{path}: {decoder.left_out}")
    return [seen[one] for one in samplings]


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


class _Decoder:
    """Iterate over (frame, seconds since the first one), counting what is lost; listeners hear the sound meanwhile.

    Args:
        container: the file.
        stream: its pictures.
        listeners: who hears its sound.
        look: decode all pictures, and not only the first one, whose time is the beginning.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, listeners: Sequence[Listener], *, look: bool
    ) -> None:
        self.container = container
        self.stream = stream
        self.listeners = listeners
        self.look = look
        self.start: float | None = None
        self.frames = 0
        self.packets = 0
        self.bad = 0
        self.end = 0.0
        self.left_out = ""
        self.longest = container.size / _LEAST_RATE
        if container.duration:
            self.longest = min(self.longest, max(container.duration / av.time_base, _seconds(container, stream) or 0.0))
        sound = next((one for one in container.streams.audio if one.codec_context is not None), None)
        if listeners and container.streams.audio and sound is None:
            self.left_out = "sound is left out, for it is coded in a way that FFmpeg here cannot decode"
        self.sound: AudioStream | None = sound if listeners else None
        for one in (self.stream, self.sound):
            if one is not None:
                one.codec_context.thread_count = 1

    def __iter__(self) -> Iterator[tuple[VideoFrame, float]]:
        usual = 1 / float(self.stream.average_rate or 25)
        for frame in self._frames():
            if frame.pts is None:
                time = self.end + usual * (self.frames > 0)
            else:
                if self.start is None:
                    self.start = frame.time - self.end
                    for listener in self.listeners:
                        listener.start = self.start
                time = max(frame.time - self.start, self.end)
            self.frames += 1
            self.end = time
            yield frame, time

    def _frames(self) -> Iterator[VideoFrame]:
        packets = self.container.demux([one for one in (self.stream, self.sound) if one is not None])
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if isinstance(packet.stream, AudioStream):
                    self._hear(packet)
                    continue
                self.packets += packet.size > 0
                if self.frames and not self.look:
                    if packet.pts is not None and packet.time_base:
                        self.end = max(self.end, float(packet.pts * packet.time_base) - self._begin())
                    continue
                frames = packet.decode()
            except av.error.FFmpegError:
                self.bad += 1
                continue
            yield from (frame for frame in frames if isinstance(frame, VideoFrame))

    def _hear(self, packet: "Packet[Any]") -> None:
        try:
            frames: list[Any] = packet.decode()
        except (av.error.FFmpegError, ValueError):
            # sound that is broken is silence, and costs no pictures
            return
        end = self._begin() + max(self.end, self.longest) + _SLACK_S
        for frame in frames:
            time, frame.pts = frame.time, None
            for listener in self.listeners:
                if not listener.hear(frame, time, end):
                    self.left_out = f"sound that is said to come at {time:.0f} s, after all else has ended, is left out"

    def _begin(self) -> float:
        """Return the time of the first picture, or what the file tells of its beginning before there was one."""
        return (self.container.start_time or 0) / av.time_base if self.start is None else self.start

    def lost_share(self, seconds: float | None) -> float:
        """Return the share of the packets that are broken or, by the container's own index, not there."""
        missing = max(0, self.stream.frames - self.packets)
        # an edit list hides packets on purpose, but then the stated duration is shorter too
        if seconds is not None and self.end > (1 - _LOST_SHARE) * seconds:
            missing = 0
        return (self.bad + missing) / max(1, self.packets + missing)


class _Moment:
    """One moment of a sampling: its burst, as far as it has come."""

    def __init__(self, time: float, first: NDArray[np.uint8]) -> None:
        self.time = time
        self.burst = [first]


class _Sampler:
    """Pick and resize the frames of one sampling, from a stream that may turn out longer than was told."""

    def __init__(self, sampling: FrameSampling, seconds: float | None, pixel_aspect: float = 1.0) -> None:
        self.sampling = sampling
        self.pixel_aspect = pixel_aspect
        self.step = max(1 / sampling.per_second, (seconds or 0.0) / sampling.most)
        self.target = 0
        self.moments: list[_Moment] = []
        self.open: list[_Moment] = []
        self.last: tuple[VideoFrame, float] | None = None
        self.converted: tuple[VideoFrame, NDArray[np.uint8]] | None = None
        self.reformatter = VideoReformatter()

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame of the video."""
        self._show(time - _TOLERANCE_S)
        self.last = (frame, time)
        self._fill(frame, time)

    def finish(self) -> Frames:
        """Return what was picked; call after the last frame."""
        assert self.last is not None
        frame, time = self.last
        self._show(time + _TOLERANCE_S)
        whole = [moment for moment in self.moments if len(moment.burst) == self.sampling.burst]
        # a burst that the end of the video cuts off would look like a standstill
        kept = whole or self.moments[:1]
        for moment in kept:
            moment.burst.extend([self._pixels(frame)] * (self.sampling.burst - len(moment.burst)))
        if len(kept) > self.sampling.most:
            kept = [kept[i] for i in np.linspace(0, len(kept) - 1, self.sampling.most).round().astype(int)]
        pixels = np.stack([picture for moment in kept for picture in moment.burst])
        frames = pixels.reshape(len(kept), self.sampling.burst, *pixels.shape[1:])
        times = np.array([moment.time for moment in kept], np.float32)
        return Frames(frames, times, aspect_of(frame, self.pixel_aspect))

    def _show(self, until: float) -> None:
        """Start the moments that lie before `until`, with the frame that is on show."""
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
            if time >= moment.time + len(moment.burst) * self.sampling.gap_s - _TOLERANCE_S:
                moment.burst.append(self._pixels(frame))
        self.open = [moment for moment in self.open if len(moment.burst) < self.sampling.burst]

    def _halve(self) -> None:
        self.moments = self.moments[::2]
        self.step *= 2
        self.target = len(self.moments)
        held = {id(moment) for moment in self.moments}
        self.open = [moment for moment in self.open if id(moment) in held]

    def _pixels(self, frame: VideoFrame) -> NDArray[np.uint8]:
        if self.converted is None or self.converted[0] is not frame:
            self.converted = (frame, self._convert(frame))
        return self.converted[1]

    def _convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        wanted = self.sampling
        return pixels_of(frame, self.reformatter, height=wanted.height, width=wanted.width, gray=wanted.gray)
