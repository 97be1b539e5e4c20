"""Delimited text: captions with a comma, semicolon, bar or tab between cells, with or without a header."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.columns import Columns, find_columns
from teachtext.data.readers.delimited_rows import Row, Slips, read_rows, shape_of, split_cells
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists
from teachtext.errors import InputError

DELIMITERS = "\t;|,"
_NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}


@dataclass(frozen=True)
class Table:
    """How a file of delimited text is laid out.

    Attributes:
        delimiter: between cells.
        header: the cells of the first line; empty where the first line is a row.
        columns: the columns that are read.
        width: the number of cells of a row.
    """

    delimiter: str
    header: Sequence[str]
    columns: Columns
    width: int

    def position(self, column: str | None) -> int | None:
        """Return the position of a column."""
        if column is None:
            return None
        return self.header.index(column) if self.header else int(column)


def table_of(source: SourceFile) -> Table | None:
    """Return how the file is laid out; None where the file is not delimited text with videos in it.

    The columns of a file without a header are named by their positions.
    """
    lines = source.first_lines
    if not lines or lines[0].lstrip()[:1] in ("{", "["):
        return None
    for delimiter in DELIMITERS:
        header = split_cells(lines[0], delimiter)
        columns = find_columns(header)
        if columns is not None and (columns.text is not None or len(header) == 1):
            return Table(delimiter, header, columns, len(header))
    return next((table for delimiter in DELIMITERS if (table := _headless(lines, delimiter))), None)


def _headless(lines: Sequence[str], delimiter: str) -> Table | None:
    """Return the layout of a file whose first line is a row: a cell without a space, and a caption as the last cell."""
    rows = [split_cells(line, delimiter) for line in lines]
    width = min(map(len, rows))
    if width < 2:
        return None
    captions = [delimiter.join(row[width - 1 :]) for row in rows]
    sentences = sum(" " in caption for caption in captions)
    ids = next((i for i in range(width - 1) if all(row[i] and " " not in row[i] for row in rows)), None)
    if ids is None or " " not in captions[0] or sentences * 2 < len(rows):
        return None
    return Table(delimiter, (), Columns(video=str(ids), text=str(width - 1)), width)


def recognises(source: SourceFile) -> bool:
    """Return whether the file is delimited text with captions."""
    table = table_of(source)
    return table is not None and table.columns.text is not None


def read(source: SourceFile) -> Annotations:
    """Read captions from delimited text.

    A caption with commas but without quotation marks is put together again where it is the last column.

    Raises:
        InputError: rows without a video or a caption, or with more cells than the header.
    """
    table = table_of(source)
    if table is None or table.columns.text is None:
        raise InputError(
            f"{source.path} is not delimited text with captions", "write a header such as video_id,caption"
        )
    slips = Slips()
    captions = CaptionList(source.path)
    splits = SplitLists()
    joined: list[str] = []
    wide: list[str] = []
    headers: list[str] = []
    names = ("video", "text", "caption_id", "language", "split")
    places = {name: table.position(getattr(table.columns, name)) for name in names}
    text_at = places["text"]
    is_first = bool(table.header)
    for row in table_rows(source, table, slips):
        if is_first:
            is_first = False
            continue
        cells = row.cells
        if table.header and cells == table.header:
            headers.append(row.where)
            continue
        extra = any(cells[table.width :])
        if extra and text_at == table.width - 1:
            cells = [*cells[: table.width - 1], _tail(row, table)]
            joined.append(row.where)
        elif extra:
            wide.append(f"{row.where} ({len(cells)} cells)")
            continue
        value = {name: cells[at] for name, at in places.items() if at is not None and at < len(cells)}
        captions.add(
            value.get("video"),
            value.get("text"),
            where=row.where,
            caption_id=value.get("caption_id"),
            language=value.get("language"),
        )
        splits.add(value.get("video"), value.get("split"))
    if wide:
        raise InputError(
            f"{source.path} has {table.width} columns, but more cells in {some(wide)}",
            "put captions with the separator in them into quotation marks",
        )
    remarks = [
        *source.encoding_remarks,
        *_layout_remarks(source, table),
        *_slip_remarks(source, slips, joined, headers),
    ]
    return Annotations(captions=captions.finish(), splits=splits.finish(), remarks=remarks)


def table_rows(source: SourceFile, table: Table, slips: Slips) -> Iterator[Row]:
    """Yield all rows of a table, the header among them."""
    video_at = table.position(table.columns.video) or 0

    def is_row(cells: list[str], first: list[str]) -> bool:
        if len(cells) < table.width or len(first) <= video_at or not cells[video_at]:
            return False
        name = cells[video_at]
        if " " in name:
            return False
        return shape_of(name) == shape_of(first[video_at]) or any(letter.isdigit() or letter == "_" for letter in name)

    return read_rows(source.lines(), table.delimiter, is_row=is_row, slips=slips)


def _tail(row: Row, table: Table) -> str:
    """Return the last column of a row whose caption has the delimiter in it."""
    if '"' not in row.text:
        return row.text.rstrip("\r\n").split(table.delimiter, table.width - 1)[-1]
    space = " " if table.delimiter in ",;" else ""
    return f"{table.delimiter}{space}".join(row.cells[table.width - 1 :])


def _layout_remarks(source: SourceFile, table: Table) -> list[Remark]:
    name, columns = source.path.name, table.columns
    if not table.header:
        line = source.first_lines[0][:80]
        return [
            Remark(
                f"{name} has no header: '{line}' was read as its first caption",
                "write a first line such as video_id,caption",
            )
        ]
    unread = f"; not read: {', '.join(columns.unread)}" if columns.unread else ""
    return [
        Remark(f"{name}: columns {columns.video} and {columns.text}, separated by a {_NAMES[table.delimiter]}{unread}")
    ]


def _slip_remarks(source: SourceFile, slips: Slips, joined: Sequence[str], headers: Sequence[str]) -> list[Remark]:
    rows = (
        (joined, "more cells than the header; their captions were put together", "put captions into quotation marks"),
        (slips.open, "a quotation mark that is never closed; they were read as text", "close it, or remove it"),
        (slips.odd, "single quotation marks in a quoted cell; they were read as text", "write such marks twice"),
        (slips.spanning, "captions over several lines", "look whether a quotation mark is left open there"),
        (headers, "the header again; they were left out", "remove those lines"),
    )
    return [
        Remark(f"{source.path.name}: {len(places):,} rows have {what} ({some(places)})", mend)
        for places, what, mend in rows
        if places
    ]


DELIMITED = Format(
    name="delimited",
    title="delimited text (.csv, .tsv)",
    shows='video_id,caption then video0,"a dog catches a frisbee, then runs"',
    recognises=recognises,
    read=read,
    write_example=text_example(
        "captions.csv",
        'Video ID;Sentence;split\nv0;a dog runs, fast;train\nv1;"he says ""hi""; twice";test\nv0;a dog;train\n',
    ),
    is_general=True,
)
