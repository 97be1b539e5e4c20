"""JSON records: an object for every caption or video, a line each (.jsonl) or in a list."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.columns import Columns, find_columns
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists
from teachtext.errors import InputError

_columns_of = lru_cache(maxsize=1024)(find_columns)


def records_of(source: SourceFile) -> Iterator[tuple[str, Mapping[str, Any]]] | None:
    """Return the objects of a file with their places; None where the file has another form.

    The form is JSON lines, a list of objects or of pairs, a single object, or an object with one such list in it.
    """
    if source.has_json_lines:
        return source.objects()
    content = source.document
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list) and value]
        content = lists[0] if len(lists) == 1 and isinstance(lists[0][0], dict) else [content]
    if not isinstance(content, list) or not content:
        return None
    if all(isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) for entry in content):
        content = [{"video": video, "text": text} for video, text in content]
    if not all(isinstance(entry, dict) for entry in content):
        return None
    return ((f"entry {number}", entry) for number, entry in enumerate(content, start=1))


def recognises(source: SourceFile) -> bool:
    """Return whether the first object has a field for the video and one for its captions."""
    first = (
        source.first_object if source.has_json_lines else next((entry for _, entry in records_of(source) or ()), None)
    )
    columns = _columns(first) if first is not None else None
    return columns is not None and columns.text is not None and _is_text(first, columns.text)


def read(source: SourceFile) -> Annotations:
    """Read captions from JSON records. A field of several captions, as a list, is several captions.

    Raises:
        InputError: a line is not JSON, an object lacks its video or its caption, or a caption is not text.
    """
    entries = records_of(source)
    first = next(entries, None) if entries is not None else None
    columns = _columns(first[1]) if first is not None else None
    if entries is None or first is None or columns is None or columns.text is None:
        raise InputError(f"{source.path} holds no JSON records of captions", f"write objects such as {RECORDS.shows}")
    captions, splits = CaptionList(source.path), SplitLists()
    for where, entry in chain([first], entries):
        # further fields may stand in some objects alone
        more = _columns(entry) or columns
        video, text = entry.get(columns.video), entry.get(columns.text)
        texts = text if isinstance(text, list) and text else [text]
        texts = [*texts, *(entry[name] for name in more.further if entry.get(name))]
        for caption in texts:
            captions.add(
                video,
                caption,
                where=where,
                caption_id=entry.get(more.caption_id) if more.caption_id and len(texts) == 1 else None,
                language=entry.get(more.language) if more.language else None,
            )
        splits.add(video, entry.get(more.split) if more.split else None)
    unread = f"; not read: {', '.join(columns.unread)}" if columns.unread else ""
    remark = Remark(f"{source.path.name}: fields {columns.video} and {some(columns.texts)} of JSON records{unread}")
    is_native = (columns.video, columns.texts, columns.unread) == ("video", ["text"], [])
    remarks = [*source.encoding_remarks, *([] if is_native else [remark])]
    return Annotations(captions=captions.finish(), splits=splits.finish(), remarks=remarks)


def _columns(entry: Mapping[str, Any]) -> Columns | None:
    return _columns_of(tuple(islice(entry, 100)))


def _is_text(entry: Mapping[str, Any] | None, field: str) -> bool:
    value = (entry or {}).get(field)
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    # a number or nothing is a slip of that entry, which is told with its place
    return not isinstance(value, dict)


def _write_example(folder: Path) -> Path:
    rows = [
        {"clip_id": "v0", "caption": "a dog runs", "split": "train"},
        {"clip_id": "v1", "caption": ["a cat sleeps", "a cat, asleep"], "split": "val"},
        {"clip_id": "v2", "caption": "rain falls", "split": "test", "lang": "en"},
    ]
    return text_example("captions.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))(folder)


RECORDS = Format(
    name="records",
    title="JSON records (.jsonl, .json)",
    shows='{"video": "video0", "caption": "a dog catches a frisbee"}',
    recognises=recognises,
    read=read,
    write_example=_write_example,
    is_general=True,
)
