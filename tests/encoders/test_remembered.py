from collections.abc import Sequence

import pytest

from teachtext.encoders.remembered import Remembered


class Lengths:
    """The length of texts, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.asked.append(list(texts))
        return [len(text) for text in texts]


def test_texts_that_are_not_kept_are_computed_together_and_once():
    lengths = Lengths()
    remembered = Remembered(lengths, most=8)
    assert remembered.of(["a", "bb", "a"]) == [1, 2, 1]
    assert remembered.of(["ccc", "a"]) == [3, 1]
    assert lengths.asked == [["a", "bb"], ["ccc"]]


def test_those_are_kept_that_were_asked_for_last():
    lengths = Lengths()
    remembered = Remembered(lengths, most=2)
    for text in ("a", "bb", "a", "ccc", "bb"):
        remembered.of([text])
    assert lengths.asked == [["a"], ["bb"], ["ccc"], ["bb"]]


def test_more_texts_than_are_kept_have_their_values():
    lengths = Lengths()
    remembered = Remembered(lengths, most=0, together=2)
    assert remembered.of(["a", "bb", "ccc"]) == [1, 2, 3]
    assert lengths.asked == [["a", "bb"], ["ccc"]]


def test_an_error_leaves_what_is_kept():
    def compute(texts: Sequence[str]) -> list[int]:
        if "bad" in texts:
            raise ValueError("bad")
        return [len(text) for text in texts]

    remembered = Remembered(compute, most=2)
    remembered.of(["a"])
    with pytest.raises(ValueError, match="bad"):
        remembered.of(["a", "bad"])
    assert remembered.of(["a", "bb"]) == [1, 2]
