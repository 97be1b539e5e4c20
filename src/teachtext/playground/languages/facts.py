"""The facts of a scene that a caption names. Captions of the same facts in several languages are parallel.

The English describer decides while writing; the writers of other languages name the same facts in their words.
"""

from dataclasses import dataclass

ROLES = (
    "terse", "plain", "precise", "chatty", "main_only", "place_first", "listener", "reader", "in_order", "remembering",
    "film", "vague", "seeker", "companion",
)  # fmt: skip
"""The describers: people who write differently about a scene."""

QUESTION_ROLES = ("speech", "sign", "sound", "direction")
"""The describers of questions, who name a single fact (see `teachtext.playground.questions`)."""


@dataclass(frozen=True)
class Naming:
    """How a thing is named: with its size, its colour, and by a vague noun such as "thing"."""

    size: bool = False
    colour: bool = False
    vague: bool = False


@dataclass(frozen=True)
class Facts:
    """What a caption names of its scene.

    Attributes:
        role: the describer, one of `ROLES` or `QUESTION_ROLES`.
        main: how the main thing is named.
        other: how the other thing is named; None where the caption does not name it.
        pace: whether the pace is named.
        then: whether the second deed is named.
        place: whether the place is named.
        side: whether the side of a bystander is named.
        sign: the text of the sign as the caption quotes it, or None.
        sounds: the sounds that are named, in order. An empty tuple stands for silence, None for no word about sounds.
        voice: whether the words of the voice are quoted.
        old_colour: whether the colour before a change of colour is named again.
    """

    role: str
    main: Naming = Naming()
    other: Naming | None = None
    pace: bool = False
    then: bool = False
    place: bool = False
    side: bool = False
    sign: str | None = None
    sounds: tuple[str, ...] | None = None
    voice: bool = False
    old_colour: bool = False
