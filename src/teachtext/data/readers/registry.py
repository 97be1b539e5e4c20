"""The formats of caption files, and which of them a file has."""

from collections.abc import Mapping
from pathlib import Path

from teachtext.data.readers.annotations import Annotations, some
from teachtext.data.readers.caption_map import CAPTION_MAP
from teachtext.data.readers.caption_pickle import CAPTION_PICKLE
from teachtext.data.readers.charades_sta import CHARADES_STA
from teachtext.data.readers.coco import COCO
from teachtext.data.readers.delimited import DELIMITED
from teachtext.data.readers.didemo import DIDEMO
from teachtext.data.readers.foreign_files import kind_of
from teachtext.data.readers.format import Format
from teachtext.data.readers.lsmdc import LSMDC
from teachtext.data.readers.msrvtt import MSRVTT
from teachtext.data.readers.msvd import MSVD_LINES, MSVD_TABLE
from teachtext.data.readers.parquet import PARQUET
from teachtext.data.readers.plain_lines import PLAIN_LINES
from teachtext.data.readers.records import RECORDS
from teachtext.data.readers.source import ABSENT, SourceFile
from teachtext.data.readers.teachclip import TEACHCLIP
from teachtext.data.readers.vatex import VATEX
from teachtext.data.readers.video_objects import ACTIVITYNET, VIDEO_OBJECTS
from teachtext.data.readers.webdataset import WEBDATASET
from teachtext.data.readers.youcook2 import YOUCOOK2
from teachtext.errors import InputError, unknown

FORMATS: Mapping[str, Format] = {
    # a line each: formats of certain datasets, then general ones
    MSRVTT.name: MSRVTT,
    MSVD_TABLE.name: MSVD_TABLE,
    MSVD_LINES.name: MSVD_LINES,
    TEACHCLIP.name: TEACHCLIP,
    VATEX.name: VATEX,
    ACTIVITYNET.name: ACTIVITYNET,
    DIDEMO.name: DIDEMO,
    YOUCOOK2.name: YOUCOOK2,
    LSMDC.name: LSMDC,
    CHARADES_STA.name: CHARADES_STA,
    COCO.name: COCO,
    WEBDATASET.name: WEBDATASET,
    DELIMITED.name: DELIMITED,
    PLAIN_LINES.name: PLAIN_LINES,
    RECORDS.name: RECORDS,
    CAPTION_MAP.name: CAPTION_MAP,
    VIDEO_OBJECTS.name: VIDEO_OBJECTS,
    PARQUET.name: PARQUET,
    CAPTION_PICKLE.name: CAPTION_PICKLE,
}


def formats_of(source: SourceFile) -> list[Format]:
    """Return the formats that a file has, by its content: none, one, or several that cannot be told apart."""
    recognised = [form for form in FORMATS.values() if form.recognises(source)]
    return [form for form in recognised if not form.is_general] or recognised


def read_file(path: Path, name: str | None = None) -> tuple[Format, Annotations]:
    """Read a file of captions.

    Args:
        path: of the file.
        name: name of its format; by default the format is recognised by the file's content.

    Returns:
        The format and the annotations.

    Raises:
        InputError: the file has no known format, several formats, or faults that its format names.
    """
    source = SourceFile(path)
    source.check_size()
    if name is not None:
        form = format_named(name)
        if not form.recognises(source):
            raise InputError(f"{path} is not {form.title}: {seen(source)}", f"a right beginning is {form.shows}")
        return form, form.read(source)
    forms = formats_of(source)
    if not forms:
        raise not_understood(source)
    if len(forms) > 1:
        titles = " and as ".join(form.title for form in forms)
        names = " or ".join(f"--format {form.name}" for form in forms)
        raise InputError(f"{path} can be read as {titles}", f"choose with {names}")
    return forms[0], forms[0].read(source)


def format_named(name: str) -> Format:
    """Return the format of a name.

    Raises:
        InputError: the name is unknown.
    """
    if name not in FORMATS:
        raise unknown("format", name, list(FORMATS))
    return FORMATS[name]


def not_understood(source: SourceFile) -> InputError:
    """Return the error for a file that no format recognises: what was seen, and a right line."""
    kind = kind_of(source)
    if kind is not None:
        return InputError(f"{source.path} is in no known format of captions: {kind[0]}", kind[1])
    lines = source.first_lines
    if lines and source.document is ABSENT and not source.json_problem and source.first_object is None:
        return InputError(
            f"{source.path} lacks a column for the video or for the caption, and is in no other known format: "
            f"{seen(source)}",
            f"write for example {DELIMITED.shows}",
        )
    line, form = ("", CAPTION_MAP) if source.path.suffix.lower() == ".json" else (", line 1", RECORDS)
    place = line if source.first_object is not None else ""
    return InputError(
        f"{source.path}{place} is in no known format of captions: {seen(source)}",
        f"{'copy it again, or correct that place; ' if source.json_problem else ''}write for example {form.shows}",
    )


def seen(source: SourceFile) -> str:
    """Return what a file holds, as far as a glance shows: its keys, its header, or its first line."""
    if source.size == 0:
        return "it is empty"
    if source.is_pickle:
        return source.pickle_problem or f"a pickle of {_seen_document(source.pickled)}"
    if not source.is_text:
        kind = kind_of(source)
        return kind[0] if kind else "it is not text"
    content = source.document
    if content is not ABSENT:
        return _seen_document(content)
    lines = source.first_lines
    if not lines:
        return "it has no line of UTF-8 text"
    if source.has_json_lines:
        return _seen_document(source.first_object)
    if source.json_problem:
        return f"it is not valid JSON ({source.json_problem})"
    return f"line 1 is '{_short(lines[0])}'"


def _seen_document(content: object) -> str:
    if isinstance(content, dict):
        keys, value = list(content), next(iter(content.values()), None)
        if not keys:
            return "an empty object"
        return f"an object with the keys {some([_short(key) for key in keys])}, the first one with {_kind(value)}"
    if isinstance(content, list):
        return f"a list of {len(content):,} items, the first one {_kind(content[0]) if content else 'missing'}"
    return _kind(content)


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return f"an object with the keys {some([_short(key) for key in value])}"
    if isinstance(value, list):
        return f"a list that begins with {_short(str(value[0]))!r}" if value else "an empty list"
    return f"the {'text' if isinstance(value, str) else 'value'} {_short(str(value))!r}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
