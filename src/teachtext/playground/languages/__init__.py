"""The languages of captions: how each writes the facts of a scene.

A language has a lexicon (`german_words`) and a grammar: the forms of words (`german_forms`), and the sentences of a
`Writer` (`german`). To add a language, write these and add a line to `LANGUAGES`. English alone decides which facts a
caption names; its grammar is in `english`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teachtext.errors import InputError
from teachtext.playground.languages import english_words, french_words, german_words, spanish_words
from teachtext.playground.languages.french import French
from teachtext.playground.languages.german import German
from teachtext.playground.languages.spanish import Spanish
from teachtext.playground.languages.wording import Lexicon
from teachtext.playground.languages.writer import Writer

ENGLISH = "en"


@dataclass(frozen=True)
class Language:
    """A language other than English.

    Attributes:
        name: in English.
        writer: its grammar.
        words: its lexicon.
    """

    name: str
    writer: type[Writer]
    words: Lexicon


LANGUAGES: Mapping[str, Language] = {
    "de": Language("German", German, german_words.WORDS),
    "fr": Language("French", French, french_words.WORDS),
    "es": Language("Spanish", Spanish, spanish_words.WORDS),
}
"""By code."""

LEXICONS: Mapping[str, Lexicon] = {ENGLISH: english_words.WORDS} | {
    code: language.words for code, language in LANGUAGES.items()
}
"""By code, English among them."""


def check_languages(languages: Sequence[str]) -> None:
    """Raise InputError where languages are missing, unknown or repeated."""
    if not languages or not set(languages) <= LEXICONS.keys() or len(set(languages)) < len(languages):
        problem = f"languages={','.join(languages)} is not a list of languages"
        raise InputError(problem, f"use some of {', '.join(LEXICONS)}, each once")
