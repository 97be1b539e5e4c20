"""Questions that only one sense can answer: groups of videos that differ in nothing but one thing.

Each group is one drawn scene, four times: with other words that a voice says, with another word on the screen, with
another sound, or moving in another direction. All else is the same, down to the seed of the small details, and the
caption of a video tells that one thing alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from teachtext.playground.describer import Describer, capital
from teachtext.playground.grammar import finish
from teachtext.playground.scenes import (
    COLOURS,
    KINDS,
    SIGNS,
    Scene,
    audible,
    draw_scene,
    phrases,
)

GROUP = 4
_DIRECTIONS = ("moves_left", "moves_right", "rises", "falls")
# things that look the same in a mirror: the others look to where they go, so that one picture tells it
_SYMMETRIC = ("ball", "heart", "tree", "house", "flower", "balloon", "rocket", "clock", "umbrella", "cat", "butterfly")
# what sounds alike stands in one line; none of them rings once and is over
_SOUNDS = (
    ("engine", "roar", "horn"),
    ("footsteps", "tick", "rattle", "scrape"),
    ("chirp", "meow", "crickets"),
    ("wind", "waves", "traffic", "whoosh"),
    ("rising_tone", "falling_tone", "hum", "whirr"),
)


@dataclass(frozen=True)
class Question:
    """A caption of one video, to be told from the other videos of its group.

    Attributes:
        kind: what it asks for, a key of `KINDS_OF_QUESTIONS`.
        scene: the video that it is about.
        text: the caption.
        among: ids of the whole group.
    """

    kind: str
    scene: Scene
    text: str
    among: tuple[str, ...]


def ask(groups: int, seed: int) -> list[Question]:
    """Return the questions of so many groups of each kind; more groups leave the first ones as they are."""
    return [
        question
        for place, kind in enumerate(KINDS_OF_QUESTIONS)
        for number in range(1, groups + 1)
        for question in _group(kind, number, np.random.default_rng((seed, 8, place, number)))
    ]


def _group(kind: str, number: int, rng: np.random.Generator) -> list[Question]:
    vary, tell = KINDS_OF_QUESTIONS[kind]
    base = draw_scene(rng, f"ask-{kind}-{number:02d}", "questions", _some(rng, KINDS)[0])
    scenes = [replace(scene, video=f"{base.video}-{'abcd'[place]}") for place, scene in enumerate(vary(rng, base))]
    among = tuple(scene.video for scene in scenes)
    return [Question(kind, scene, finish(tell(Describer(scene, rng)), rng), among) for scene in scenes]


def _spoken(rng: np.random.Generator, base: Scene) -> list[Scene]:
    """Say other words; none of them names what is seen."""
    colours = _some(rng, [each for each in COLOURS if each != base.main.colour])
    kinds = _some(rng, [each for each in KINDS if each != base.main.kind])
    wording = int(rng.integers(len(phrases("", ""))))
    said = [phrases(colour, kind)[wording] for colour, kind in zip(colours, kinds, strict=True)]
    return [replace(base, sound="sounds", speech=each) for each in said]


def _written(rng: np.random.Generator, base: Scene) -> list[Scene]:
    return [replace(base, sign=sign) for sign in _some(rng, SIGNS)]


def _heard(rng: np.random.Generator, base: Scene) -> list[Scene]:
    """Let sounds of different lines of the table be heard; none of them is what one would expect."""
    expected = audible(replace(base, sound="sounds"))
    unexpected = [[each for each in alike if each not in expected] for alike in _SOUNDS]
    lines = rng.permutation(len(unexpected))[:GROUP]
    sounds = [_some(rng, unexpected[line])[0] for line in lines]
    return [replace(base, sound="sounds", speech=None, only_sound=sound) for sound in sounds]


def _moving(rng: np.random.Generator, base: Scene) -> list[Scene]:
    """Move at an even pace over the whole video: the same places in another order, and nothing to be heard."""
    thing = replace(base.main, kind=_some(rng, _SYMMETRIC)[0], size="medium")
    still = replace(base, main=thing, then=None, other=None, new_colour=None, pace="slow", sound="none", speech=None)
    return [replace(still, action=direction) for direction in _DIRECTIONS]


def _some(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> list[str]:
    """Return `GROUP` of the options, or all where there are fewer, in random order."""
    return [options[place] for place in rng.permutation(len(options))[:GROUP]]


def _tell_direction(d: Describer) -> str:
    return d.one(
        f"something {d.deed('s')}.",
        f"something is {d.deed('ing')}.",
        f"there is something that {d.deed('s')}.",
    )


KINDS_OF_QUESTIONS: Mapping[
    str, tuple[Callable[[np.random.Generator, Scene], list[Scene]], Callable[[Describer], str]]
] = {
    "speech": (_spoken, lambda d: f"{d.voice()}."),
    "sign": (_written, lambda d: f"{capital(d.sign('reads'))}."),
    "sound": (_heard, lambda d: d.heard(1)),
    "direction": (_moving, _tell_direction),
}
"""By kind: how the scenes of a group differ, and how a caption tells it."""
