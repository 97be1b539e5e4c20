"""Cursors: where the next part of a list begins, and of which list."""

import re

from teachtext.errors import InputError

_FORM = re.compile(r"([0-9]{1,4})-([0-9a-f]+)")


def cursor_of(place: int, question: str) -> str:
    """Return the cursor of a place in the answer to a question.

    Args:
        place: number of results before it.
        question: fingerprint of the question.

    >>> cursor_of(20, "0123456789abcdef")
    '20-0123456789ab'
    """
    return f"{place}-{question[:12]}"


def place_of_cursor(cursor: str, question: str) -> int:
    """Return the place that a cursor stands for; 0 for an empty cursor.

    Raises:
        InputError: the cursor is not one, or is of another question.

    >>> place_of_cursor("20-0123456789ab", "0123456789abcdef")
    20
    """
    if not cursor:
        return 0
    match = _FORM.fullmatch(cursor)
    if match is None:
        raise InputError(f"'{cursor[:50]}' is not a cursor", "send `next` of the part before, or leave the cursor out")
    if cursor != cursor_of(int(match[1]), question):
        raise InputError(
            "the cursor is of another search",
            "send the same text, filters, by, group_by and min_score",
        )
    return int(match[1])
