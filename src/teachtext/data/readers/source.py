"""A file of captions before its format is known: its encoding, its lines, or its JSON document."""

import codecs
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from teachtext.data.readers.annotations import Remark
from teachtext.data.restricted.pickles import unpickled
from teachtext.errors import InputError
from teachtext.files import parse_json

MOST_BYTES = 512 * 2**20
MOST_MEMORY = 3 * 2**30
_HEAD_BYTES = 256 * 1024
_HEAD_LINES = 50
# what no text file holds
_CONTROL = frozenset(range(32)) - set(b"\t\n\r\f\v\x1a\x1b")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _Absent:
    """The document of a file that is not a JSON document."""


ABSENT = _Absent()


@dataclass
class SourceFile:
    """A file whose format is asked for: what formats need to recognise and to read the file, each part read once.

    Args:
        path: of the file.
    """

    path: Path

    @cached_property
    def head(self) -> bytes:
        """The first 256 KiB."""
        try:
            with self.path.open("rb") as file:
                return file.read(_HEAD_BYTES)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self.path} cannot be read ({reason})", "check the path and its permissions") from error

    @cached_property
    def size(self) -> int:
        """The number of bytes."""
        return self.path.stat().st_size

    @cached_property
    def encoding(self) -> str | None:
        """The encoding of a text file: UTF-8, UTF-16, UTF-32 or Windows-1252; None where the file is not text."""
        for mark, encoding in _MARKS:
            if self.head.startswith(mark):
                return encoding
        head = self.head
        if b"\0" in head:
            # UTF-16 without a mark: every other byte of plain letters is zero
            even, odd = head[0::2].count(0), head[1::2].count(0)
            if len(head) >= 8 and max(even, odd) > len(head) // 5 and min(even, odd) * 20 < max(even, odd):
                return "utf-16-be" if even > odd else "utf-16-le"
            return None
        if _CONTROL.intersection(head):
            return None
        return "utf-8" if self._is_utf8 else "cp1252"

    @property
    def encoding_remarks(self) -> list[Remark]:
        """A remark where the encoding had to be guessed."""
        if self.encoding != "cp1252":
            return []
        return [Remark(f"{self.path.name} is not UTF-8; it was read as Windows-1252", "save it as UTF-8 text")]

    @property
    def is_text(self) -> bool:
        """Whether the file is text."""
        return self.encoding is not None

    @cached_property
    def first_lines(self) -> list[str]:
        """The first lines that are not empty, at most 50, without their ends; none where the file is not text."""
        if not self.is_text:
            return []
        decoder = codecs.getincrementaldecoder(self.encoding or "utf-8")(self._errors)
        try:
            lines = io.StringIO(decoder.decode(self.head), newline=None)
        except UnicodeError:
            return []  # a mark of an encoding, and then something else
        return list(islice((line.rstrip("\n") for line in lines if line.strip()), _HEAD_LINES))

    def begins_with_lines_of(self, form: re.Pattern[str]) -> bool:
        """Return whether there are first lines, and each has a form as a whole, spaces at its ends aside."""
        return bool(self.first_lines) and all(form.fullmatch(line.strip()) for line in self.first_lines)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield all lines with their numbers from 1, each with its end.

        Raises:
            InputError: the file is too large, or is not text.
        """
        self.check_size()
        if not self.is_text:
            raise InputError(f"{self.path} is not text", "save it as UTF-8 text")
        yield from self._lines()

    def check_size(self) -> None:
        """Raise InputError for a file that is too large to be read into memory."""
        if self.size > MOST_BYTES:
            raise InputError(
                f"{self.path} has {self.size / 2**20:,.0f} MiB, and caption files may have {MOST_BYTES // 2**20} MiB",
                "divide it into several datasets",
            )

    @cached_property
    def document(self) -> Any:
        """The JSON document of the file; `ABSENT` where the file is not one JSON document.

        Raises:
            InputError: the file is too large, is nested too deeply, or an object names a key twice.
        """
        text = self.head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
        if text not in (b"{", b"[") or not self.is_text or self.has_json_lines:
            return ABSENT
        self.check_size()
        data = self.path.read_bytes()
        _check_memory(self.path, data)
        try:
            return json.loads(data.decode(self.encoding or "utf-8"), object_pairs_hook=self._object)
        except RecursionError as error:
            raise InputError(f"{self.path} is nested too deeply", "write its captions as a plain list") from error
        except ValueError as error:
            self.json_problem = str(error)
            return ABSENT

    json_problem: str = ""

    @cached_property
    def has_json_lines(self) -> bool:
        """Whether the first line is a whole JSON object, and further lines follow."""
        return len(self.first_lines) > 1 and self.first_object is not None

    @cached_property
    def first_object(self) -> dict[str, Any] | None:
        """The JSON object of the first line; None where the line is something else."""
        line = self.first_lines[0] if self.first_lines else ""
        if not line.lstrip("\ufeff").lstrip().startswith("{"):
            return None
        try:
            content = parse_json(line)
        except ValueError:
            return None
        return content if isinstance(content, dict) else None

    def objects(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the objects of a file with a JSON object a line, each with its place such as `line 3`.

        Raises:
            InputError: a line is not a JSON object.
        """
        decoder = json.JSONDecoder(object_pairs_hook=self._object)
        for number, line in self.lines():
            if not line.strip():
                continue
            try:
                content = decoder.decode(line)
            except (ValueError, RecursionError) as error:
                raise InputError(
                    f"{self.path}, line {number} is not valid JSON ({error})", "correct that line"
                ) from error
            if not isinstance(content, dict):
                raise InputError(f"{self.path}, line {number} is not an object", "write an object on every line")
            yield f"line {number}", content

    @property
    def is_pickle(self) -> bool:
        """Whether the file begins as a pickle of a dict, or of protocol 2 or later."""
        return self.head[:1] == b"\x80" or self.head[:2] in (b"(d", b"}q", b"}(")

    @cached_property
    def pickled(self) -> Any:
        """The content of a pickle, read without running its code; `ABSENT` where the file is no pickle of plain data.

        Raises:
            InputError: the file is too large.
        """
        if not self.is_pickle:
            return ABSENT
        self.check_size()
        try:
            with unpickled(self.path, whole=True) as content:
                return content
        except InputError as error:
            self.pickle_problem = error.problem
            return ABSENT

    pickle_problem: str = ""

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(
                f"{self.path} has an object with the key '{twice[:60]}' twice", "keep one of the two, or join them"
            )
        return content

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            with self.path.open(encoding=self.encoding, errors=self._errors, newline="") as file:
                yield from enumerate(file, start=1)
        except (OSError, UnicodeError) as error:
            raise InputError(f"{self.path} cannot be read ({error})", "save it as UTF-8 text") from error

    @property
    def _errors(self) -> str:
        # five of its bytes mean nothing; they become a sign that says so
        return "replace" if self.encoding == "cp1252" else "strict"

    @cached_property
    def _is_utf8(self) -> bool:
        decoder = codecs.getincrementaldecoder("utf-8")()
        if self.size > MOST_BYTES:
            return True  # too large to be read, whatever its encoding
        try:
            with self.path.open("rb") as file:
                while part := file.read(2**20):
                    decoder.decode(part)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True


def _check_memory(path: Path, data: bytes) -> None:
    """Raise InputError for a document of so many parts that their Python objects would fill the memory."""
    needed = len(data) + 72 * data.count(b"[") + 250 * data.count(b"{") + 30 * data.count(b'"') + 8 * data.count(b",")
    if needed > MOST_MEMORY:
        raise InputError(
            f"{path} has so many parts that reading it needs about {needed / 2**30:.0f} GiB of memory",
            "divide it into several datasets, or write an object a line (.jsonl)",
        )
