"""Questions: captions that are ranked among a few videos only. How the answers are marked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import Floats

SAME = 1e-5
"""Scores nearer than this count as equal: a matrix product of equal features rounds differently."""


def marks(similarity: Floats, right: Sequence[int], among: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Mark the answers: 1 where the right video alone has the highest score, 1 / n where n videos share it, else 0.

    Args:
        similarity: (C, B) scores of questions against videos, higher is better.
        right: column of each question's right video.
        among: for each question the columns of its videos, the right one among them.

    Returns:
        (C,) in [0, 1]. A model that guesses gets the mean of 1 / len(among).

    >>> marks(np.array([[0.9, 0.1, 0.5]]), [2], [[1, 2]]).tolist()
    [1.0]
    """
    answers = np.zeros(len(right))
    for row, (column, columns) in enumerate(zip(right, among, strict=True)):
        scores = similarity[row, list(columns)]
        best = scores >= scores.max() - SAME
        if similarity[row, column] >= scores.max() - SAME:
            answers[row] = 1 / best.sum()
    return answers
