"""The rows of delimited text, where a slip of quotation marks swallows no line."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

# a quoted caption of more lines is an open quotation mark
_MOST_LINES = 30
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


@dataclass(frozen=True)
class Row:
    """A row: its first and last line in the file, its text, and its cells without surrounding white space."""

    first: int
    last: int
    text: str
    cells: list[str]

    @property
    def where(self) -> str:
        """Its place, such as `line 3` or `lines 3 to 5`."""
        return f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"


@dataclass
class Slips:
    """Places of quotation marks that were not read as such.

    Attributes:
        open: rows that begin a quoted cell and never end it; the mark is part of the text.
        odd: rows with marks in a quoted cell that are not doubled; all marks are part of the text.
        spanning: rows of several lines.
    """

    open: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    spanning: list[str] = field(default_factory=list)


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; quotation marks that do not fit are part of the text."""
    return _split([line], delimiter) or _split_plain(line, delimiter)


def read_rows(
    lines: Iterable[tuple[int, str]], delimiter: str, *, is_row: Callable[[list[str], list[str]], bool], slips: Slips
) -> Iterator[Row]:
    """Yield the rows of delimited text.

    A quoted cell may go over several lines. Where a line of them looks like a row of its own, the quotation mark was
    left open by a slip: then the mark is text, and each line is a row.

    Args:
        lines: numbers and lines.
        delimiter: between cells.
        is_row: is asked whether the cells of a later line look like a row, like those of the first line.
        slips: collects the places of slips.
    """
    source = iter(lines)
    waiting: deque[tuple[int, str]] = deque()
    while True:
        first = waiting.popleft() if waiting else next(source, None)
        if first is None:
            return
        number, line = first
        if not line.strip():
            continue
        if '"' not in line:
            yield Row(number, number, line, _split_plain(line, delimiter))
            continue
        block = [first]
        cells = _split([line], delimiter)
        while cells == [] and len(block) < _MOST_LINES:
            following = waiting.popleft() if waiting else next(source, None)
            if following is None:
                break
            block.append(following)
            if is_row(split_cells(following[1], delimiter), split_cells(line, delimiter)):
                break
            # only an even number of marks can end the cell
            if sum(text.count('"') for _, text in block) % 2 == 0:
                cells = _split([text for _, text in block], delimiter)
        if cells:
            text = "".join(text for _, text in block)
            row = Row(number, block[-1][0], text, cells)
            if len(block) > 1:
                slips.spanning.append(row.where)
            yield row
            continue
        (slips.odd if cells is None else slips.open).append(f"line {number}")
        waiting.extendleft(reversed(block[1:]))
        yield Row(number, number, line, _split_plain(line, delimiter))


def shape_of(text: str) -> str:
    """Return a text with its letters as `a` and its digits as `0`: ids of one dataset have few shapes.

    Example:
        >>> shape_of("video12"), shape_of("mv89psg6zh4_33_46")
        ('a0', 'a0a0a0_0_0')
    """
    return _DIGITS.sub("0", _LETTERS.sub("a", text))


def _split(lines: list[str], delimiter: str) -> list[str] | None:
    """Return the cells; an empty list where a quoted cell does not end, None where marks do not fit."""
    # without this a caption of over 128 KiB would be refused
    csv.field_size_limit(2**29)
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error as error:
        return [] if "unexpected end" in str(error) else None
    return [cell.strip() for cell in rows[0]] if len(rows) == 1 else None


def _split_plain(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in line.rstrip("\r\n").split(delimiter)]
