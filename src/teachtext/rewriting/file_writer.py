"""Queries from a file of rewritings, whoever wrote them: a person, or a language model that ran before."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.files import parse_json, read_json, read_text

_FORM = 'write {"query": ["another query", ...], ...}, or a line {"query": "...", "queries": [...]} for each query'


class FileWriter:
    """Looks queries up in a file; capitals and spaces do not matter (see `teachtext.rewriting.writer.Writer`).

    Args:
        path: a JSON object of lists by query; or, for names that end in `.jsonl`, a line for each query with the keys
            `query` and `queries`. Lines of one query are joined.

    Raises:
        InputError: there is no such file, or it has another form.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._texts: dict[str, list[str]] = {}
        for query, texts in _pairs(self.path):
            self._texts.setdefault(_key(query), []).extend(texts)

    @property
    def name(self) -> str:
        """The writer in messages."""
        return f"the file {self.path.name}"

    def knows(self, text: str) -> bool:
        """Return whether the file has an entry for a query, be it empty."""
        return _key(text) in self._texts

    def write(self, text: str, *, seconds: float) -> Sequence[str]:
        """Return the queries of the file; see `Writer.write`."""
        return self._texts.get(_key(text), [])


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


def _pairs(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each query of a file and its rewritings."""
    if path.suffix != ".jsonl":
        content = read_json(path)
        if not isinstance(content, dict):
            raise InputError(f"{path} is no JSON object", _FORM)
        for query, texts in content.items():
            yield query, _checked(texts, f"{path}: '{query[:60]}'")
        return
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            yield _of_line(line, f"{path}, line {number}")


def _of_line(line: str, where: str) -> tuple[str, list[str]]:
    try:
        fields: Mapping[str, Any] = parse_json(line)
    except ValueError as error:
        raise InputError(f"{where} is no JSON", _FORM) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("query"), str) or set(fields) != {"query", "queries"}:
        raise InputError(f"{where} has not the keys 'query' and 'queries' alone", _FORM)
    return fields["query"], _checked(fields["queries"], where)


def _checked(texts: Any, where: str) -> list[str]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where} is no list of texts", _FORM)
    return texts
