"""What a video file says of itself: its title and other facts, and the subtitles that it holds. Nothing is decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard

from teachtext.errors import InputError
from teachtext.video.file import open_video
from teachtext.video.subtitles import Cue, plain, plain_event, without_repeats

FACTS = ("title", "artist", "album", "show", "date", "genre", "keywords", "description", "synopsis", "comment")
"""The facts that are read, in this order."""
_LONGEST = 2000
_PLAIN, _EVENTS = ("srt", "subrip", "text", "webvtt"), ("ass", "ssa")
# fields of an event in a container before its text
_BEFORE_TEXT = 8


@dataclass(frozen=True)
class About:
    """What a video file says of itself.

    Attributes:
        facts: texts by name (see `FACTS`), each of at most 2,000 characters.
        cues: the subtitles of its text tracks, in order of time, in seconds from the first picture.
        notes: what could not be read, a sentence each.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    cues: Sequence[Cue] = ()
    notes: Sequence[str] = ()


def read_about(path: Path) -> About:
    """Read the facts and the text tracks of a video file. A file that cannot be opened says nothing."""
    try:
        with open_video(path) as container:
            return _about(path, container)
    except (InputError, av.error.FFmpegError, OSError):
        return About()


def _about(path: Path, container: InputContainer) -> About:
    said = {name.casefold(): " ".join(text.split())[:_LONGEST] for name, text in container.metadata.items()}
    facts = {name: said[name] for name in FACTS if said.get(name)}
    tracks = {stream.index: _codec(stream) for stream in container.streams if stream.type == "subtitle"}
    read = [number for number, codec in tracks.items() if codec in ("mov_text", *_PLAIN, *_EVENTS)]
    others = sorted(codec or "unknown" for number, codec in tracks.items() if number not in read)
    notes = []
    if others:
        notes.append(f"{path}: {len(others)} subtitle tracks without text ({', '.join(others)}) cannot be searched")
    cues: list[Cue] = []
    if read:
        problem = _read_tracks(container, read, cues)
        if problem:
            notes.append(f"{path}: only {len(cues):,} cues of its subtitles can be read ({problem})")
    return About(facts, without_repeats(sorted(set(cues))), notes)


def _codec(stream: Any) -> str:
    context = getattr(stream, "codec_context", None)
    return context.name if context is not None else ""


def _read_tracks(container: InputContainer, numbers: Sequence[int], cues: list[Cue]) -> str:
    """Collect the cues of text tracks; return why not all could be read, if that is so."""
    video = container.streams.video[0]
    begin_s = float((video.start_time or 0) * (video.time_base or 0))
    for stream in container.streams:
        if stream.index not in numbers:
            # containers with an index do not read what nobody asks for
            stream.discard = Discard.all
    try:
        for packet in container.demux([container.streams[number] for number in numbers]):
            if packet.pts is None or packet.time_base is None:
                continue
            start_s = float(packet.pts * packet.time_base) - begin_s
            end_s = start_s + float((packet.duration or 0) * packet.time_base)
            text = _text(_codec(packet.stream), bytes(packet))
            if text:
                cues.append(Cue(max(0.0, start_s), max(0.0, end_s), text))
    except av.error.FFmpegError as error:
        return str(error.strerror)
    return ""


def _text(codec: str, data: bytes) -> str:
    """Return the words of a packet, line by line."""
    if codec == "mov_text":
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    encoding = "utf-16" if data.startswith((b"\xfe\xff", b"\xff\xfe")) else "utf-8"
    text = data.decode(encoding, "replace").rstrip("\0")
    if codec in _EVENTS:
        return plain_event(text.split(",", _BEFORE_TEXT)[-1])
    return "\n".join(filter(None, map(plain, text.splitlines())))
