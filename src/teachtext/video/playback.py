"""Videos as browsers play them: whether a file is one already, and an MP4 that is made of any other.

Streams that a browser plays are copied; others are encoded anew as H.264, or as VP9 or AV1 where FFmpeg has no encoder
of H.264, and as AAC or Opus. The index stands at the beginning of the file (`faststart`), so a browser can begin before
it has the whole file.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.video.file import COPY_AGAIN, open_video

_PLAIN_PIXELS = {"yuv420p", "yuvj420p"}
_MP4_SOUND = {"aac", "mp3", "opus", "flac"}
_MP4_PICTURES, _WEBM_PICTURES, _WEBM_SOUND = {"h264", "vp9", "av1"}, {"vp8", "vp9", "av1"}, {"opus", "vorbis"}
# containers whose packets have the times that MP4 needs
_COPIED_FROM = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv")
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
# sound that is so far from its time is moved: silence is put in, or sound left out
_DRIFT_S = 0.1
_LOOK_EVERY = 64


def is_playable(path: Path) -> bool:
    """Return whether browsers play a file as it is: MP4 of H.264, VP9 or AV1, or WebM.

    Raises:
        InputError: the file is no video.
    """
    with open_video(path) as container:
        pictures, sound = _streams(path, container)
        if container.format.name == _COPIED_FROM[0]:
            return _fits(pictures, _MP4_PICTURES) and (sound is None or _codec(sound) in _MP4_SOUND)
        if path.suffix.lower() == ".webm":
            return _fits(pictures, _WEBM_PICTURES) and (sound is None or _codec(sound) in _WEBM_SOUND)
    return False


def write_playable(
    path: Path, target: Path, *, most_bytes: float, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Write a video as an MP4 that browsers play, at most 1280 pixels wide or high, upright.

    Args:
        path: a video file.
        target: where the MP4 is written; what stands there is replaced.
        most_bytes: largest size.
        progress: called with the seconds that are done.

    Raises:
        InputError: the file is no video, or the MP4 would be larger.
        OSError: the disk is full.
    """
    with open_video(path) as container:
        pictures, _ = _streams(path, container)
        can_copy = container.format.name in _COPIED_FROM and _fits(pictures, {"h264", "av1"})
    if can_copy:
        # times that MP4 does not know
        with suppress(av.error.FFmpegError, ValueError):
            _Writer(path, target, most_bytes, progress, copies=True).write()
            return
    _Writer(path, target, most_bytes, progress, copies=False).write()


def _streams(path: Path, container: Any) -> tuple[Any, Any | None]:
    """Return the stream of pictures and the first stream of sound that can be decoded."""
    pictures = next((stream for stream in container.streams.video if _is_known(stream)), None)
    if pictures is None:
        raise InputError(f"{path} has no pictures", COPY_AGAIN)
    return pictures, next((stream for stream in container.streams.audio if _is_known(stream)), None)


def _is_known(stream: Any) -> bool:
    return getattr(stream, "codec_context", None) is not None


def _codec(stream: Any) -> str:
    # the name of a context may be that of a decoder, such as libdav1d
    return str(stream.codec_context.codec.canonical_name)


def _fits(pictures: Any, codecs: set[str]) -> bool:
    return _codec(pictures) in codecs and (pictures.codec_context.pix_fmt or "yuv420p") in _PLAIN_PIXELS


def _first_picture(path: Path) -> VideoFrame:
    with open_video(path) as container:
        stream, _ = _streams(path, container)
        frames = (
            frame for packet in chain(_packets(container, [stream]), [None]) for frame in _decoded(stream, packet)
        )
        first: VideoFrame | None = next(frames, None)
    if first is not None:
        return first
    raise InputError(f"{path} shows no picture", COPY_AGAIN)


def _first_encoder(names: Any) -> str:
    for name in names:
        with suppress(av.codec.codec.UnknownCodecError):
            av.codec.Codec(name, "w")
            return str(name)
    raise InputError("FFmpeg has no encoder for browsers", "install another release of the package 'av'")


class _Writer:
    """Writes one MP4."""

    def __init__(
        self, path: Path, target: Path, most_bytes: float, progress: Callable[[float], None], *, copies: bool
    ) -> None:
        self._path = path
        self._target = target
        self._most_bytes = most_bytes
        self._progress = progress
        self._copies = copies
        self._packets = self._picture_count = 0

    def write(self) -> None:
        with (
            open_video(self._path) as source,
            av.open(str(self._target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
        ):
            pictures, sound = _streams(self._path, source)
            pictures.thread_type = "AUTO"
            begin_s = float((pictures.start_time or 0) * (pictures.time_base or 0))
            tracks = {pictures.index: self._picture_track(out, pictures, begin_s)}
            if sound is not None:
                tracks[sound.index] = self._sound_track(out, sound, begin_s)
            for packet in _packets(source, [stream for stream in (pictures, sound) if stream is not None]):
                for made in tracks[packet.stream.index].take(packet):
                    self._put(out, made)
                if packet.stream is pictures and packet.pts is not None and packet.time_base:
                    self._progress(float(packet.pts * packet.time_base) - begin_s)
            for track in tracks.values():
                for made in track.end():
                    self._put(out, made)
            if not tracks[pictures.index].count:
                raise InputError(f"{self._path} shows no picture", COPY_AGAIN)
        self._check_size()

    def _picture_track(self, out: Any, stream: Any, begin_s: float) -> Any:
        return _Copy(out, stream) if self._copies else _Pictures(out, stream, begin_s, _first_picture(self._path))

    def _sound_track(self, out: Any, stream: Any, begin_s: float) -> Any:
        copied = self._copies and _codec(stream) in _MP4_SOUND
        return _Copy(out, stream) if copied else _Sound(out, stream, begin_s)

    def _put(self, out: Any, packet: Any) -> None:
        out.mux_one(packet)
        self._packets += 1
        if self._packets % _LOOK_EVERY == 0:
            self._check_size()

    def _check_size(self) -> None:
        if self._target.stat().st_size > self._most_bytes:
            raise InputError(
                f"{self._path} becomes larger than {self._most_bytes / 2**20:,.0f} MiB as a browser plays it",
                "convert it to a smaller MP4 yourself",
            )


def _packets(source: Any, streams: list[Any]) -> Iterator[Any]:
    """Yield packets up to the end, or up to where a damaged file cannot be read on."""
    with suppress(av.error.InvalidDataError, av.error.EOFError):
        yield from (packet for packet in source.demux(streams) if packet.size)


def _decoded(stream: Any, packet: Any | None) -> list[Any]:
    """Return what a packet decodes to, nothing if it is damaged; without a packet, what the decoder still holds."""
    try:
        return list(stream.decode(packet))
    except (av.error.InvalidDataError, av.error.EOFError):
        return []


def _quarter_turns(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) % 4


def _seconds_of(stream: Any, frame: Any) -> float | None:
    # what a decoder still holds at the end has no unit of its times
    return None if frame.pts is None or not stream.time_base else float(frame.pts * stream.time_base)


class _Copy:
    """Packets of a stream as they are."""

    def __init__(self, out: Any, stream: Any) -> None:
        self._stream = out.add_stream_from_template(stream)
        # Matroska states no decoding time of its first packets
        self._waiting: list[Any] = []
        self.count = 0

    def take(self, packet: Any) -> Iterator[Any]:
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
        if self._waiting:
            raise ValueError("packets have no time")
        return iter(())


class _Pictures:
    """Pictures, encoded anew: upright, of square pixels."""

    def __init__(self, out: Any, stream: Any, begin_s: float, first: VideoFrame) -> None:
        name = _first_encoder(_ENCODERS)
        self._rate = min(stream.average_rate or stream.guessed_rate or Fraction(25), Fraction(_MOST_PER_SECOND))
        self._source = stream
        self._stream = out.add_stream(name, rate=self._rate, options=_ENCODERS[name])
        self._set_up(first, float(stream.sample_aspect_ratio or 1) or 1.0)
        self._begin_s = begin_s
        self._reformatter = VideoReformatter()
        self._last: int | None = None
        self.count = 0

    def take(self, packet: Any) -> Iterator[Any]:
        for frame in _decoded(self._source, packet):
            yield from self._encode(frame)

    def _encode(self, frame: VideoFrame) -> Iterator[Any]:
        at_s = _seconds_of(self._source, frame)
        if at_s is not None:
            time = max(0, round((at_s - self._begin_s) * _CLOCK))
        else:
            time = 0 if self._last is None else self._last + round(_CLOCK / self._rate)
        if self._last is not None and time - self._last < _CLOCK / _MOST_PER_SECOND * 0.9:
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

    def end(self) -> Iterator[Any]:
        yield from self.take(None)
        if self.count:
            yield from self._stream.encode(None)


class _Sound:
    """Sound, encoded anew: stereo, at its time."""

    def __init__(self, out: Any, stream: Any, begin_s: float) -> None:
        self._source = stream
        self._stream = out.add_stream(_first_encoder(_SOUND_ENCODERS), rate=_RATE, layout="stereo")
        self._begin_s = begin_s
        self._samples = 0
        self._resampler = self._new_resampler()

    def take(self, packet: Any) -> Iterator[Any]:
        for frame in _decoded(self._source, packet):
            at_s = _seconds_of(self._source, frame)
            late_s = 0.0 if at_s is None else at_s - self._begin_s - self._samples / _RATE
            if late_s < -_DRIFT_S:
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
        yield from self.take(None)
        yield from self._encode(self._resampler.resample(None))
        yield from self._stream.encode(None)

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler(format="fltp", layout="stereo", rate=_RATE)
