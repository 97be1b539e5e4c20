"""Captions of a scene, as different people would write them, in one language or in several.

Each caption has a describer, who decides which facts to name (see `languages.facts`). The same facts in the words of
another language make a parallel caption.
"""

from collections.abc import Sequence

import numpy as np

from teachtext.playground.languages import LANGUAGES
from teachtext.playground.languages.english import describe
from teachtext.playground.languages.facts import ROLES, Facts
from teachtext.playground.scenes import Scene

_ATTEMPTS = 20


def captions(scene: Scene, count: int, seed: int) -> list[tuple[str, Facts]]:
    """Return English captions of a scene and their facts, without repeats as far as twenty attempts can avoid repeats.

    Args:
        scene: the scene to describe. Captions of val and test scenes also use the fresh wordings.
        count: number of captions.
        seed: seed of the data set; the same seed and scene give the same captions.
    """
    number = int(scene.video.removeprefix("play"))
    rng = np.random.default_rng((seed, 4, number))
    written: list[tuple[str, Facts]] = []
    turn: list[str] = []
    for _ in range(count):
        if not turn:
            turn = [ROLES[place] for place in rng.permutation(len(ROLES))]
        role = turn.pop()
        for _ in range(_ATTEMPTS):
            text, facts = describe(scene, role, rng)
            if all(text != other for other, _ in written):
                break
        written.append((text, facts))
    return written


def parallel_captions(scene: Scene, facts: Sequence[Facts], language: str, seed: int) -> list[str]:
    """Return captions of a scene in another language than English, one for the facts of each English caption.

    Args:
        scene: the scene to describe.
        facts: what the captions name.
        language: a key of `LANGUAGES`.
        seed: seed of the data set. The captions do not depend on the other languages of the data set.
    """
    rng = np.random.default_rng((seed, 9, *f"{scene.video}.{language}".encode()))
    texts: list[str] = []
    for named in facts:
        for _ in range(_ATTEMPTS):
            text = LANGUAGES[language].writer(scene, named, rng).write()
            if text not in texts:
                break
        texts.append(text)
    return texts
