"""The writers by the first word of their specs."""

from collections.abc import Callable, Mapping

from teachtext.kinds import Kind, split_spec
from teachtext.rewriting.chat_writer import ChatWriter
from teachtext.rewriting.file_writer import FileWriter
from teachtext.rewriting.wordnet_writer import WordNetWriter
from teachtext.rewriting.writer import Writer

WRITERS: Mapping[str, Kind[Callable[[str], Writer]]] = {
    "file": Kind("file:PATH", "a JSON or JSONL file of rewritings by query", FileWriter),
    "chat": Kind("chat:URL#MODEL", "an endpoint of the chat completions protocol", ChatWriter),
    "wordnet": Kind("wordnet", "synonyms of English words, offline", lambda _: WordNetWriter()),
}


def open_writer(spec: str) -> Writer:
    """Return the writer of a spec, such as `file:rewritings.json` or `wordnet`.

    Raises:
        InputError: the spec is none, or the writer cannot be opened.
    """
    kind, argument = split_spec("writer", spec, WRITERS)
    return WRITERS[kind].build(argument)


def check_writer(spec: str) -> str:
    """Return the spec of a writer, which is not opened.

    Raises:
        InputError: the spec is none.
    """
    split_spec("writer", spec, WRITERS)
    return spec
