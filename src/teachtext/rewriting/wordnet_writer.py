"""An offline paraphraser for English: words of a query are replaced by synonyms of WordNet, and nothing is parsed."""

import re
from collections.abc import Sequence

from teachtext.rewriting.wordnet import read_wordnet

# frequent words whose place in WordNet is not their use in a sentence
_KEPT = """
a about above across after along an and another are around as at away back be been being below beside between
but by can did do does doing down each for from get gets getting go goes going had has have having he her him
his in into is it its make makes making more no not of off on one onto or other out over own she so some that
the their them then there they this through to two three four five under up was were what when while who with
"""
_WORD = re.compile(r"[A-Za-z]+")
# synonyms of a word that are used
_EACH = 3


class WordNetWriter:
    """Replaces words by their synonyms (see `teachtext.rewriting.writer.Writer`).

    A word is read as the part of speech, and in the meaning, that is most frequent in the counted texts of WordNet,
    which is wrong at times. The synonyms stand in the form of the word: number of nouns, form of verbs.

    Raises:
        InputError: the word net is not installed.
    """

    def __init__(self) -> None:
        self._net = read_wordnet()
        self._kept = set(_KEPT.split())

    @property
    def name(self) -> str:
        """The writer in messages."""
        return "the word net"

    def write(self, text: str, *, seconds: float) -> Sequence[str]:
        """Return the query with one word replaced, then with all words replaced; see `Writer.write`."""
        places = [match.span() for match in _WORD.finditer(text)]
        synonyms = {
            (start, end): texts[:_EACH]
            for start, end in places
            if len(word := text[start:end].lower()) > 1
            and word not in self._kept
            and (texts := self._net.synonyms(word))
        }
        singles = [
            replaced(text, {place: texts[turn]})
            for turn in range(_EACH)
            for place, texts in synonyms.items()
            if turn < len(texts)
        ]
        every = [replaced(text, {place: texts[0] for place, texts in synonyms.items()})] if len(synonyms) > 1 else []
        return [*singles, *every]


def replaced(text: str, words: dict[tuple[int, int], str]) -> str:
    """Return a text with words replaced, by their place. The article before a replaced word fits its first letter.

    >>> replaced("a dog runs", {(2, 5): "animal"})
    'an animal runs'
    """
    for (start, end), word in sorted(words.items(), reverse=True):
        head = text[:start]
        article = re.search(r"\b([Aa])n?(\s+)$", head)
        if article:
            head = head[: article.start()] + article[1] + ("n" if word[0] in "aeiou" else "") + article[2]
        text = head + word + text[end:]
    return text
