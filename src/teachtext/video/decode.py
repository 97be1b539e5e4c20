"""Video files to frames and sound: one pass over the file feeds every expert.

Memory does not grow with the length of a video: only the frames of each sampling are kept, and sound is handed on.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from teachtext.errors import InputError
from teachtext.video.clips import ClipSampler
from teachtext.video.clock import Clock
from teachtext.video.file import COPY_AGAIN, MOST_PIXELS, is_too_long, open_video, stream_seconds
from teachtext.video.frames import FrameSampler
from teachtext.video.sampling import Clips, ClipSampling, Frames, FrameSampling
from teachtext.video.sound import Ear, Listener

TOLERANCE_S = 0.002
"""Some containers round times to milliseconds, so equal times may differ by this much."""
_LOST_SHARE = 0.1
# a damaged header may state any length, but hardly any video has fewer bytes a second
_LEAST_RATE = 250
# sound and pictures need not end together
_SLACK_S = 1.0


def sample_video(
    path: Path,
    samplings: Sequence[FrameSampling | ClipSampling],
    ears: Sequence[Ear] = (),
    *,
    opened: Callable[[float | None], None] = lambda seconds: None,
    seen: Callable[[float], None] = lambda time: None,
    note: Callable[[str], None] = lambda sentence: None,
) -> list[Frames | Clips]:
    """Decode a video once: keep the frames and clips that each sampling asks for, and let each ear hear meanwhile.

    A moment has the frame that a player shows at that time. The further frames of a burst are the first ones at least
    `gap_s`, `2 * gap_s`, ... after it. Packets that cannot be decoded are skipped, as players do. A file that is cut
    short is used as far as it goes, if its container states no length.

    The sound is that of the first track, from the first picture on, with silence in its gaps. A video without sound, or
    with sound that cannot be decoded, is no error: nothing is heard.

    Args:
        path: a video file in any format that FFmpeg reads; rotation flags are obeyed.
        samplings: one for each expert that looks.
        ears: one for each expert that listens.
        opened: called before anything is decoded, with the length in seconds that the file states, or None.
        seen: called after each frame, with its time in seconds, once all that need it have taken it.
        note: called with a sentence on sound that had to be left out.

    Returns:
        For each sampling `Frames` (at least one moment, at most `most`; whole frames are resized to (height, width),
        without cropping) or `Clips`.

    Raises:
        InputError: no such file, no video in it, or more than a tenth of it lost; ears may have heard some of it.
    """
    samplers, _ = watch_video(path, partial(samplers_of, samplings), ears, opened=opened, seen=seen, note=note)
    sampled = {sampling: sampler.finish() for sampling, sampler in zip(dict.fromkeys(samplings), samplers, strict=True)}
    return [sampled[sampling] for sampling in samplings]


class Watcher(Protocol):
    """Takes the frames of a video as they are decoded."""

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame, and its time in seconds from the first one."""
        ...


AnyWatcher = TypeVar("AnyWatcher", bound=Watcher)


def watch_video(
    path: Path,
    watchers_of: Callable[[float | None, float], Sequence[AnyWatcher]],
    ears: Sequence[Ear] = (),
    *,
    opened: Callable[[float | None], None] = lambda seconds: None,
    seen: Callable[[float], None] = lambda time: None,
    note: Callable[[str], None] = lambda sentence: None,
    whole_s: float = float("inf"),
) -> tuple[Sequence[AnyWatcher], float]:
    """Decode a video once, and show every frame to each watcher (see `sample_video` for what is skipped and refused).

    Args:
        path: a video file.
        watchers_of: makes the watchers, from the length in seconds that the file states or None, and the width of a
            pixel by its height. Called again where the stated length is wrong: the first watchers are forgotten then.
        ears: for the sound.
        opened: see `sample_video`.
        seen: see `sample_video`.
        note: see `sample_video`.
        whole_s: a video that shows more seconds is used as far as it can be decoded, and a note says what is lost.

    Returns:
        The watchers, and the time of the last frame in seconds.

    Raises:
        InputError: see `sample_video`.
    """
    with open_video(path) as container:
        stream = _pictures(path, container)
        seconds = stream_seconds(container, stream)
        opened(seconds)
        watchers = watchers_of(seconds, _pixel_aspect(stream))
        decoder = _Decoder(container, stream, [Listener(ear) for ear in ears], look=bool(watchers))
        _see(decoder, watchers, seen)
        if decoder.frames == 0:
            most = f"{MOST_PIXELS // 10**6} megapixels at most"
            raise InputError(f"{path} holds no frame that can be decoded (of {most})", COPY_AGAIN)
        lost = decoder.lost_share(seconds)
        if lost > _LOST_SHARE:
            problem = f"{path} is truncated or damaged: {lost:.0%} of it is lost"
            if decoder.end <= whole_s:
                raise InputError(problem, COPY_AGAIN)
            note(f"{problem}, the rest is used")
        for listener in decoder.listeners:
            listener.finish(decoder.start or 0.0)
        if decoder.left_out:
            note(f"{path}: {decoder.left_out}")
    if watchers and seconds is not None and is_too_long(seconds, decoder.end):
        # moments that were spread over the stated length would be few
        with open_video(path) as container:
            stream = _pictures(path, container)
            watchers = watchers_of(decoder.end, _pixel_aspect(stream))
            _see(_Decoder(container, stream, [], look=True), watchers, seen)
    return watchers, decoder.end


def _pictures(path: Path, container: InputContainer) -> VideoStream:
    """Return the stream of the pictures."""
    stream = next((part for part in container.streams.video if not part.disposition & Disposition.attached_pic), None)
    if stream is None:
        raise InputError(f"{path} has no video stream, only sound or data", "leave it out or give the video itself")
    if getattr(stream, "codec_context", None) is None:
        raise InputError(
            f"{path} is coded in a way that FFmpeg here cannot decode", "convert it to H.264, or leave it out"
        )
    return stream


def _pixel_aspect(stream: VideoStream) -> float:
    return float(stream.sample_aspect_ratio or 1)


def samplers_of(
    samplings: Sequence[FrameSampling | ClipSampling], seconds: float | None, pixel_aspect: float
) -> list[FrameSampler | ClipSampler]:
    """Return a sampler for each sampling, equal ones once."""
    return [
        FrameSampler(sampling, seconds, pixel_aspect, tolerance_s=TOLERANCE_S)
        if isinstance(sampling, FrameSampling)
        else ClipSampler(sampling, seconds, pixel_aspect, tolerance_s=TOLERANCE_S)
        for sampling in dict.fromkeys(samplings)
    ]


def _see(decoder: "_Decoder", watchers: Sequence[Watcher], seen: Callable[[float], None]) -> None:
    for frame, time in decoder:
        for watcher in watchers:
            watcher.see(frame, time)
        seen(time)


class _Decoder:
    """Iterate over (frame, seconds since the first one), counting what is lost; listeners hear the sound meanwhile.

    Args:
        container: the file.
        stream: its pictures.
        listeners: for its sound.
        look: decode all pictures, not only the first, whose time is the beginning.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, listeners: Sequence[Listener], *, look: bool
    ) -> None:
        self.container = container
        self.stream = stream
        self.listeners = listeners
        self.look = look
        self.start: float | None = None
        self.clock = Clock()
        self.frames = 0
        self.packets = 0
        self.bad = 0
        self.end = 0.0
        self.left_out = ""
        self.longest = container.size / _LEAST_RATE
        if container.duration:
            self.longest = min(
                self.longest, max(container.duration / av.time_base, stream_seconds(container, stream) or 0.0)
            )
        sound = next((part for part in container.streams.audio if part.codec_context is not None), None)
        if listeners and container.streams.audio and sound is None:
            self.left_out = "sound is left out, for it is coded in a way that FFmpeg here cannot decode"
        self.sound: AudioStream | None = sound if listeners else None
        for part in (self.stream, self.sound):
            if part is not None:
                part.codec_context.thread_count = 1

    def __iter__(self) -> Iterator[tuple[VideoFrame, float]]:
        usual = 1 / float(self.stream.average_rate or 25)
        for frame in self._frames():
            if frame.pts is None:
                time = self.end + usual * (self.frames > 0)
            else:
                at_s = self.clock.seconds(frame.time, usual)
                if self.start is None:
                    self.start = at_s - self.end
                    for listener in self.listeners:
                        listener.start = self.start
                time = max(at_s - self.start, self.end)
            self.frames += 1
            self.end = time
            yield frame, time

    def _frames(self) -> Iterator[VideoFrame]:
        packets = self.container.demux([part for part in (self.stream, self.sound) if part is not None])
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if isinstance(packet.stream, AudioStream):
                    self._hear(packet)
                    continue
                self.packets += packet.size > 0
                self.clock.see(packet)
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
            # broken sound is silence, and costs no pictures
            return
        end = self._begin() + max(self.end, self.longest) + _SLACK_S
        for frame in frames:
            time, frame.pts = frame.time, None
            for listener in self.listeners:
                if not listener.hear(frame, time, end):
                    self.left_out = f"sound that is said to come at {time:.0f} s, after all else has ended, is left out"

    def _begin(self) -> float:
        """Return the time of the first picture; before that picture, the start that the file states."""
        return (self.container.start_time or 0) / av.time_base if self.start is None else self.start

    def lost_share(self, seconds: float | None) -> float:
        """Return the share of the packets that are broken or, by the container's own index, not there."""
        missing = max(0, self.stream.frames - self.packets)
        # an edit list hides packets on purpose, but then the stated duration is shorter too
        if seconds is not None and self.end > (1 - _LOST_SHARE) * seconds:
            missing = 0
        return (self.bad + missing) / max(1, self.packets + missing)
