"""What writes queries, and what is kept of the texts that are written.

A written text is a query and nothing else: it is embedded like the words of a user, never executed, never shown as
markup, and never part of a prompt.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from teachtext.errors import InputError

MOST_TEXTS = 20
"""Texts of one query that are kept, at most."""
MOST_CHARACTERS = 300
"""Characters of one text that are kept, at most."""
# control characters, halves of characters, characters without a meaning, ends of lines and paragraphs
_REFUSED = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# they turn the direction of the text around them
_TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


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

    Empty texts, the original query and repetitions are left out, and so are texts with control characters. At most 20
    texts are kept, and of each the first 300 characters, cut between words.

    Args:
        name: of the writer.
        original: the query that was written anew.
        texts: as they were written.

    >>> screened("a file", "a dog runs", ["a hound runs", "A dog  runs", "", "a hound runs"]).texts
    ['a hound runs']
    >>> screened("a file", "a dog runs", ["a hound runs", ""]).notes
    ['of 2 texts of a file 1 was left out: 1 empty']
    """
    seen = {_key(original): "equal to the query"}
    kept: list[str] = []
    left_out: Counter[str] = Counter()
    cut = 0
    for text in texts:
        # a text that fills the memory is not looked through
        whole = text[: 2 * MOST_CHARACTERS].strip()
        short = _cut(whole)
        key = _key(short)
        if not key:
            left_out["empty"] += 1
        elif any(unicodedata.category(letter) in _REFUSED or letter in _TURNING for letter in short):
            left_out["with control characters"] += 1
        elif key in seen:
            left_out[seen[key]] += 1
        elif len(kept) == MOST_TEXTS:
            left_out[f"after the first {MOST_TEXTS}"] += 1
        else:
            cut += short != text.strip()
            seen[key] = "repeated"
            kept.append(short)
    notes = []
    if left_out:
        count = sum(left_out.values())
        reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
        notes.append(
            f"of {len(texts):,} texts of {name} {count:,} {'was' if count == 1 else 'were'} left out: {reasons}"
        )
    if cut:
        notes.append(f"{cut:,} texts of {name} were cut to their first {MOST_CHARACTERS} characters")
    if not kept and not left_out:
        notes.append(f"{name} wrote no other query")
    return Written(kept, notes)


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    head = text[: MOST_CHARACTERS + 1]
    return (head.rpartition(" ")[0] or head[:MOST_CHARACTERS]).strip()


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
