"""The sentences that teachers and student score: from a file, or made from the names of visible things."""

from collections.abc import Sequence
from pathlib import Path

from teachtext.data.readers.folder_source import read_source
from teachtext.encoders.class_names import class_names
from teachtext.encoders.query import check_text
from teachtext.errors import InputError
from teachtext.files import read_text
from teachtext.playground.languages.english_words import with_article

_PATTERNS = ("{a}", "a video of {a}", "{a} in a close-up", "a person with {a}", "there is {a}, and somebody talks")
_LINES = ("", ".txt", ".log", ".tsv")
FEWEST = 20
"""Fewer sentences teach nothing."""


def read_sentences(path: Path) -> tuple[list[str], list[str]]:
    """Read the sentences of a file: a text file with one a line, or a caption file of any format.

    Returns:
        The sentences, each once, and notes on repeated sentences.

    Raises:
        InputError: the file is missing, is in no known format, or holds fewer than 20 sentences.
    """
    if path.suffix.lower() in _LINES:
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    else:
        lines = [caption.text.strip() for caption in read_source(path).annotations.captions]
    sentences = list(dict.fromkeys(lines))
    for sentence in sentences:
        check_text(sentence, f"a sentence of {path}")
    if len(sentences) < FEWEST:
        raise InputError(f"{path} holds {len(sentences)} sentences", f"give at least {FEWEST}, one a line")
    repeated = len(lines) - len(sentences)
    return sentences, [f"{repeated:,} repeated sentences of {path} count once"] if repeated else []


def made_sentences() -> list[str]:
    """Return sentences about visible things: every class name of the image network, in one of five patterns.

    Raises:
        InputError: the package of the names is not installed.

    >>> made_sentences()[:3]
    ['a tench', 'a video of a goldfish', 'a great white shark in a close-up']
    """
    names: Sequence[str] = list(dict.fromkeys(class_names()))
    return [_PATTERNS[number % len(_PATTERNS)].format(a=with_article(name)) for number, name in enumerate(names)]
