"""Titles that a person reads: what stands beside the file or in its name, what was written, said or seen in it."""

import json
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from html import unescape
from pathlib import Path

from teachtext.data.video_files import is_video_name
from teachtext.search.types import Item
from teachtext.service.seen_names import SeenName

_SIDECAR_BYTES = 256 * 2**10
_LONGEST = 80
# a card with a title stands near the beginning
_CARD_S = 15.0
_SURE = 0.15
_WORD = re.compile(r"[^\W\d_]{2,}")
_SEPARATORS = re.compile(r"[_\-.+\s]+")
# what programs write for a title
_PROGRAM = re.compile(
    r"(lav[cf]|x26[45]|handbrake|ffmpeg|gopro|(video|core) ?(handler|media)|untitled|unknown|(no |default )?title|"
    r"track|chapter|dvd|default|(new )?project|sequence|null|none)[\s\d_.\-]*$|"
    r"lav[cf]\d|(handbrake|ffmpeg|iso media) |https?:|www\.",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# words that devices and programs write
_EMPTY = frozenset(
    [
        "the",
        "of",
        "in",
        "and",
        "video",
        "clip",
        "img",
        "image",
        "dsc",
        "mov",
        "movie",
        "file",
        "vid",
        "screen",
        "recording",
        "record",
        "scene",
        "copy",
        "trim",
        "final",
    ]
)


def title_of(item: Item, path: Path, seen: Sequence[SeenName]) -> str:
    """Return the title of a video.

    The first of: the title in a file beside the video (`.info.json` or `.nfo`), the title in the video file, a file
    name of words, words that are read near the beginning, the first sentence that is heard, what the video looks like,
    the file name. A title in the video file that repeats the file name, or that a program has written, does not count.

    Args:
        item: the video, with its moments.
        path: its file.
        seen: likeliest class names.

    >>> title_of(Item(id="clips/birthday-anna.mp4", content="", made="", added_s=0, size=9), Path("/none.mp4"), [])
    'Birthday anna'
    >>> title_of(Item(id="clips/DSC_0042.mp4", content="", made="", added_s=0, size=9), Path("/none.mp4"), [])
    'DSC_0042'
    """
    stem = Path(item.id).stem
    return (
        _beside(path)
        or _stated(item)
        or name_as_words(item.id)
        or _written(item)
        or _said(item)
        or _looks_like(seen)
        or stem
        or item.id
    )[:_LONGEST]


def _stated(item: Item) -> str:
    """Return the title that the file states of itself, if a person has written it."""
    title = item.about.get("title", "")
    if is_video_name(title) or _letters(title) in (_letters(Path(item.id).stem), _letters(Path(item.id).name)):
        return ""
    telling = [word for word in _SEPARATORS.sub(" ", title).split() if _is_word(word) and word.casefold() not in _EMPTY]
    return title if telling and not _PROGRAM.match(title) else ""


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _beside(path: Path) -> str:
    for ending, read in ((".info.json", _json_title), (".nfo", _xml_title)):
        file = path.with_suffix(ending)
        with suppress(OSError, ValueError, RecursionError):
            # a link could show any file
            if file.is_file() and not file.is_symlink() and file.stat().st_size <= _SIDECAR_BYTES:
                return " ".join(read(file.read_text(encoding="utf-8")).split())
    return ""


def _json_title(text: str) -> str:
    fields = json.loads(text)
    title = fields.get("title") if isinstance(fields, dict) else None
    return title if isinstance(title, str) else ""


def _xml_title(text: str) -> str:
    # not parsed: entities of a stranger's file could grow without end
    match = re.search(r"<title>([^<]{1,300})</title>", text)
    return unescape(match[1]) if match else ""


def name_as_words(item_id: str) -> str:
    """Return the name of a video's file as words, or nothing if the name is an id or what a camera writes.

    >>> name_as_words("clips/2019 Tenerife-beach.mp4"), name_as_words("clips/shPymuahrsc_5_12.avi")
    ('2019 Tenerife beach', '')
    """
    text = _CAMEL.sub(" ", _SEPARATORS.sub(" ", Path(item_id).stem)).strip()
    words = [word for word in text.split() if _is_word(word)]
    telling = [word for word in words if word.casefold() not in _EMPTY]
    if not telling or len(words) < 2 or sum(map(len, words)) < 0.6 * len(text.replace(" ", "")):
        return ""
    return text[:1].upper() + text[1:]


def _is_word(word: str) -> bool:
    letters = word.strip("()[],'!&")
    # marks belong to the letters of many scripts
    if not letters or not all(unicodedata.category(letter)[0] in "LM" for letter in letters):
        return False
    if not letters.isascii():
        return True
    if len(letters) < 2:
        return False
    form = letters.islower() or letters.istitle() or letters.isupper()
    return form and bool(re.search(r"[aeiouyAEIOUY]", letters)) and not re.search(r"(?i)[^aeiouy]{5}", letters)


def _written(item: Item) -> str:
    early = [moment.text for moment in item.moments if not moment.heard and moment.start_s <= _CARD_S]
    return next((" ".join(text.split()) for text in early if _reads_well(text)), "")


def _reads_well(text: str) -> bool:
    """Return whether a text is mostly words: what is read from pictures often is not."""
    words = _WORD.findall(text)
    return len(words) >= 2 and sum(map(len, words)) >= 0.7 * len(text.replace(" ", ""))


def _said(item: Item) -> str:
    text = next((moment.text for moment in item.moments if moment.heard and len(moment.text.split()) > 1), "")
    sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split()))[0]
    if len(sentence) > _LONGEST - 2:
        sentence = sentence[: _LONGEST - 3].rpartition(" ")[0] + "…"
    return f"“{sentence}”" if sentence else ""


def _looks_like(seen: Sequence[SeenName]) -> str:
    names = ", ".join(name.name for name in seen if name.probability >= _SURE)
    return names[:1].upper() + names[1:]
