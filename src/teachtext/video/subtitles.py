r"""Subtitles in files: SubRip (`.srt`), WebVTT (`.vtt`) and SubStation Alpha (`.ass`, `.ssa`).

Files as people have them are read: without numbers, without empty lines between cues, in any order, with points for
commas. A file is told by what it holds, not by its ending.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from teachtext.errors import InputError

ENDINGS = (".srt", ".vtt", ".ass", ".ssa")
"""Endings of the files that are read."""
MOST_BYTES = 16 * 2**20
"""A larger file is not read. The subtitles of a film have about 100 kB."""

_ARROW = "-->"
_TIME = r"(?:(\d{1,6})\s?:\s?)?(\d{1,4})\s?:\s?(\d{1,2})(?:\s?[,.:]\s?(\d{1,6}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-+>\s*{_TIME}")
_CLOCK = re.compile(rf"\s*{_TIME}\s*$")
_NUMBER = re.compile(r"\s*\d+\s*$")
_EVENT = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
# <i>, </font>, <v Anna>, <c.loud>, and the times of words in <00:01.500>; not the sign in "a < b"
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>|</?>|<\d[\d:.,]*>|\{\\[^{}]*\}")
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9]")
_BREAK = re.compile(r"\\[Nnh]")
# marks of the direction of writing, and of the order of bytes
_MARKS = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]|[\x00-\x08\x0e-\x1f\x7f]")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LOST = "\ufffd"
# cues between which so little time passes follow one another
_TOUCHING_S = 0.1


class Cue(NamedTuple):
    """Words of subtitles, and when they are shown, in seconds."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class Subtitles:
    """The cues of subtitles.

    Attributes:
        cues: in order of time, those with words.
        notes: what could not be read, a sentence each.
    """

    cues: Sequence[Cue]
    notes: Sequence[str] = ()


def read_subtitles(path: Path) -> Subtitles:
    """Read a file of subtitles.

    Raises:
        InputError: the file is larger than 16 MiB, empty, or holds no subtitles.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(f"{path} has more than {MOST_BYTES // 2**20} MiB", "give a file of subtitles")
    if not data.strip():
        raise InputError(f"{path} is empty", "download it anew, or delete it")
    text, encoding = decode(data)
    cues, unread = parse(text)
    if not cues and not unread:
        raise InputError(f"{path} holds no subtitles, whatever its name", "give a file of subtitles, or rename it")
    notes = [f"{path}: the times of {unread:,} cues cannot be read"] if unread else []
    if encoding == "cp1252":
        notes.append(f"{path} is not UTF-8, and was read as Windows-1252; save it as UTF-8 if letters are wrong")
    elif _LOST in text:
        notes.append(f"{path}: {text.count(_LOST):,} letters are damaged")
    return Subtitles(cues, notes)


def decode(data: bytes) -> tuple[str, str]:
    r"""Return a text and its encoding.

    The first that fits of: what a byte order mark says; UTF-16, where every other byte of many is zero; UTF-8, in which
    a few bytes may be damaged; Windows-1252, which has all letters of Latin-1.

    >>> decode("Grüße".encode()), decode("Grüße".encode("latin-1")), decode("\ufeffGrüße".encode("utf-16-be"))
    (('Grüße', 'utf-8'), ('Grüße', 'cp1252'), ('Grüße', 'utf-16'))
    """
    for mark, name in _BOMS.items():
        if data.startswith(mark):
            return data.decode(name, "replace"), name
    if b"\0" in data:
        # the first byte of a letter of UTF-16 is zero in most texts, and digits have such letters in all texts
        name = "utf-16-be" if data[::2].count(0) > data[1::2].count(0) else "utf-16-le"
        return data.decode(name, "replace"), name
    text = data.decode("utf-8", "replace")
    lost = text.count(_LOST)
    if lost and 10 * lost > sum(not letter.isascii() for letter in text) - lost:
        # the five bytes that Windows-1252 lacks are control characters of Latin-1
        return re.sub("[\x80-\x9f]", _windows, data.decode("latin-1")), "cp1252"
    return text, "utf-8"


def _windows(letter: re.Match[str]) -> str:
    return letter[0].encode("latin-1").decode("cp1252", "ignore")


def parse(text: str) -> tuple[list[Cue], int]:
    r"""Return the cues of a text in order of time, and the number of cues whose times cannot be read.

    >>> parse("1\n00:00:01,500 --> 00:00:02,000\n<i>Hello!</i>\n\n2\n00:00:x --> 00:01\nlost\n")
    ([Cue(start_s=1.5, end_s=2.0, text='Hello!')], 1)
    """
    lines = re.split(r"\r\n|\r|\n", text.lstrip("\ufeff"))
    is_web = lines[0].startswith("WEBVTT")
    is_script = not is_web and any(line.startswith("Dialogue:") for line in lines)
    read = list(_events(lines) if is_script else _timed(lines, ends_at_blank=is_web))
    cues = [cue for cue in read if cue is not None]
    return without_repeats(sorted(cue for cue in cues if cue.text)), len(read) - len(cues)


def plain(text: str) -> str:
    r"""Return the words of a cue without markup, in one line.

    >>> plain("{\\an8}<font color='red'>Tom &amp; <b>Jerry</b></font>\n- 1 < 2"), plain("<v Anna>Hi")
    ('Tom & Jerry - 1 < 2', 'Hi')
    """
    return " ".join(_MARKS.sub("", unescape(_BREAK.sub(" ", _MARKUP.sub("", text)))).split())


def plain_event(text: str) -> str:
    r"""Return the words of an event of SubStation Alpha; none of a drawing.

    >>> plain_event(r"{\i1}Hello{\i0}\Nyou"), plain_event(r"{\p1}m 0 0 l 100 0{\p0}")
    ('Hello you', '')
    """
    return "" if _DRAWING.search(text) else plain(_OVERRIDE.sub("", text))


def without_repeats(cues: Sequence[Cue]) -> list[Cue]:
    r"""Return cues without the lines that they repeat of the cue before, as captions do that roll up line by line.

    >>> cues = [Cue(0, 2, "a dog"), Cue(2, 2, "a dog"), Cue(2, 4, "a dog\nruns home"), Cue(9, 10, "runs home")]
    >>> without_repeats(cues)[1:]
    [Cue(start_s=2, end_s=4, text='runs home'), Cue(start_s=9, end_s=10, text='runs home')]
    """
    kept: list[Cue] = []
    before: list[str] = []
    until = 0.0
    for cue in cues:
        lines = cue.text.split("\n")
        follows = bool(before) and cue.start_s <= until + _TOUCHING_S
        if follows and lines[: len(before)] == before:
            new = lines[len(before) :]
        elif follows and lines[0] == before[-1]:
            new = lines[1:]
        else:
            new = lines
        if new:
            kept.append(cue._replace(text=" ".join(new)))
        else:
            kept[-1] = kept[-1]._replace(end_s=max(kept[-1].end_s, cue.end_s))
        before, until = lines, max(until, cue.end_s)
    return kept


def _timed(lines: Sequence[str], *, ends_at_blank: bool) -> Iterator[Cue | None]:
    """Yield the cues of SubRip or WebVTT; None for a cue whose times cannot be read."""
    starts = [number for number, line in enumerate(lines) if _ARROW in line or _TIMES.match(line)]
    for start, following in pairwise([*starts, len(lines)]):
        body = list(lines[start + 1 : following])
        if ends_at_blank:
            blank = next((number for number, line in enumerate(body) if not line.strip()), len(body))
            body = body[:blank]
        elif following < len(lines) and body and _NUMBER.match(body[-1]):
            # the number of the next cue
            body.pop()
        times = _TIMES.match(lines[start])
        yield _cue(times.groups(), map(plain, body)) if times else None


def _events(lines: Sequence[str]) -> Iterator[Cue | None]:
    """Yield the cues of SubStation Alpha; None for a cue whose times cannot be read."""
    names: Sequence[str] = _EVENT
    for line in lines:
        kind, _, values = line.partition(":")
        if kind == "Format" and "text" in values.casefold():
            names = [name.strip().casefold() for name in values.split(",")]
        if kind != "Dialogue":
            continue
        event = dict(zip(names, values.split(",", len(names) - 1), strict=False))
        times = [_CLOCK.match(event.get(name, "")) for name in ("start", "end")]
        if times[0] is None or times[1] is None:
            yield None
        else:
            yield _cue([*times[0].groups(), *times[1].groups()], [plain_event(event.get("text", ""))])


def _cue(times: Sequence[str | None], lines: Iterable[str]) -> Cue:
    start_s, end_s = _seconds(times[:4]), _seconds(times[4:])
    return Cue(start_s, max(start_s, end_s), "\n".join(filter(None, lines)))


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0) + float(f"0.{fraction or 0}")
