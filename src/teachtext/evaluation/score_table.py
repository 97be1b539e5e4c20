"""Tables of scores in text files: comma, semicolon, tab or spaces between the numbers, with or without names."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|[+-]?(nan|inf(inity)?)", re.IGNORECASE)
_MEND = "write one row of numbers a caption, all of the same length"


class ScoreTable(NamedTuple):
    """A table of scores.

    Attributes:
        scores: (rows, columns).
        row_names: the names before the rows; None where there are none.
        column_names: the names in the first line; None where there are none.
    """

    scores: NDArray[Any]
    row_names: Sequence[str] | None
    column_names: Sequence[str] | None


def read_score_table(path: Path) -> ScoreTable:
    """Read a table of numbers. The separator, a first line of names and a first column of names are recognised.

    Whole numbers stay whole, so that scores of 64 bits keep all their digits.

    Raises:
        InputError: the file is no text, or a line has another length or a field that is no number; line and column are
            named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            begin = list(islice(filter(_is_data, file), 2))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a text file ({error})", "make it again") from error
    if not begin:
        raise InputError(f"{path} is empty", _MEND)
    form = _Form.of(begin)
    scores = form.parse(path)
    column_names, row_names = form.header, form.row_names(path)
    if column_names is not None and len(column_names) == scores.shape[1] + 1:
        column_names = column_names[1:]
    if column_names is not None and len(column_names) != scores.shape[1]:
        raise InputError(f"{path} names {len(column_names)} columns in line 1 and has {scores.shape[1]}", _MEND)
    return ScoreTable(scores, row_names, column_names)


def is_text(path: Path) -> bool:
    """Return whether a file looks like a table: text whose first lines hold numbers between separators."""
    try:
        with path.open("rb") as file:
            begin = file.read(65536)
        lines = begin.decode("utf-8-sig", errors="ignore" if len(begin) == 65536 else "strict").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    fields = [field for line in lines[:2] for field in re.split(r"[\s,;]+", line)]
    return "\0" not in "".join(lines[:2]) and any(_NUMBER.fullmatch(field) for field in fields)


@dataclass(frozen=True)
class _Form:
    """How a table is written."""

    delimiter: str | None
    decimal_comma: bool
    header: list[str] | None
    names_first: bool
    whole: bool

    @classmethod
    def of(cls, begin: Sequence[str]) -> "_Form":
        delimiter = next((mark for mark in "\t;," if any(mark in line for line in begin)), None)
        head, first = ([field.strip() for field in _split(line, delimiter)] for line in (begin[0], begin[-1]))
        decimal_comma = delimiter in ("\t", ";") and any("," in field for field in first)
        names_first = not first or not _NUMBER.fullmatch(first[0])
        header = None
        whole = all(map(_WHOLE.fullmatch, first[names_first:]))
        fields = head[names_first:]
        # a single field that is no number is a fault in a row of numbers
        names = sum(not _NUMBER.fullmatch(field) for field in fields) * 2 > len(fields)
        # pandas numbers the rows below an empty corner, and the columns from 0
        numbered = fields == [str(number) for number in range(len(fields))] and (names_first or not whole)
        if len(begin) > 1 and (names or head[0] == "" or numbered):
            header = head
            names_first = names_first or head[0] == "" or len(head) == len(first) - 1
            whole = all(map(_WHOLE.fullmatch, first[names_first:]))
        return cls(delimiter, decimal_comma, header, names_first, whole)

    def parse(self, path: Path) -> NDArray[Any]:
        width = 0
        for fields in islice(self._fields(path), 1):
            width = len(fields)
        columns = range(1, width) if self.names_first else range(width)
        if not columns:
            raise InputError(f"{path} holds no scores", _MEND)
        for kind in (*((np.int64, np.uint64) if self.whole else ()), np.float64):
            try:
                scores: NDArray[Any] = np.loadtxt(
                    self._lines(path),
                    kind,
                    comments=None,
                    delimiter=self.delimiter,
                    usecols=columns,
                    quotechar='"',
                    ndmin=2,
                )
            except (ValueError, OverflowError):
                continue
            if scores.dtype.kind == "f" or not self.whole or len(scores):
                self._check_lengths(path, width)
                return scores
        raise InputError(f"{path} {self._fault(path, width)}", _MEND)

    def row_names(self, path: Path) -> list[str] | None:
        return [fields[0].strip() for fields in self._fields(path)] if self.names_first else None

    def _numbered(self, path: Path) -> Iterator[tuple[int, str]]:
        """Yield the lines of numbers, each with its place in the file."""
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = ((number, line) for number, line in enumerate(file, start=1) if _is_data(line))
            for number, line in islice(lines, 0 if self.header is None else 1, None):
                yield number, line.replace(",", ".") if self.decimal_comma else line

    def _lines(self, path: Path) -> Iterator[str]:
        return (line for _, line in self._numbered(path))

    def _fields(self, path: Path) -> Iterator[list[str]]:
        return (_split(line, self.delimiter) for line in self._lines(path))

    def _check_lengths(self, path: Path, width: int) -> None:
        # numpy reads the wanted columns of a longer line and is silent about the others
        for line in self._lines(path):
            count = line.count(self.delimiter) + 1 if self.delimiter else len(line.split())
            if count != width and len(_split(line, self.delimiter)) != width:
                raise InputError(f"{path} {self._fault(path, width)}", _MEND)

    def _fault(self, path: Path, width: int) -> str:
        """Name the first line that has another length or a field that is no number."""
        for number, line in self._numbered(path):
            fields = _split(line, self.delimiter)
            if len(fields) != width:
                return f"has {len(fields)} fields in line {number} and {width} in the lines before"
            for column, field in enumerate(fields, start=1):
                if column > self.names_first and not _NUMBER.fullmatch(field.strip()):
                    what = f"'{field.strip()[:40]}', which is no number," if field.strip() else "nothing"
                    return f"has {what} in line {number}, column {column}"
        return "is not a table of numbers"


def _is_data(line: str) -> bool:
    # numpy writes a header behind a number sign
    return bool(line.strip()) and not line.startswith("#")


def _split(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
