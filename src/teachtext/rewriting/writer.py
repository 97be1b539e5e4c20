"""What writes queries, and what is kept of the texts that are written."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from teachtext.errors import InputError
from teachtext.written_texts import screen, screening_notes


class Writer(Protocol):
    """Writes other queries for the same scene. May be shared by threads."""

    @property
    def name(self) -> str:
        """The writer in messages; holds no key."""
        ...

    def write(self, text: str, *, seconds: float) -> Sequence[str]:
        """Return other queries for a query, as they were written; none where the writer has none.

        Args:
            text: the query.
            seconds: the writer answers within so many seconds, or fails.

        Raises:
            InputError: the writer is down, slow, or does not answer with queries.
        """
        ...


class Written(NamedTuple):
    """What is kept of the texts of a writer.

    Attributes:
        texts: the queries, without the original, in the order of the writer.
        notes: what was left out, or why there is nothing; a sentence each.
    """

    texts: Sequence[str]
    notes: Sequence[str]


def write_queries(writer: Writer, text: str, *, seconds: float) -> Written:
    """Ask a writer, and keep what can be a query. A writer that fails leaves a note and no texts.

    Args:
        writer: the writer.
        text: the query.
        seconds: time limit of the writer.
    """
    try:
        answers = writer.write(text, seconds=seconds)
    except InputError as error:
        return Written((), [f"no other queries were asked: {error.problem}"])
    return screened(writer.name, text, answers)


def screened(name: str, original: str, texts: Sequence[str]) -> Written:
    """Return the texts that can be queries, each once, and a note on the others.

    What is left out and cut: see `teachtext.written_texts.screen`.

    Args:
        name: of the writer.
        original: the query that was written anew.
        texts: as they were written.

    >>> screened("a file", "a dog runs", ["a hound runs", "A dog  runs", "", "a hound runs"]).texts
    ['a hound runs']
    >>> screened("a file", "a dog runs", ["a hound runs", ""]).notes
    ['of 2 texts of a file 1 was left out: 1 empty']
    """
    kept, left_out, cut = screen(texts, {original: "equal to the query"})
    notes = screening_notes(name, len(texts), left_out, cut)
    if not kept and not left_out:
        notes.append(f"{name} wrote no other query")
    return Written(list(kept.values()), notes)
