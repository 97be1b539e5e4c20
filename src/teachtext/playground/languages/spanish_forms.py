"""Spanish nouns, adjectives and verbs in their forms; articles contracted."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A noun with its adjectives, without an article."""

    text: str
    gender: str

    @property
    def indefinite(self) -> str:
        """The noun after "un" or "una"."""
        return f"{'un' if self.gender == 'm' else 'una'} {self.text}"

    @property
    def this(self) -> str:
        """The noun after "este" or "esta"."""
        return f"{'este' if self.gender == 'm' else 'esta'} {self.text}"


@dataclass(frozen=True)
class Deed:
    """A verb phrase: the infinitive of the verb, whether it is reflexive, and the words behind an adverb."""

    verb: str
    reflexive: bool
    rest: str


def agreeing(adjective: str, gender: str) -> str:
    """Return an adjective in a gender; one that ends in `=` is invariable.

    >>> agreeing("rojo", "f"), agreeing("rojo vivo=", "f"), agreeing("verde", "f")
    ('roja', 'rojo vivo', 'verde')
    """
    if gender == "f" and adjective.endswith("o"):
        return f"{adjective[:-1]}a"
    return adjective.removesuffix("=")


def smooth(text: str) -> str:
    """Contract "de el" and "a el", and write "e" for "y" before the sound of an i.

    >>> smooth("pasa de el rojo a el azul"), smooth("viento y insectos"), smooth("hielo y hierba")
    ('pasa del rojo al azul', 'viento e insectos', 'hielo y hierba')
    """
    text = re.sub(r"\b(de|a) el\b", lambda match: "del" if match[1] == "de" else "al", text)
    return re.sub(r"\by (?=h?i(?!e))", "e ", text)


# by infinitive, the third person of the present and of the past, and the gerund
_IRREGULAR = {
    "ir": "va fue yendo", "mover": "mueve movió moviendo", "caer": "cae cayó cayendo", "dar": "da dio dando",
    "hacer": "hace hizo haciendo", "perseguir": "persigue persiguió persiguiendo", "seguir": "sigue siguió siguiendo",
    "encontrar": "encuentra encontró encontrando", "reunir": "reúne reunió reuniendo",
    "poner": "pone puso poniendo", "volver": "vuelve volvió volviendo", "volar": "vuela voló volando",
    "temblar": "tiembla tembló temblando", "disolver": "disuelve disolvió disolviendo",
    "ascender": "asciende ascendió ascendiendo", "contraer": "contrae contrajo contrayendo",
    "disminuir": "disminuye disminuyó disminuyendo", "adquirir": "adquiere adquirió adquiriendo",
    "desvanecer": "desvanece desvaneció desvaneciendo",
}  # fmt: skip


def third_person(verb: str, *, past: bool = False) -> str:
    """Return the third person singular of a verb in the present, or in the past.

    >>> third_person("girar"), third_person("subir"), third_person("caer", past=True)
    ('gira', 'sube', 'cayó')
    """
    if verb in _IRREGULAR:
        return _IRREGULAR[verb].split()[past]
    stem, kind = verb[:-2], verb[-2:]
    if past:
        return stem + ("ó" if kind == "ar" else "ió")
    return stem + ("a" if kind == "ar" else "e")


def gerund(verb: str, *, reflexive: bool = False) -> str:
    """Return the gerund of a verb, with "se" at its end if it is reflexive.

    >>> gerund("girar"), gerund("mover", reflexive=True)
    ('girando', 'moviéndose')
    """
    regular = verb[:-2] + ("ando" if verb.endswith("ar") else "iendo")
    form = _IRREGULAR[verb].split()[2] if verb in _IRREGULAR else regular
    if not reflexive:
        return form
    accented = {"a": "á", "e": "é"}[form[-4]]
    return f"{form[:-4]}{accented}{form[-3:]}se"
