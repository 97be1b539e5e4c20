"""Questions that only one sense can answer: groups of videos that differ in one thing alone.

A group is a drawn scene, four times: with other words of a voice, another word on the screen, another sound, or another
direction of motion. All else is equal, down to the seed of the small details. The caption of a video names only the
thing that differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from teachtext.playground.languages.english import describe
from teachtext.playground.languages.facts import Facts
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
# Things that look the same in a mirror. Other things look where they go, and a picture would show the direction.
_SYMMETRIC = ("ball", "heart", "tree", "house", "flower", "balloon", "rocket", "clock", "umbrella", "cat", "butterfly")
# A line has sounds that are alike. All of them last; none is a single hit.
_SOUNDS = (
    ("engine", "roar", "horn"),
    ("footsteps", "tick", "rattle", "scrape"),
    ("chirp", "meow", "crickets"),
    ("wind", "waves", "traffic", "whoosh"),
    ("rising_tone", "falling_tone", "hum", "whirr"),
)


@dataclass(frozen=True)
class DrawnQuestion:
    """A caption of a video, to be searched among the videos of its group.

    Attributes:
        kind: the difference in the group, a key of `KINDS_OF_QUESTIONS`.
        scene: the video that the caption describes.
        text: the English caption.
        facts: what the caption names.
        among: ids of the whole group.
    """

    kind: str
    scene: Scene
    text: str
    facts: Facts
    among: tuple[str, ...]


def ask(groups: int, seed: int) -> list[DrawnQuestion]:
    """Return the questions of `groups` groups of each kind. With more groups the first groups stay the same."""
    return [
        question
        for place, kind in enumerate(KINDS_OF_QUESTIONS)
        for number in range(1, groups + 1)
        for question in _group(kind, number, np.random.default_rng((seed, 8, place, number)))
    ]


def _group(kind: str, number: int, rng: np.random.Generator) -> list[DrawnQuestion]:
    vary = KINDS_OF_QUESTIONS[kind]
    base = draw_scene(rng, f"ask-{kind}-{number:02d}", "questions", _some(rng, KINDS)[0])
    scenes = [replace(scene, video=f"{base.video}-{'abcd'[place]}") for place, scene in enumerate(vary(rng, base))]
    among = tuple(scene.video for scene in scenes)
    return [DrawnQuestion(kind, scene, *describe(scene, kind, rng), among) for scene in scenes]


def _spoken(rng: np.random.Generator, base: Scene) -> list[Scene]:
    """Let the voice say other words, which do not name the things in the picture."""
    colours = _some(rng, [colour for colour in COLOURS if colour != base.main.colour])
    kinds = _some(rng, [kind for kind in KINDS if kind != base.main.kind])
    wording = int(rng.integers(len(phrases("", ""))))
    sentences = [phrases(colour, kind)[wording] for colour, kind in zip(colours, kinds, strict=True)]
    return [replace(base, sound="sounds", speech=sentence) for sentence in sentences]


def _written(rng: np.random.Generator, base: Scene) -> list[Scene]:
    return [replace(base, sign=sign) for sign in _some(rng, SIGNS)]


def _heard(rng: np.random.Generator, base: Scene) -> list[Scene]:
    """Replace the sounds by unexpected sounds of different lines of the table."""
    expected = audible(replace(base, sound="sounds"))
    unexpected = [[sound for sound in alike if sound not in expected] for alike in _SOUNDS]
    lines = rng.permutation(len(unexpected))[:GROUP]
    sounds = [_some(rng, unexpected[line])[0] for line in lines]
    return [replace(base, sound="sounds", speech=None, only_sound=sound) for sound in sounds]


def _moving(rng: np.random.Generator, base: Scene) -> list[Scene]:
    """Move evenly over the whole video, without sound: the same places in another order."""
    thing = replace(base.main, kind=_some(rng, _SYMMETRIC)[0], size="medium")
    still = replace(base, main=thing, then=None, other=None, new_colour=None, pace="slow", sound="none", speech=None)
    return [replace(still, action=direction) for direction in _DIRECTIONS]


def _some(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> list[str]:
    """Return `GROUP` of the options, or all where there are fewer, in random order."""
    return [options[place] for place in rng.permutation(len(options))[:GROUP]]


KINDS_OF_QUESTIONS: Mapping[str, Callable[[np.random.Generator, Scene], list[Scene]]] = {
    "speech": _spoken,
    "sign": _written,
    "sound": _heard,
    "direction": _moving,
}
"""By kind, how the scenes of a group differ; the describer of the same name names the difference."""
