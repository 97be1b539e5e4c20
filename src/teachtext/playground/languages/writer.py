"""A person who writes the facts of a scene in a language: the part that is the same in every language."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from teachtext.playground.languages.facts import Facts
from teachtext.playground.languages.wording import Wording
from teachtext.playground.scenes import Scene

_FRESH_SHARE = 0.5
_CASUAL_SHARE = 0.25
_OPENING_MARKS = "¡¿„«“ \u00a0"


class Writer(ABC):
    """Writes a caption of a scene that names given facts, no more and no less.

    A language is a class with a method for each describer. The method returns a text that begins in lower case, and
    ends with a full stop where it is a whole sentence.

    Args:
        scene: the scene to describe. Captions of val and test scenes also use the fresh wordings.
        facts: what the caption names.
        rng: chooses among wordings.
    """

    quotes: ClassVar[tuple[str, str]]

    def __init__(self, scene: Scene, facts: Facts, rng: np.random.Generator) -> None:
        self.scene = scene
        self.facts = facts
        self.rng = rng

    def write(self) -> str:
        """Return the caption."""
        # without a sign there is nothing to read
        role = "main_only" if self.facts.role == "reader" and not self.facts.sign else self.facts.role
        describe: Callable[[], str] = getattr(self, role)
        text = describe()
        if self.chance(_CASUAL_SHARE) and ". " not in text and not text.endswith("!"):
            return text.removesuffix(".")
        return capital(text)

    def chance(self, share: float) -> bool:
        """Return True in a `share` of the cases."""
        return bool(self.rng.random() < share)

    def choose(self, *options: str) -> str:
        """Return one of `options` at random."""
        return options[int(self.rng.integers(len(options)))]

    def pick(self, wording: Wording) -> str:
        """Return a wording of a concept; fresh wordings occur only outside train."""
        if self.scene.split in ("val", "test") and wording.fresh and self.chance(_FRESH_SHARE):
            return self.choose(*wording.fresh)
        return self.choose(*wording.common)

    def pick_deed(self, deeds: Mapping[str, Wording], action: str) -> str:
        """Return a wording of a deed; a wording with `$` names the colour before a change of colour."""
        wording = deeds[action]
        if action == "recolours" and self.facts.old_colour:
            return self.choose(*(each for each in (*wording.common, *wording.fresh) if "$" in each))
        return self.pick(
            Wording(
                tuple(each for each in wording.common if "$" not in each),
                tuple(each for each in wording.fresh if "$" not in each),
            )
        )

    def quoted(self, text: str) -> str:
        """Return a text in the quotation marks of the language."""
        return f"{self.quotes[0]}{text}{self.quotes[1]}"

    @abstractmethod
    def terse(self) -> str:
        """Write a headline."""

    @abstractmethod
    def plain(self) -> str:
        """Write a plain sentence."""

    @abstractmethod
    def precise(self) -> str:
        """Write several sentences with all details."""

    @abstractmethod
    def chatty(self) -> str:
        """Write as people talk."""

    @abstractmethod
    def main_only(self) -> str:
        """Write of the main thing alone."""

    @abstractmethod
    def place_first(self) -> str:
        """Begin with the place."""

    @abstractmethod
    def listener(self) -> str:
        """Write what is heard."""

    @abstractmethod
    def reader(self) -> str:
        """Write what the sign says; called where there is a sign."""

    @abstractmethod
    def in_order(self) -> str:
        """Write of deeds or things in their order."""

    @abstractmethod
    def remembering(self) -> str:
        """Write in the past tense."""

    @abstractmethod
    def film(self) -> str:
        """Write of the film that shows the scene."""

    @abstractmethod
    def vague(self) -> str:
        """Write without looking closely."""

    @abstractmethod
    def seeker(self) -> str:
        """Ask for the video."""

    @abstractmethod
    def companion(self) -> str:
        """Write of the main thing and its neighbour."""

    @abstractmethod
    def speech(self) -> str:
        """Quote the voice alone."""

    @abstractmethod
    def sign(self) -> str:
        """Quote the sign alone."""

    @abstractmethod
    def sound(self) -> str:
        """Name the sounds alone."""

    @abstractmethod
    def direction(self) -> str:
        """Name the deed alone, of something."""


def capital(text: str) -> str:
    """Return `text` with a capital letter at its beginning, behind opening marks.

    >>> capital("¡mira!")
    '¡Mira!'
    """
    begin = next((place for place, letter in enumerate(text) if letter not in _OPENING_MARKS), 0)
    return text[:begin] + text[begin].upper() + text[begin + 1 :]


def join(*parts: str) -> str:
    """Return the parts that are not empty, with a space between them."""
    return " ".join(part for part in parts if part)
