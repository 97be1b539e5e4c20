"""A video file: opened, or refused with a sentence on what the file is instead; and the length that it states."""

import codecs
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from teachtext.errors import InputError

COPY_AGAIN = "copy or download it anew, or leave it out"
MOST_PIXELS = 64_000_000
"""Pixels of the largest picture that is decoded: twice those of 8K. A file of some kilobytes can hold any size."""

# Files that hold their pictures themselves. FFmpeg also opens single pictures, and lists that name other files.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,ogg,flv,live_flv,asf,asf_o,mxf,nut,ivf,rm,dv,gxf,"
    "wtv,mjpeg,m4v,h264,hevc,vvc,h261,h263,av1,obu,vc1,vc1test,cavsvideo,dirac,dnxhd,yuv4mpegpipe,swf,nsv,amv,roq,smk,"
    "bink"
)
# Files that hold sound alone
_SOUND_CONTAINERS = "wav,w64,mp3,flac,aac,aiff,au,caf,amr"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
_HEAD_BYTES = 1024
# a stated length that is so many times the real one, beyond some slack, is not believed
_BELIEVED, _SLACK_S = 2.0, 1.0
_PATIENCE_S = 20.0
_PICTURES = (b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"\0\0\0\x0cjP  ")
_SOUNDS = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"fLaC", b"#!AMR", b"FORM", b".snd", b"caff")


def check_file(path: Path) -> None:
    """Raise InputError unless `path` is a regular file with something in it."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} does not exist", "check the path, or leave the video out") from error
    except OSError as error:
        raise InputError(f"{path} cannot be reached ({error.strerror})", "mend the link or the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path} is a folder, not a file", "give the path of a file")
    if not stat.S_ISREG(status.st_mode):
        # a pipe or a device could be read forever, or wait forever for somebody to write
        raise InputError(f"{path} is a pipe or a device, not a file", "give the path of a file")
    if status.st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)", COPY_AGAIN)


def open_video(path: Path) -> InputContainer:
    """Open a video file; close what is returned.

    Raises:
        InputError: no such file, none that FFmpeg can open, no video but a picture, a sound or a text, or pictures of
            more than `MOST_PIXELS`.
    """
    check_file(path)
    container = _open(path, {"max_pixels": str(MOST_PIXELS)})
    try:
        for stream in _decodable(container):
            _check_size(path, stream.index, stream.codec_context.width, stream.codec_context.height)
            # a picture may be larger than its container states
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    except InputError:
        container.close()
        raise
    return container


def open_sound(path: Path) -> InputContainer | None:
    """Open a file that holds sound and no pictures; close what is returned. None for a file that holds pictures.

    Raises:
        InputError: no such file, or one that holds neither sound nor pictures.
    """
    check_file(path)
    wanted = "a picture, a sound or a video"
    container = _open(path, {"format_whitelist": f"{_CONTAINERS},{_SOUND_CONTAINERS}"}, wanted)
    if not _decodable(container) and container.streams.audio:
        return container
    is_empty = not container.streams.video
    container.close()
    if is_empty:
        raise InputError(f"{path} holds neither pictures nor sound", f"give {wanted}")
    return None


def _open(path: Path, options: Mapping[str, str], wanted: str = "a video") -> InputContainer:
    try:
        # the prefix keeps a colon in a name from being read as a protocol
        return av.open(f"file:{path}", options={**_OPTIONS, **options}, metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise _unopened(path, error, wanted) from error


def _decodable(container: InputContainer) -> list[VideoStream]:
    return [
        stream
        for stream in container.streams.video
        if getattr(stream, "codec_context", None) is not None and not stream.disposition & Disposition.attached_pic
    ]


def _check_size(path: Path, stream: int, width: int, height: int) -> None:
    if not width * height:
        # a decoder that refuses a size forgets the size; without a decoder the stated one stays
        with _open(path, {"codec_whitelist": "none"}) as container:
            context = container.streams[stream].codec_context
            width, height = getattr(context, "width", 0), getattr(context, "height", 0)
    if width * height > MOST_PIXELS:
        raise InputError(
            f"{path} has pictures of {width} x {height} pixels, more than {MOST_PIXELS // 10**6} megapixels",
            "convert it to smaller pictures, or leave it out",
        )


def stream_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the length that a file states of its pictures, or else of itself; None where it states none."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def stated_seconds(path: Path) -> float | None:
    """Return the length that a video file states; None where it states none, or cannot be opened."""
    try:
        with open_video(path) as container:
            return stream_seconds(container, container.streams.video[0])
    except (InputError, av.error.FFmpegError, IndexError, OSError):
        return None


def is_too_long(stated_s: float, end_s: float) -> bool:
    """Return whether a stated length is not believed, because pictures and sound end long before.

    >>> is_too_long(3600.0, 10.0), is_too_long(12.0, 10.0)
    (True, False)
    """
    return stated_s > _BELIEVED * (end_s + _SLACK_S)


def checked_seconds(path: Path) -> float | None:
    """Return the length that a video file states, or the end of its pictures and sound where they are far apart.

    Only the end of the file is read where the file can be searched by time. Nothing is decoded.

    Returns:
        Seconds; None where the file states none, or cannot be opened.
    """
    try:
        with open_video(path) as container:
            stream = container.streams.video[0]
            stated = stream_seconds(container, stream)
            end = None if stated is None else _real_end(container, stream, stated)
    except (InputError, av.error.FFmpegError, IndexError, OSError):
        return None
    if stated is None or end is None:
        return stated
    return end if is_too_long(stated, end) or is_too_long(end, stated) else stated


def _real_end(container: InputContainer, stream: VideoStream, stated_s: float) -> float | None:
    """Return when pictures and sound end, in seconds from the first picture; None where that takes too long to see."""
    begin_s = float((stream.start_time or 0) * (stream.time_base or 0))
    end_s, until = None, time.monotonic() + _PATIENCE_S
    for place_s in (begin_s + stated_s, begin_s):
        with suppress(av.error.FFmpegError, OverflowError):
            container.seek(int(place_s * av.time_base))
            for packet in container.demux([stream, *container.streams.audio]):
                if packet.pts is not None and packet.time_base:
                    last_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    end_s = last_s if end_s is None else max(end_s, last_s)
                if time.monotonic() > until:
                    return None
        if end_s is not None:
            return end_s - begin_s
    return None


def _unopened(path: Path, error: av.error.FFmpegError, wanted: str) -> InputError:
    """Return the error for a file that FFmpeg does not open: what it is, where that is easy to see."""
    check_file(path)
    if isinstance(error, PermissionError):
        return InputError(f"{path} cannot be read ({error.strerror})", "check its permissions, or leave it out")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not any(head):
        return InputError(f"{path} begins with nothing but zeros, as a download that was broken off", COPY_AGAIN)
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return InputError(f"{path} is a web page, not {wanted}", "download the file itself, or leave it out")
    if head.startswith(_PICTURES) or head[8:12] == b"WEBP" or b"<svg" in head:
        return InputError(f"{path} is a picture, not a video", "leave it out or give the video itself")
    if head.startswith(_SOUNDS) or head[8:12] == b"WAVE":
        return InputError(f"{path} is a sound file, not a video", "leave it out or give the video itself")
    if _is_text(head):
        return InputError(f"{path} is a text file, not {wanted}", f"give the path of {wanted}")
    return InputError(f"{path} is not {wanted}, or not whole ({error.strerror})", COPY_AGAIN)


def _is_text(head: bytes) -> bool:
    # the end of the head may cut a letter in two
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    return "\ufffd" not in text and all(letter.isprintable() or letter.isspace() for letter in text)
