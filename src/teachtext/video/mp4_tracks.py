"""The tracks of an MP4 that browsers play: packets of a stream as they are, or pictures and sound encoded anew."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.video.clock import Clock

# the first that FFmpeg has
_ENCODERS = {
    "libx264": {"preset": "veryfast", "crf": "23"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "34", "b": "0", "row-mt": "1"},
    "libsvtav1": {"preset": "10", "crf": "38"},
}
_SOUND_ENCODERS = ("aac", "libopus")
_LONGEST_SIDE = 1280
_MOST_PER_SECOND = 60
_CLOCK, _RATE = 90_000, 48_000
_LEAST_STEP = _CLOCK / _MOST_PER_SECOND * 0.9
# sound that is so far from its time is moved: silence is put in, or sound left out
_DRIFT_S, _FIRST_DRIFT_S = 0.1, 0.025


class Span(NamedTuple):
    """The part of a source that is written.

    Attributes:
        start_s: seconds of the source's own clock; time 0 of what is written.
        end_s: seconds of the source's own clock.
    """

    start_s: float
    end_s: float = float("inf")

    @property
    def seconds(self) -> float:
        """The length."""
        return self.end_s - self.start_s


def _first_encoder(names: Any) -> str:
    for name in names:
        with suppress(av.codec.codec.UnknownCodecError):
            av.codec.Codec(name, "w")
            return str(name)
    raise InputError("FFmpeg has no encoder for browsers", "install another release of the package 'av'")


def decoded(stream: Any, packet: Any | None) -> list[Any]:
    """Return what a packet decodes to, nothing if it is damaged; without a packet, what the decoder still holds."""
    try:
        return list(stream.decode(packet))
    except (av.error.InvalidDataError, av.error.EOFError):
        return []


def _quarter_turns(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) % 4


def seconds_of(stream: Any, frame: Any) -> float | None:
    """Return the time of a decoded frame on the clock of its file; None where the frame has no time."""
    # what a decoder still holds at the end has no unit of its times
    return None if frame.pts is None or not stream.time_base else float(frame.pts * stream.time_base)


class Copy:
    """Packets of a stream as they are.

    Args:
        out: the MP4.
        stream: the source.
    """

    is_over = False

    def __init__(self, out: Any, stream: Any) -> None:
        self._stream = out.add_stream_from_template(stream)
        # Matroska states no decoding time of its first packets
        self._waiting: list[Any] = []
        self.count = 0

    def take(self, packet: Any) -> Iterator[Any]:
        """Yield the packets that a packet of the source becomes."""
        packet.stream = self._stream
        self.count += 1
        if packet.dts is None:
            if self.count > len(self._waiting) + 1 or not packet.duration:
                raise ValueError("a packet has no time")
            self._waiting.append(packet)
            return
        for distance, earlier in enumerate(reversed(self._waiting), start=1):
            earlier.dts = packet.dts - distance * packet.duration
        yield from self._waiting
        self._waiting = []
        yield packet

    def end(self) -> Iterator[Any]:
        """Yield the last packets."""
        if self._waiting:
            raise ValueError("packets have no time")
        return iter(())


class Pictures:
    """Pictures, encoded anew: upright, of square pixels.

    Args:
        out: the MP4.
        stream: the source.
        span: what is written. It begins with the picture that is on show at its start.
        picture: any picture of the source.
    """

    def __init__(self, out: Any, stream: Any, span: Span, picture: VideoFrame) -> None:
        name = _first_encoder(_ENCODERS)
        self._rate = min(stream.average_rate or stream.guessed_rate or Fraction(25), Fraction(_MOST_PER_SECOND))
        self._source = stream
        self._stream = out.add_stream(name, rate=self._rate, options=_ENCODERS[name])
        self._set_up(picture, float(stream.sample_aspect_ratio or 1) or 1.0)
        self._span = span
        self._reformatter = VideoReformatter()
        self._shown: VideoFrame | None = None
        self._clock = Clock(span.start_s)
        self._last: int | None = None
        self.count = 0
        self.is_over = False

    def take(self, packet: Any) -> Iterator[Any]:
        """Yield the packets that a packet of the source becomes."""
        if packet is not None:
            self._clock.see(packet)
        for frame in decoded(self._source, packet):
            at_s = self._clock.seconds(seconds_of(self._source, frame), 1 / float(self._rate))
            self.is_over = self.is_over or at_s >= self._span.end_s
            time = round((at_s - self._span.start_s) * _CLOCK)
            if self._last is None and time > _LEAST_STEP:
                yield from self._encode(self._shown, 0)
            if time >= 0 and not self.is_over:
                yield from self._encode(frame, time)
            if not self.is_over:
                self._shown = frame

    def end(self) -> Iterator[Any]:
        """Yield the last packets."""
        yield from self.take(None)
        if self._last is None:
            yield from self._encode(self._shown, 0)
        if self.is_over:
            # the last picture stays on show until the end
            yield from self._encode(self._shown, round((self._span.seconds - 1 / float(self._rate)) * _CLOCK))
        if self.count:
            yield from self._stream.encode(None)

    def _encode(self, frame: VideoFrame | None, time: int) -> Iterator[Any]:
        if frame is None or (self._last is not None and time - self._last < _LEAST_STEP):
            return
        turns, width, height = _quarter_turns(frame), self._stream.width, self._stream.height
        if turns:
            upright: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
            frame = VideoFrame.from_ndarray(upright, format="rgb24")
        picture = self._reformatter.reformat(frame, width=width, height=height, format="yuv420p", threads=1)
        picture.pts, picture.time_base, self._last = time, Fraction(1, _CLOCK), time
        # the encoder chooses its own key frames
        picture.pict_type = 0
        self.count += 1
        yield from self._stream.encode(picture)

    def _set_up(self, frame: VideoFrame, pixel_aspect: float) -> None:
        """Set the encoder up, before anything of any stream is written, for pictures like the first one."""
        width, height = frame.width * pixel_aspect, float(frame.height)
        if _quarter_turns(frame) % 2:
            width, height = height, width
        scale = min(1.0, _LONGEST_SIDE / max(width, height))
        self._stream.width, self._stream.height = (max(16, round(side * scale / 2) * 2) for side in (width, height))
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _CLOCK)
        # a key frame every few seconds, so that a browser can go to any time
        self._stream.codec_context.gop_size = max(1, round(self._rate * 4))


class Sound:
    """Sound, encoded anew: stereo, at its time.

    Args:
        out: the MP4.
        stream: the source.
        span: what is written.
    """

    def __init__(self, out: Any, stream: Any, span: Span) -> None:
        self._source = stream
        self._stream = out.add_stream(_first_encoder(_SOUND_ENCODERS), rate=_RATE, layout="stereo")
        self._span = span
        self.is_over = False
        self._samples = 0
        self._clock = Clock(span.start_s)
        self._resampler = self._new_resampler()

    def take(self, packet: Any) -> Iterator[Any]:
        """Yield the packets that a packet of the source becomes."""
        if packet is not None:
            self._clock.see(packet)
        for frame in decoded(self._source, packet):
            at_s = self._clock.seconds(seconds_of(self._source, frame), frame.samples / frame.sample_rate)
            late_s = at_s - self._span.start_s - self._samples / _RATE
            self.is_over = self.is_over or at_s >= self._span.end_s
            if self.is_over or late_s < -(_DRIFT_S if self._samples else _FIRST_DRIFT_S):
                continue
            yield from self._silence(late_s)
            yield from self._encode(self._resampled(frame))

    def _silence(self, seconds: float) -> Iterator[Any]:
        missing = round(seconds * _RATE) if seconds > _DRIFT_S else 0
        while missing > 0:
            count = min(missing, _RATE)
            silence = av.AudioFrame.from_ndarray(np.zeros((2, count), np.float32), format="fltp", layout="stereo")
            silence.sample_rate = _RATE
            yield from self._encode([silence])
            missing -= count

    def _resampled(self, frame: Any) -> Any:
        # the sound may change its form
        for _ in range(2):
            with suppress(ValueError):
                return self._resampler.resample(frame)
            self._resampler = self._new_resampler()
        return []

    def _encode(self, frames: Any) -> Iterator[Any]:
        for frame in frames:
            frame.pts, frame.time_base = self._samples, Fraction(1, _RATE)
            self._samples += frame.samples
            yield from self._stream.encode(frame)

    def end(self) -> Iterator[Any]:
        """Yield the last packets."""
        yield from self.take(None)
        yield from self._encode(self._resampler.resample(None))
        yield from self._stream.encode(None)

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler(format="fltp", layout="stereo", rate=_RATE)
