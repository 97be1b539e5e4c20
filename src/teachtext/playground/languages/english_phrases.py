"""An English speaker who describes a scene: the phrases of which English captions are made."""

from dataclasses import replace
from typing import Any

import numpy as np

from teachtext.playground.languages import english_words as words
from teachtext.playground.languages.english_words import inflect, with_article
from teachtext.playground.languages.facts import Facts, Naming
from teachtext.playground.languages.wording import Wording
from teachtext.playground.scenes import Scene, Thing, audible

_FRESH_SHARE = 0.5
_NEXT = Wording(("then", "and then", "and after that"), ("and afterwards", "and subsequently"))
_NEAR = Wording(("next to", "near", "beside"), ("alongside", "in the vicinity of"))
_HEARD = Wording(
    ("You can hear @.", "I hear @.", "There is the sound of @.", "We hear @."),
    ("The soundtrack contains @.", "@ is audible."),
)
_SILENT = Wording(
    ("There is no sound.", "It is silent.", "You can hear nothing."), ("The audio is mute.", "Utter hush.")
)


class Describer:
    """The words of a person for a scene.

    Args:
        scene: the scene to describe.
        rng: chooses among facts and wordings.
        role: the describer, one of `facts.ROLES` or `facts.QUESTION_ROLES`.

    Attributes:
        facts: what was named so far.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator, role: str) -> None:
        self.scene = scene
        self.rng = rng
        self.facts = Facts(role)
        self._fresh = scene.split in ("val", "test")
        self._with_old_colour: list[str] = []

    def chance(self, share: float) -> bool:
        """Return True in a `share` of the cases."""
        return bool(self.rng.random() < share)

    def choose(self, *options: str) -> str:
        """Return one of `options` at random."""
        return options[int(self.rng.integers(len(options)))]

    def pick(self, wording: Wording) -> str:
        """Return a wording of a concept; fresh wordings occur only outside train."""
        if self._fresh and wording.fresh and self.chance(_FRESH_SHARE):
            return self.choose(*wording.fresh)
        return self.choose(*wording.common)

    def name(self, thing: Thing, detail: str = "colour") -> str:
        """Name a thing without an article; detail is "full", "colour", "bare" or "vague"."""
        colour = self.pick(words.COLOURS[thing.colour])
        match detail:
            case "bare":
                naming, name = Naming(), self.pick(words.NOUNS[thing.kind])
            case "vague":
                naming, name = Naming(colour=True, vague=True), f"{colour} {self.pick(words.VAGUE_NOUNS[thing.kind])}"
            case "full" if thing.size != "medium" or self.chance(0.4):
                naming = Naming(size=True, colour=True)
                name = f"{self.pick(words.SIZES[thing.size])} {colour} {self.pick(words.NOUNS[thing.kind])}"
            case _:
                naming, name = Naming(colour=True), f"{colour} {self.pick(words.NOUNS[thing.kind])}"
        self._note(main=naming) if thing is self.scene.main else self._note(other=naming)
        return name

    def a(self, thing: Thing, detail: str = "colour") -> str:
        """Name a thing with "a" or "an"."""
        return with_article(self.name(thing, detail))

    def deed(self, form: str, detail: str = "colour", *, pace: bool = False, article: bool = True) -> str:
        """Return a phrase for the deed of the main thing.

        Args:
            form: form of the verb, see `words.inflect`.
            detail: detail of the name of the other thing in a pair action, see `name`; or "other" for
                "the other one", where the thing was named before.
            pace: add an adverb of pace, if the pace is fast or slow.
            article: whether the other thing has an article.
        """
        phrase = self._phrase(self.scene.action, form)
        if "@" in phrase and self.scene.other:
            if detail == "other":
                named = "the other one"
            else:
                named = self.name(self.scene.other, detail)
                named = with_article(named) if article else named
            phrase = phrase.replace("@", named)
        if pace and self.scene.pace:
            self._note(pace=True)
            adverb = self.pick(words.PACES[self.scene.pace])
            early = adverb != "fast" and self.chance(0.5)
            return f"{adverb} {phrase}" if early else f"{phrase} {adverb}"
        return phrase

    def then(self, form: str) -> str:
        """Return a phrase for the second deed, beginning with a comma; empty without a second deed."""
        if not self.scene.then:
            return ""
        self._note(then=True)
        link = self.pick(_NEXT)
        return f", {link} it {'is ' if form == 'ing' else ''}{self._phrase(self.scene.then, form)}"

    def place(self) -> str:
        """Return a phrase for the place, such as "at sea"."""
        self._note(place=True)
        return self.pick(words.PLACES[self.scene.background])

    def side(self) -> str:
        """Return a phrase for the side of the bystander."""
        self._note(side=True)
        side = "left" if self.scene.bystander_left else "right"
        return self.choose(f"on the {side}", f"on the {side} side")

    def sign(self, table: str) -> str:
        """Quote the sign, as a clause ("reads") or with a preposition ("with"); empty without a sign."""
        if not self.scene.sign:
            return ""
        shown = self.scene.sign if self.chance(0.7) else self.scene.sign.lower()
        self._note(sign=shown)
        phrase = self.pick(words.SIGNS[table])
        if " " in shown:
            phrase = phrase.replace("the word @ is", "the words @ are").replace("the word @", "the words @")
        return phrase.replace("@", f'"{shown}"')

    def voice(self) -> str:
        """Quote the voice, as a clause; empty if nobody speaks."""
        if not self.scene.speech:
            return ""
        self._note(voice=True)
        return f'{self.pick(words.SAYS["voice"])} {self.pick(words.SAYS["says"])} "{self.scene.speech}"'

    def sounds(self, most: int) -> str:
        """Name up to `most` of the sounds; empty without sounds."""
        heard = list(audible(self.scene))
        self._note(sounds=())
        if not heard:
            return ""
        chosen = [heard[place] for place in sorted(self.rng.permutation(len(heard))[:most])]
        self._note(sounds=tuple(chosen))
        return " and ".join(self.pick(words.SOUNDS[sound]) for sound in chosen)

    def heard(self, most: int) -> str:
        """Describe the sounds in one or two sentences."""
        sounds, voice = self.sounds(most), self.voice()
        if not sounds:
            return self.pick(_SILENT)
        sentence = capital(self.pick(_HEARD).replace("@", sounds))
        # "A and B is audible" would not agree.
        sentence = sentence.replace(" is audible", " are audible") if " and " in sounds else sentence
        return f"{sentence} {capital(voice)}." if voice else sentence

    def company(self) -> str:
        """Name the bystander, with "next to"; empty without a bystander."""
        if self.scene.other is None or self.scene.is_pair:
            return ""
        return f"{self.pick(_NEAR)} {self.a(self.scene.other, self.choose('full', 'colour'))}"

    def _note(self, **named: Any) -> None:
        """Note facts that a phrase names."""
        self.facts = replace(self.facts, **named)

    def _phrase(self, action: str, form: str) -> str:
        phrase = inflect(self.pick(words.DEEDS[action]), form)
        if self.scene.new_colour and action == "recolours":
            names_old = "$" in phrase
            phrase = phrase.replace("$", self.scene.main.colour)
            new = self.pick(words.COLOURS[self.scene.new_colour])
            phrase = phrase.replace("a %", with_article(new)).replace("%", new)
            if names_old:
                self._with_old_colour.append(phrase)
        return phrase

    def facts_of(self, text: str) -> Facts:
        """Return the facts that a text of this describer names; the describer may have drawn phrases in vain."""
        return replace(self.facts, old_colour=any(phrase in text for phrase in self._with_old_colour))


def capital(text: str) -> str:
    """Return `text` with a capital letter at its beginning."""
    return text[0].upper() + text[1:]


def join(*parts: str) -> str:
    """Return the parts that are not empty, with a space between them."""
    return " ".join(part for part in parts if part)
