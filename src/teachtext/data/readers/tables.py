"""Tables in delimited text: how a file is laid out, and its rows, where slips are mended and counted."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from teachtext.data.readers.annotations import Remark, some
from teachtext.data.readers.columns import Columns, find_columns
from teachtext.data.readers.delimited_rows import Row, Slips, read_rows, shape_of, split_cells
from teachtext.data.readers.source import SourceFile
from teachtext.errors import InputError

DELIMITERS = "\t;|,"
_SEPARATOR = re.compile("sep=.?", re.IGNORECASE)
_NAMES = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}


@dataclass(frozen=True)
class Table:
    """How a file of delimited text is laid out.

    Attributes:
        delimiter: between cells.
        header: the names of the columns; their positions where the first line is a row.
        has_header: whether the first line is a header.
        columns: the columns that mean something.
        preamble: the number of lines before the table that are not empty: comments, and `sep=;` of Excel.
    """

    delimiter: str
    header: Sequence[str]
    has_header: bool
    columns: Columns
    preamble: int = 0

    @property
    def layout(self) -> str:
        """How the table is read."""
        columns = self.columns
        unread = f"; not read: {', '.join(columns.unread)}" if columns.unread else ""
        return f"columns {columns.video} and {some(columns.texts)}, separated by a {_NAMES[self.delimiter]}{unread}"


def table_of(source: SourceFile) -> Table | None:
    """Return how the file is laid out; None where the file is not a table of videos and captions."""
    lines = source.first_lines
    if not lines or lines[0].lstrip()[:1] in ("{", "["):
        return None
    preamble = 0
    for line in lines:
        for delimiter in DELIMITERS:
            header = split_cells(line, delimiter)
            columns = find_columns(header)
            if columns is not None and columns.text is not None:
                return Table(delimiter, header, True, columns, preamble)
        if not line.startswith("#") and not _SEPARATOR.fullmatch(line.strip()):
            break
        preamble += 1
    tables = (_headless(lines[preamble:], delimiter, preamble) for delimiter in DELIMITERS)
    return next((table for table in tables if table), None)


def _headless(lines: Sequence[str], delimiter: str, preamble: int) -> Table | None:
    """Return the layout of a file whose first line is a row: a cell without a space, and a caption as the last cell."""
    rows = [split_cells(line, delimiter) for line in lines]
    width = min(map(len, rows), default=0)
    if width < 2:
        return None
    captions = [delimiter.join(row[width - 1 :]) for row in rows]
    sentences = sum(" " in caption for caption in captions)
    ids = next((i for i in range(width - 1) if all(row[i] and " " not in row[i] for row in rows)), None)
    if ids is None or " " not in captions[0] or sentences * 2 < len(rows):
        return None
    positions = [str(number) for number in range(width)]
    return Table(delimiter, positions, False, Columns(video=positions[ids], text=positions[-1]), preamble)


@dataclass
class TableRows:
    """The rows of a table: iterate over them, then read the remarks.

    A row with more cells than the header is put together again where the caption is the last column.

    Args:
        source: the file.
        table: its layout.
    """

    source: SourceFile
    table: Table
    _slips: Slips = field(default_factory=Slips, init=False)
    _joined: list[str] = field(default_factory=list, init=False)
    _repeated: list[str] = field(default_factory=list, init=False)
    _empty: list[str] = field(default_factory=list, init=False)

    def __iter__(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the place of each row, and its cells by column; missing cells are missing.

        Raises:
            InputError: rows with more cells than the header that cannot be put together again.
        """
        table, width, wide = self.table, len(self.table.header), []
        text_is_last = table.columns.texts == [table.header[-1]]
        rows = read_rows(self._body(), table.delimiter, is_row=self._is_row, slips=self._slips)
        if table.has_header:
            next(rows, None)
        for row in rows:
            cells = row.cells
            if not any(cells):
                self._empty.append(row.where)
                continue
            if table.has_header and cells == table.header:
                self._repeated.append(row.where)
                continue
            if any(cells[width:]):
                if not text_is_last:
                    wide.append(f"{row.where} ({len(cells)} cells)")
                    continue
                cells = [*cells[: width - 1], _tail(row, table)]
                self._joined.append(row.where)
            yield row.where, dict(zip(table.header, cells, strict=False))
        if wide:
            raise InputError(
                f"{self.source.path} has {width} columns, but more cells in {some(wide)}",
                "put captions with the separator in them into quotation marks",
            )

    @property
    def remarks(self) -> list[Remark]:
        """How the rows were read: columns, encoding, and what was mended or left out."""
        name = self.source.path.name
        rows = (
            (self._joined, "more cells than the header; captions were put together", "put captions in quotation marks"),
            (self._slips.open, "a quotation mark that is never closed, read as text", "close it, or remove it"),
            (self._slips.odd, "single quotation marks in a quoted cell, read as text", "write such marks twice"),
            (self._slips.spanning, "captions over several lines", "look whether a quotation mark is left open there"),
            (self._repeated, "the header again, and were left out", "remove those lines"),
        )
        slips = [
            Remark(f"{name}: {len(places):,} rows have {what} ({some(places)})", mend)
            for places, what, mend in rows
            if places
        ]
        columns = self.table.columns
        is_plain = not columns.unread and not columns.further and self.table.delimiter == ","
        is_native = is_plain and (columns.video, columns.text) == ("video", "text")
        layout = Remark(f"{name}: {self.table.layout}")
        if not self.table.has_header:
            line = self.source.first_lines[self.table.preamble][:80]
            layout = Remark(
                f"{name} has no header: '{line}' was read as its first caption",
                "write a first line such as video_id,caption",
            )
        before = self.source.first_lines[: self.table.preamble]
        comments = [Remark(f"{name}: not read, before the table: {some([repr(line) for line in before])}")]
        empty = [Remark(f"{name}: {len(self._empty):,} rows have separators alone ({some(self._empty)})")]
        notes = [*(comments if before else []), *([] if is_native else [layout]), *(empty if self._empty else [])]
        return [*self.source.encoding_remarks, *notes, *slips]

    def _body(self) -> Iterator[tuple[int, str]]:
        """Yield the lines of the table with their numbers."""
        before = self.table.preamble
        for number, line in self.source.lines():
            if before and line.strip():
                before -= 1
            else:
                yield number, line

    def _is_row(self, cells: list[str], first: list[str]) -> bool:
        """Return whether a line looks like a row of its own, and not like a part of a caption over several lines."""
        position = list(self.table.header).index(self.table.columns.video)
        if len(cells) < len(self.table.header) or len(first) <= position:
            return False
        name = cells[position]
        if not name or " " in name:
            return False
        if shape_of(name) == shape_of(first[position]):
            return True
        # a number alone is a part of a caption, where ids are no numbers
        return not name.isdigit() and any(letter.isdigit() or letter == "_" for letter in name)


def _tail(row: Row, table: Table) -> str:
    """Return the last column of a row whose caption has the delimiter in it."""
    at = len(table.header) - 1
    if '"' not in row.text:
        return row.text.rstrip("\r\n").split(table.delimiter, at)[-1]
    space = " " if table.delimiter in ",;" else ""
    return f"{table.delimiter}{space}".join(row.cells[at:])
