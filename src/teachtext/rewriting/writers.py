"""The writers by the first word of their specs."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from teachtext.errors import InputError, unknown
from teachtext.rewriting.chat_writer import ChatWriter
from teachtext.rewriting.file_writer import FileWriter
from teachtext.rewriting.wordnet_writer import WordNetWriter
from teachtext.rewriting.writer import Writer


class WriterKind(NamedTuple):
    """A kind of writer.

    Attributes:
        form: how its spec is written.
        about: what it is, in a few words.
        build: makes a writer of what follows the colon of a spec.
    """

    form: str
    about: str
    build: Callable[[str], Writer]


WRITERS: Mapping[str, WriterKind] = {
    "file": WriterKind("file:PATH", "a JSON or JSONL file of rewritings by query", FileWriter),
    "chat": WriterKind("chat:URL#MODEL", "an endpoint of the chat completions protocol", ChatWriter),
    "wordnet": WriterKind("wordnet", "synonyms of English words, offline", lambda _: WordNetWriter()),
}


def open_writer(spec: str) -> Writer:
    """Return the writer of a spec, such as `file:rewritings.json` or `wordnet`.

    Raises:
        InputError: the spec is none, or the writer cannot be opened.
    """
    kind, _, argument = check_writer(spec).partition(":")
    return WRITERS[kind].build(argument)


def check_writer(spec: str) -> str:
    """Return the spec of a writer, which is not opened.

    Raises:
        InputError: the spec is none.
    """
    kind, colon, argument = spec.partition(":")
    entry = WRITERS.get(kind)
    if entry is None:
        raise unknown("writer", kind[:60], [each.form for each in WRITERS.values()])
    if bool(argument) != (":" in entry.form):
        raise InputError(f"'{kind}{colon}' is not the whole name of a writer", f"write {entry.form}")
    return spec
