"""Videos as browsers play them: whether a file is one already, and an MP4 that is made of any other.

Streams that a browser plays are copied; others are encoded anew as H.264, or as VP9 or AV1 where FFmpeg has no encoder
of H.264, and as AAC or Opus. The index stands at the beginning of the file (`faststart`), so a browser can begin before
it has the whole file.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame

from teachtext.errors import InputError
from teachtext.video.file import COPY_AGAIN, open_video, stream_seconds
from teachtext.video.mp4_tracks import Copy, Pictures, Sound, Span, decoded, seconds_of

_PLAIN_PIXELS = {"yuv420p", "yuvj420p"}
_MP4_SOUND = {"aac", "mp3", "opus", "flac"}
_MP4_PICTURES, _WEBM_PICTURES, _WEBM_SOUND = {"h264", "vp9", "av1"}, {"vp8", "vp9", "av1"}, {"opus", "vorbis"}
# containers whose packets have the times that MP4 needs
_COPIED_FROM = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "flv")
_LOOK_EVERY = 64
# where a file cannot be searched by time exactly, reading begins so many seconds earlier
_EARLIER_S = (0.0, 15.0)
# sound may stand so many seconds behind the pictures in a file
_BEHIND_S = 5.0


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


def write_clip(path: Path, target: Path, start_s: float, end_s: float) -> None:
    """Write a part of a video as an MP4 that browsers play, at most 1280 pixels wide or high, upright.

    Pictures and sound are encoded anew, so the clip begins and ends exactly where it is asked to.

    Args:
        path: a video file.
        target: where the MP4 is written; what stands there is replaced.
        start_s: seconds from the first picture of the video.
        end_s: seconds from the first picture of the video; may lie behind its end.

    Raises:
        InputError: the file is no video, or the clip has no length.
        OSError: the disk is full.
    """
    if not 0 <= start_s < end_s:
        raise InputError(f"a clip from {start_s:g} to {end_s:g} s has no length", "give an end behind the start")
    _Writer(path, target, float("inf"), lambda _: None, copies=False, part=(start_s, end_s)).write()


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


class _Writer:
    """Writes one MP4."""

    def __init__(
        self,
        path: Path,
        target: Path,
        most_bytes: float,
        progress: Callable[[float], None],
        *,
        copies: bool,
        part: tuple[float, float] = (0.0, float("inf")),
    ) -> None:
        self._path = path
        self._target = target
        self._most_bytes = most_bytes
        self._progress = progress
        self._copies = copies
        self._part = part
        self._packet_count = 0

    def write(self) -> None:
        with (
            open_video(self._path) as source,
            av.open(str(self._target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
        ):
            pictures, sound = _streams(self._path, source)
            pictures.thread_type = "AUTO"
            begin_s = float((pictures.start_time or 0) * (pictures.time_base or 0))
            span = Span(begin_s + self._part[0], begin_s + self._part[1])
            tracks = {pictures.index: self._picture_track(source, out, pictures, span)}
            if sound is not None:
                tracks[sound.index] = self._sound_track(out, sound, span)
            self._write_packets(source, out, pictures, tracks, span)
            if not tracks[pictures.index].count:
                raise InputError(f"{self._path} shows no picture", COPY_AGAIN)
        self._check_size()

    def _write_packets(self, source: Any, out: Any, pictures: Any, tracks: dict[int, Any], span: Span) -> None:
        for packet in _packets(source, [source.streams[index] for index in tracks]):
            for made in tracks[packet.stream.index].take(packet):
                self._put(out, made)
            if packet.stream is pictures and packet.pts is not None and packet.time_base:
                at_s = float(packet.pts * packet.time_base)
                self._progress(at_s - span.start_s)
                if tracks[pictures.index].is_over and at_s > span.end_s + _BEHIND_S:
                    break
            if all(track.is_over for track in tracks.values()):
                break
        for track in tracks.values():
            for made in track.end():
                self._put(out, made)

    def _picture_track(self, source: Any, out: Any, stream: Any, span: Span) -> Any:
        if self._copies:
            return Copy(out, stream)
        seconds = stream_seconds(source, stream)
        # where recordings were appended, the clock of the file says nothing of what comes behind its stated end
        can_jump = self._part[0] > 0 and (seconds is None or self._part[0] < seconds)
        picture, from_s = _reading_from(self._path, span.start_s if can_jump else None)
        if from_s is not None:
            source.seek(round(from_s * av.time_base))
        return Pictures(out, stream, span, picture)

    def _sound_track(self, out: Any, stream: Any, span: Span) -> Any:
        copied = self._copies and _codec(stream) in _MP4_SOUND
        return Copy(out, stream) if copied else Sound(out, stream, span)

    def _put(self, out: Any, packet: Any) -> None:
        out.mux_one(packet)
        self._packet_count += 1
        if self._packet_count % _LOOK_EVERY == 0:
            self._check_size()

    def _check_size(self) -> None:
        if self._target.stat().st_size > self._most_bytes:
            raise InputError(
                f"{self._path} becomes larger than {self._most_bytes / 2**20:,.0f} MiB as a browser plays it",
                "convert it to a smaller MP4 yourself",
            )


def _reading_from(path: Path, start_s: float | None) -> tuple[VideoFrame, float | None]:
    """Return a picture, and the time to which reading can jump so that all from `start_s` on is read.

    Args:
        path: a video file.
        start_s: seconds of the file's own clock; None to read from the beginning.

    Returns:
        The picture, and seconds of the file's own clock; None where the file has to be read from its beginning.
    """
    starts = [] if start_s is None else [(start_s, start_s - earlier_s) for earlier_s in _EARLIER_S]
    for until_s, from_s in starts:
        with suppress(av.error.FFmpegError, OverflowError), open_video(path) as container:
            container.seek(round(from_s * av.time_base))
            picture, at_s = _first_picture(path, container)
            if picture is not None and at_s is not None and at_s <= until_s:
                return picture, from_s
    with open_video(path) as container:
        picture, _ = _first_picture(path, container)
    if picture is None:
        raise InputError(f"{path} shows no picture", COPY_AGAIN)
    return picture, None


def _first_picture(path: Path, container: Any) -> tuple[VideoFrame | None, float | None]:
    """Return the next picture of a file and its time."""
    stream, _ = _streams(path, container)
    frames = (frame for packet in chain(_packets(container, [stream]), [None]) for frame in decoded(stream, packet))
    first: VideoFrame | None = next(frames, None)
    return first, None if first is None else seconds_of(stream, first)


def _packets(source: Any, streams: list[Any]) -> Iterator[Any]:
    """Yield packets up to the end, or up to where a damaged file cannot be read on."""
    with suppress(av.error.InvalidDataError, av.error.EOFError):
        yield from (packet for packet in source.demux(streams) if packet.size)
