"""Tables of wordings: the lexicon of a language.

Every concept has common wordings, which all splits use, and fresh wordings, which train captions never contain. A
reader who knows the language understands the fresh wordings; a model that only read the train captions does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """The wordings of a concept.

    Attributes:
        common: wordings of every split.
        fresh: wordings of val and test only.
    """

    common: tuple[str, ...]
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The words of a language: by table, the wordings of each concept of `teachtext.playground.scenes`.

    The grammar of the language says in what form a table holds its words, such as nouns with their gender.

    Attributes:
        nouns: by kind of thing.
        vague_nouns: by kind of thing, the words of a person who does not look closely.
        colours: by colour, adjectives.
        sizes: by size, adjectives.
        places: by background.
        deeds: by action, verbs.
        paces: by pace, adverbs.
        sounds: by sound.
        closed: function words of the language, with spaces between them.
    """

    nouns: Mapping[str, Wording]
    vague_nouns: Mapping[str, Wording]
    colours: Mapping[str, Wording]
    sizes: Mapping[str, Wording]
    places: Mapping[str, Wording]
    deeds: Mapping[str, Wording]
    paces: Mapping[str, Wording]
    sounds: Mapping[str, Wording]
    closed: str


def table(rows: str) -> dict[str, Wording]:
    """Read lines of the form `concept: common, common | fresh, fresh`.

    >>> table("ball: ball, ball | sphere")["ball"]
    Wording(common=('ball', 'ball'), fresh=('sphere',))
    """
    wordings = {}
    for row in rows.strip().splitlines():
        concept, _, listed = row.partition(":")
        common, _, fresh = listed.partition("|")
        wordings[concept.strip()] = Wording(
            tuple(wording.strip() for wording in common.split(",")),
            tuple(wording.strip() for wording in fresh.split(",") if wording.strip()),
        )
    return wordings
