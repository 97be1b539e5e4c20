"""French nouns, adjectives and verbs in their forms; articles contracted, and words elided."""

import re
from dataclasses import dataclass

FEMININE = {
    "blanc": "blanche",
    "violet": "violette",
    "laiteux": "laiteuse",
    "gros": "grosse",
    "tout petit": "toute petite",
}
PRONOUN = {"m": "il", "f": "elle"}
ITSELF = {"m": "lui-même", "f": "elle-même"}
_VOWELS = "aeiouâàéèêîôûœ"
_SILENT_H = ("horloge", "hélium")
# articles for "some", which "de" replaces
_SOME = re.compile(r"^(du |de la |de l'|des )")


@dataclass(frozen=True)
class Noun:
    """A noun with its adjectives, without an article."""

    text: str
    gender: str

    @property
    def indefinite(self) -> str:
        """The noun after "un" or "une"."""
        return f"{'un' if self.gender == 'm' else 'une'} {self.text}"

    @property
    def this(self) -> str:
        """The noun after "ce", "cet" or "cette"."""
        if self.gender == "f":
            return f"cette {self.text}"
        return f"{'cet' if begins_with_vowel(self.text) else 'ce'} {self.text}"


@dataclass(frozen=True)
class Deed:
    """A verb phrase: the infinitive of the verb, whether it is reflexive, and the words behind an adverb."""

    verb: str
    reflexive: bool
    rest: str


def agreeing(adjective: str, gender: str) -> str:
    """Return an adjective in a gender; one that ends in `=` is invariable.

    >>> agreeing("blanc", "f"), agreeing("rouge vif=", "f"), agreeing("vert", "m")
    ('blanche', 'rouge vif', 'vert')
    """
    if adjective.endswith("=") or gender == "m":
        return adjective.removesuffix("=")
    return FEMININE.get(adjective, adjective if adjective.endswith("e") else f"{adjective}e")


def begins_with_vowel(phrase: str) -> bool:
    """Return whether a phrase begins with the sound of a vowel.

    >>> begins_with_vowel("étoile"), begins_with_vowel("horloge"), begins_with_vowel("heurter")
    (True, True, False)
    """
    return phrase[0] in _VOWELS or phrase.startswith(_SILENT_H)


def elided(word: str, phrase: str) -> str:
    """Return a phrase after a word such as "de" or "que", which loses its last letter before a vowel.

    >>> elided("que", "une balle"), elided("se", "tourne")
    ("qu'une balle", 'se tourne')
    """
    return f"{word[:-1]}'{phrase}" if begins_with_vowel(phrase) else f"{word} {phrase}"


def of(phrase: str) -> str:
    """Return a phrase after "de".

    >>> of("le vent"), of("des grillons"), of("une étoile"), of("les bruits de la rue")
    ('du vent', 'de grillons', "d'une étoile", 'des bruits de la rue')
    """
    if phrase.startswith("le "):
        return f"du {phrase[3:]}"
    if phrase.startswith("les "):
        return f"des {phrase[4:]}"
    return elided("de", _SOME.sub("", phrase))


def definite(noun: str) -> str:
    """Return a masculine noun after "le" or "l'"."""
    return elided("le", noun)


def to(phrase: str) -> str:
    """Return a phrase after "à".

    >>> to("le bleu"), to("l'orange")
    ('au bleu', "à l'orange")
    """
    return f"au {phrase[3:]}" if phrase.startswith("le ") else f"à {phrase}"


# by infinitive, the third person of the present and the past participle
_IRREGULAR = {
    "aller": "va allé", "devenir": "devient devenu", "venir": "vient venu", "disparaître": "disparaît disparu",
    "apparaître": "apparaît apparu", "faire": "fait fait", "prendre": "prend pris", "poursuivre": "poursuit poursuivi",
    "courir": "court couru", "suivre": "suit suivi", "rejoindre": "rejoint rejoint", "décrire": "décrit décrit",
    "élever": "élève élevé",
}  # fmt: skip
WITH_ETRE = frozenset({"aller", "tomber", "monter", "devenir", "apparaître", "venir", "entrer", "rentrer", "passer"})
"""Verbs whose past is formed with "être", beside the reflexive ones."""


def third_person(verb: str) -> str:
    """Return the third person singular of the present.

    >>> third_person("grandir"), third_person("tournoyer"), third_person("aller")
    ('grandit', 'tournoie', 'va')
    """
    if verb in _IRREGULAR:
        return _IRREGULAR[verb].split()[0]
    if verb.endswith("oyer"):
        return f"{verb[:-4]}oie"
    return verb[:-1] + "t" if verb.endswith("ir") else verb[:-1]


def participle(verb: str) -> str:
    """Return the past participle in the masculine singular.

    >>> participle("grandir"), participle("tourner"), participle("devenir")
    ('grandi', 'tourné', 'devenu')
    """
    if verb in _IRREGULAR:
        return _IRREGULAR[verb].split()[1]
    return verb[:-1] if verb.endswith("ir") else verb[:-2] + "é"
