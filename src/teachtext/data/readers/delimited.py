"""Delimited text: captions with a comma, semicolon, bar or tab between cells, with or without a header."""

import ast
from collections.abc import Sequence

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists
from teachtext.data.readers.tables import TableRows, table_of
from teachtext.errors import InputError

_LONGEST_LIST = 100_000


def recognises(source: SourceFile) -> bool:
    """Return whether the file is delimited text with captions."""
    return table_of(source) is not None


def read(source: SourceFile) -> Annotations:
    """Read captions from delimited text.

    Raises:
        InputError: rows without a video or a caption, or with more cells than the header (see `TableRows`).
    """
    table = table_of(source)
    if table is None:
        raise InputError(f"{source.path} is not delimited text", "write a header such as video_id,caption")
    captions, splits, rows = CaptionList(source.path), SplitLists(), TableRows(source, table)
    columns = table.columns
    lists: list[str] = []
    for where, cells in rows:
        caption_id, language, split = (
            cells.get(name) if name is not None else None
            for name in (columns.caption_id, columns.language, columns.split)
        )
        video, first = cells.get(columns.video), cells.get(columns.text or "")
        items = listed_captions(first or "")
        lists += [where] if items else []
        further = [cells[name] for name in columns.further if cells.get(name)]
        # an empty cell is an empty caption only where the row has no other
        captioned: Sequence[str | None] = items or ([first] if first or not further else [])
        texts = [*captioned, *further]
        for text in texts:
            name = caption_id if len(texts) == 1 else None
            captions.add(video, text, where=where, caption_id=name, language=language)
        splits.add(video, split)
    remarks = [Remark(f"{source.path.name}: {len(lists):,} cells hold lists of captions ({some(lists)})")]
    return Annotations(
        captions=captions.finish(), splits=splits.finish(), remarks=[*rows.remarks, *(remarks if lists else [])]
    )


def listed_captions(cell: str) -> list[str] | None:
    """Return the captions of a cell that holds a list of texts, as programs write lists into tables; else None.

    Example:
        >>> listed_captions("['a dog runs', 'it is fast']"), listed_captions("[music] a dog")
        (['a dog runs', 'it is fast'], None)
    """
    if not (cell.startswith("[") and cell.endswith("]")) or len(cell) > _LONGEST_LIST:
        return None
    try:
        items = ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    is_list = isinstance(items, list) and bool(items) and all(isinstance(item, str) for item in items)
    return items if is_list else None


_EXAMPLE = """\
Video ID;Sentence;split
v0;a dog runs, fast;train
v1;"he says ""hi""; twice";test
v0;a dog;train
"""

DELIMITED = Format(
    name="delimited",
    title="delimited text (.csv, .tsv)",
    shows='video_id,caption then video0,"a dog catches a frisbee, then runs"',
    recognises=recognises,
    read=read,
    write_example=text_example("captions.csv", _EXAMPLE),
    is_general=True,
)
