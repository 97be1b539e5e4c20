"""Texts that a model or a stranger wrote: which of them are kept.

A written text is embedded and nothing else: never executed, never shown as markup, never part of a prompt.
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MOST_TEXTS = 20
"""Texts of one query or of one video that are kept, at most."""
MOST_CHARACTERS = 300
"""Characters of one text that are kept, at most."""
# control characters, halves of characters, characters without a meaning, ends of lines and paragraphs
_REFUSED = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# they turn the direction of the text around them
_TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class Screened(NamedTuple):
    """The texts that are kept.

    Attributes:
        kept: by number of the text, the text that is kept.
        left_out: by reason, the number of texts that were left out.
        cut: the number of texts that were cut.
    """

    kept: Mapping[int, str]
    left_out: Counter[str]
    cut: int


def screen(texts: Sequence[str], refused: Mapping[str, str]) -> Screened:
    """Keep each text once.

    Empty texts, repetitions and texts with control characters are left out. At most 20 texts are kept, and of each the
    first 300 characters, cut between words.

    Args:
        texts: as they were written.
        refused: texts that are left out, each with the reason.

    >>> screen(["a hound runs", "A dog  runs", "", "a hound runs"], {"a dog runs": "equal to the query"})
    Screened(kept={0: 'a hound runs'}, left_out=Counter({'equal to the query': 1, 'empty': 1, 'repeated': 1}), cut=0)
    """
    seen = {_key(text): reason for text, reason in refused.items()}
    kept: dict[int, str] = {}
    left_out: Counter[str] = Counter()
    cut = 0
    for number, text in enumerate(texts):
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
            kept[number] = short
    return Screened(kept, left_out, cut)


def screening_notes(name: str, count: int, left_out: Counter[str], cut: int) -> list[str]:
    """Say in sentences what was left out and cut.

    >>> screening_notes("a file", 2, Counter(empty=1), 0)
    ['of 2 texts of a file 1 was left out: 1 empty']
    """
    notes = []
    if left_out:
        number = sum(left_out.values())
        reasons = ", ".join(f"{each:,} {reason}" for reason, each in left_out.items())
        notes.append(f"of {count:,} texts of {name} {number:,} {'was' if number == 1 else 'were'} left out: {reasons}")
    if cut:
        notes.append(f"{cut:,} texts of {name} were cut to their first {MOST_CHARACTERS} characters")
    return notes


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    head = text[: MOST_CHARACTERS + 1]
    return (head.rpartition(" ")[0] or head[:MOST_CHARACTERS]).strip()


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
