"""Delimited text: captions with a comma, semicolon, bar or tab between cells, with or without a header."""

from teachtext.data.readers.annotations import Annotations, CaptionList
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists
from teachtext.data.readers.tables import TableRows, table_of
from teachtext.errors import InputError


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
    for where, cells in rows:
        caption_id, language, split = (
            cells.get(name) if name is not None else None
            for name in (columns.caption_id, columns.language, columns.split)
        )
        video, text = cells.get(columns.video), cells.get(columns.text or "")
        captions.add(video, text, where=where, caption_id=caption_id, language=language)
        splits.add(video, split)
    return Annotations(captions=captions.finish(), splits=splits.finish(), remarks=rows.remarks)


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
