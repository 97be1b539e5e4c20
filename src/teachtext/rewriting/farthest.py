"""Farthest query sampling: a few of the written queries, each far from those that were chosen before."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError


def farthest(vectors: NDArray[np.floating], count: int) -> Sequence[int]:
    """Choose queries greedily, beginning with the first (GQE, Bai et al., ICLR 2025, arXiv 2408.07249).

    The next query is the one whose nearest chosen query is farthest: argmax over q of min over a of d(q, a), a chosen.
    The paper names no distance; here d is one minus the cosine.

    Args:
        vectors: (Q, D) embeddings, none of them zero; the first is that of the original query.
        count: how many are chosen, the first among them; all where there are no more.

    Returns:
        Row numbers in the order of the choice. Of equally far queries the first is chosen.

    Raises:
        InputError: no vectors, a vector of length zero, or a count below 1.

    >>> farthest(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [-1.0, 0.0]]), 3)
    [0, 3, 2]
    """
    lengths = np.linalg.norm(np.asarray(vectors, np.float64), axis=-1, keepdims=True)
    if vectors.ndim != 2 or not len(vectors) or not np.all(lengths > 0):
        raise InputError("there is no vector, or a vector of length zero", "give (Q, D) embeddings of queries")
    if count < 1:
        raise InputError(f"{count} queries cannot be chosen", "choose 1 at least")
    unit = vectors / lengths
    chosen = [0]
    distance = 1 - unit @ unit[0]
    while len(chosen) < min(count, len(unit)):
        distance[chosen] = -np.inf
        # what differs by rounding alone is equally far
        chosen.append(int(np.round(distance, 9).argmax()))
        distance = np.minimum(distance, 1 - unit @ unit[chosen[-1]])
    return chosen
