"""How sure an answer is: the scores that texts without a meaning reach in an index, and that captions reach.

Similarities of different models, and of different indexes, cannot be compared with a constant. So the index itself is
asked. Texts of words that nobody knows say which best score is reached by chance. Captions of the query bank, where
there is one, say which best scores real queries reach.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED, COUNT = 0, 64
_SOUNDS, _VOWELS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z"], "aeiou"
# Chosen on the captions of the training and validation videos of MSVD-476: docs/methods/moments.md.
_BY_CHANCE, _RARELY, _OFTEN = 0.95, 0.05, 0.25


@dataclass(frozen=True)
class Confidence:
    """Two scores of an index that divide strong, weaker and meaningless answers.

    Attributes:
        nothing_below: a best score below this says that nothing in the index is like the query.
        strong_from: a video with this score answers the query strongly.
    """

    nothing_below: float
    strong_from: float


def texts_without_meaning() -> list[str]:
    """Return texts of made-up words, always the same.

    >>> texts_without_meaning()[:2]
    ['rikeba', 'furu rusopi']
    """
    rng = np.random.default_rng(SEED)

    def word() -> str:
        return "".join(rng.choice(_SOUNDS) + rng.choice(list(_VOWELS)) for _ in range(rng.integers(2, 4)))

    return [" ".join(word() for _ in range(1 + number % 4)) for number in range(COUNT)]


def confidence_of(by_chance: NDArray[np.float64], of_captions: NDArray[np.float64] | None = None) -> Confidence:
    """Return the dividing scores of an index.

    An answer is worth nothing below the best score that 95 % of the meaningless texts stay under, and below the one
    that 95 % of the captions exceed. It is strong as far above the former as the former is above their median, and
    from the score that three quarters of the captions exceed.

    Args:
        by_chance: the best score in the index of each meaningless text.
        of_captions: the best score in the index of each caption of the query bank, if there is one.

    >>> confidence_of(np.array([0.1, 0.1, 0.1]), np.array([0.3, 0.4, 0.5]))
    Confidence(nothing_below=0.31, strong_from=0.35)
    """
    chance, median = float(np.quantile(by_chance, _BY_CHANCE)), float(np.median(by_chance))
    nothing, strong = chance, 2 * chance - median
    if of_captions is not None and len(of_captions):
        nothing = max(nothing, float(np.quantile(of_captions, _RARELY)))
        strong = max(strong, float(np.quantile(of_captions, _OFTEN)))
    return Confidence(round(nothing, 6), round(max(strong, nothing), 6))
