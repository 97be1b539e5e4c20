"""What is kept of the texts of a writer."""

import pytest

from teachtext.rewriting.writer import screened
from teachtext.written_texts import MOST_CHARACTERS, MOST_TEXTS


def test_repetitions_the_original_and_empty_texts_are_counted_and_left_out():
    kept = screened("a file", "A dog runs", ["a hound runs", "a DOG  runs", " ", "A hound runs ", "a puppy"])
    assert kept.texts == ["a hound runs", "a puppy"]
    assert kept.notes == ["of 5 texts of a file 3 were left out: 1 equal to the query, 1 empty, 1 repeated"]


@pytest.mark.parametrize("text", ["a\x1b[31mdog", "a\ndog", "a\x00dog", "a\u202edog", "a\ud800dog", "a\u2028dog"])
def test_control_characters_are_refused(text: str):
    kept = screened("a file", "a cat", [text, "a dog"])
    assert kept.texts == ["a dog"] and "1 with control characters" in kept.notes[0]


def test_an_essay_is_cut_between_words_and_counted():
    essay = "a dog runs over the grass and " * 1000
    kept = screened("a file", "a cat", [essay, *(f"dog {number}" for number in range(40))])
    assert len(kept.texts) == MOST_TEXTS and len(kept.texts[0]) <= MOST_CHARACTERS
    assert essay.startswith(kept.texts[0] + " ")
    assert kept.notes == [
        "of 41 texts of a file 21 were left out: 21 after the first 20",
        "1 texts of a file were cut to their first 300 characters",
    ]


def test_one_endless_word_is_cut():
    (text,) = screened("a file", "a cat", ["x" * 10**6]).texts
    assert text == "x" * MOST_CHARACTERS


def test_a_writer_without_texts_says_so():
    assert screened("a file", "a cat", []) == ([], ["a file wrote no other query"])
