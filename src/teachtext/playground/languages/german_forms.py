"""German nouns, adjectives and verbs in their forms."""

from dataclasses import dataclass

from teachtext.playground.languages.writer import join

PRONOUN = {"m": "er", "f": "sie", "n": "es"}
RELATIVE = {"m": "der", "f": "die", "n": "das"}
# by article, then by case, the endings of the article and of the adjectives for m, f and n
_ENDINGS = {
    "ein": {"nom": ("", "e", "", "er", "e", "es"), "acc": ("en", "e", "", "en", "e", "es"),
            "dat": ("em", "er", "em", "en", "en", "en")},
    "dies": {"nom": ("er", "e", "es", "e", "e", "e"), "acc": ("en", "e", "es", "en", "e", "e"),
             "dat": ("em", "er", "em", "en", "en", "en")},
    "": {"nom": ("", "", "", "er", "e", "es"), "acc": ("", "", "", "en", "e", "es"),
         "dat": ("", "", "", "em", "er", "em")},
}  # fmt: skip


@dataclass(frozen=True)
class Noun:
    """A noun with its adjectives, all without endings; an adjective that ends in `=` is never declined."""

    text: str
    gender: str
    adjectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deed:
    """The parts of a verb phrase, in whose order the places of the verb differ."""

    verb: str
    prefix: str = ""
    rest: str = ""
    reflexive: str = ""


def decline(noun: Noun, case: str, article: str = "ein") -> str:
    """Return a noun with its article and adjectives.

    Args:
        noun: the noun.
        case: "nom", "acc" or "dat".
        article: "ein", "dies" or "" for none.

    >>> decline(Noun("Ball", "m", ("groß", "rot")), "dat"), decline(Noun("Ding", "n", ("lila=",)), "nom", "dies")
    ('einem großen roten Ball', 'dieses lila Ding')
    """
    endings = _ENDINGS[article][case]
    place = "mfn".index(noun.gender)
    form = article + endings[place] if article else ""
    adjectives = [adjective(each, endings[3 + place]) for each in noun.adjectives]
    text = "Herzen" if case == "dat" and noun.text == "Herz" and article else noun.text
    return join(form, *adjectives, text)


def adjective(word: str, ending: str = "") -> str:
    """Return an adjective with an ending.

    >>> adjective("dunkel", "er"), adjective("rosa=", "es")
    ('dunkler', 'rosa')
    """
    if word.endswith("=") or not ending:
        return word.removesuffix("=")
    return (word[:-2] + "l" if word == "dunkel" else word) + ending


IRREGULAR = {
    "gleiten": "gleitet glitt", "ziehen": "zieht zog", "steigen": "steigt stieg", "schwingen": "schwingt schwang",
    "fallen": "fällt fiel", "springen": "springt sprang", "werden": "wird wurde", "nehmen": "nimmt nahm",
    "verschwinden": "verschwindet verschwand", "entschwinden": "entschwindet entschwand", "wachsen": "wächst wuchs",
    "verlieren": "verliert verlor", "schwellen": "schwillt schwoll", "erscheinen": "erscheint erschien",
    "treten": "tritt trat", "kommen": "kommt kam", "fliegen": "fliegt flog", "beschreiben": "beschreibt beschrieb",
    "laufen": "läuft lief", "stoßen": "stößt stieß", "treffen": "trifft traf", "gehen": "geht ging",
    "schieben": "schiebt schob", "überspringen": "überspringt übersprang", "begegnen": "begegnet begegnete",
}  # fmt: skip
"""By infinitive, the third person of the present and of the past; other verbs are regular."""


def third_person(verb: str, *, past: bool = False) -> str:
    """Return the third person singular of a verb without its separable prefix.

    >>> third_person("wackeln"), third_person("umrunden"), third_person("fallen", past=True)
    ('wackelt', 'umrundet', 'fiel')
    """
    if verb in IRREGULAR:
        return IRREGULAR[verb].split()[past]
    stem = verb[:-1] if verb.endswith(("eln", "ern")) else verb[:-2]
    ending = "te" if past else "t"
    return stem + ("e" if stem.endswith(("t", "d")) else "") + ending
