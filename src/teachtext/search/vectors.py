"""The score, one presence pattern at a time.

s = sum_e w_e a_e <u_e, v_e> / sum_e w_e a_e, with unit vectors u of the query and v of the video, mixture weights w and
presence a (see `teachtext.models.similarity`). Among videos that have the same spaces the denominator is one number a
query, so that the score is one inner product: of the query's vectors, each times w_e over that number, and the video's,
one after the other. Where a vector is kept, its last columns are the video's bias and zeros; the query's there are
1 or 0: whether hubs are corrected.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.types import Entry

PresencePattern = tuple[str, ...]
Floats = NDArray[np.float32]

# vector indexes want a width that is a multiple of this
_MULTIPLE = 8
# as in `similarity`: above zero, or a query sure of what a video lacks would have no score with it
_LEAST_WEIGHT = 1e-30


def number_of(pattern: PresencePattern, spaces: Mapping[str, int]) -> int:
    """Return a number for a pattern: a bit a space, in their sorted order."""
    return sum(1 << place for place, name in enumerate(sorted(spaces)) if name in pattern)


def pattern_of(number: int, spaces: Mapping[str, int]) -> PresencePattern:
    """Return the pattern of a number."""
    return tuple(name for place, name in enumerate(sorted(spaces)) if number >> place & 1)


def width(pattern: PresencePattern, spaces: Mapping[str, int]) -> int:
    """Return the width of a row of a pattern: its spaces, the bias, zeros."""
    dims = sum(spaces[name] for name in pattern)
    return (dims // _MULTIPLE + 1) * _MULTIPLE


def row_of(entry: Entry, spaces: Mapping[str, int]) -> Floats:
    """Return what is kept of a video's vectors, (width,)."""
    row = np.zeros(width(entry.pattern, spaces), np.float32)
    dims = sum(spaces[name] for name in entry.pattern)
    np.concatenate([entry.vectors[name] for name in entry.pattern], out=row[:dims])
    row[dims] = entry.bias
    return row


def vectors_of(row: Floats, pattern: PresencePattern, spaces: Mapping[str, int]) -> tuple[dict[str, Floats], float]:
    """Return the vectors by space of a row, and its bias."""
    vectors, start = {}, 0
    for name in pattern:
        vectors[name] = row[start : start + spaces[name]]
        start += spaces[name]
    return vectors, float(row[start])


def shares(query: QueryVectors, pattern: PresencePattern) -> NDArray[np.float64]:
    """Return how much each space of a pattern counts, (spaces,), summing to 1: w_e / sum_e w_e."""
    order = sorted(query.vectors)
    weights = np.array([query.weights[order.index(name)] for name in pattern], np.float64)
    weights = np.maximum(weights, _LEAST_WEIGHT)
    return np.asarray(weights / weights.sum())


def query_row(
    query: QueryVectors, pattern: PresencePattern, spaces: Mapping[str, int], *, correct: bool
) -> NDArray[np.float64]:
    """Return what a row of a pattern is multiplied with to give its score, (width,).

    Args:
        query: with all spaces.
        pattern: of the videos.
        spaces: dimension by space.
        correct: whether biases count.
    """
    row = np.zeros(width(pattern, spaces))
    start = 0
    for name, share in zip(pattern, shares(query, pattern), strict=True):
        row[start : start + spaces[name]] = share * query.vectors[name].astype(np.float64)
        start += spaces[name]
    row[start] = correct
    return row


def contributions(query: QueryVectors, vectors: Mapping[str, Floats]) -> dict[str, float]:
    """Return what each space adds to the score of a video: w_e <u_e, v_e> / sum_e w_e; their sum is the score."""
    pattern = tuple(sorted(vectors))
    return {
        name: float(share * (query.vectors[name].astype(np.float64) @ vectors[name].astype(np.float64)))
        for name, share in zip(pattern, shares(query, pattern), strict=True)
    }


def exact_scores(rows: Floats, query: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of rows, (n, width), in double precision: equal rows have equal scores wherever they stand."""
    scores = np.empty(len(rows))
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS].astype(np.float64)
        block *= query
        scores[start : start + _ROWS] = block.sum(axis=1)
    return scores


_ROWS = 1024


def best_first(ids: Sequence[str], scores: NDArray[np.float64]) -> list[int]:
    """Return positions from the highest score to the lowest; scores that are equal to 9 digits go by their ids."""
    rounded = np.round(scores, 9).tolist()
    return sorted(range(len(ids)), key=lambda position: (-rounded[position], ids[position]))
