"""The score of a query and a segment of a video, one presence pattern at a time.

s = sum_e w_e a_e <u_e, v_e> / sum_e w_e a_e. The vectors u of the query and v of the segment have unit length; w are
the mixture weights, a is the presence (see `teachtext.models.similarity`). The score of a video is the greatest score
of its segments.

The presence pattern of a segment is the set of spaces in which it has a vector. Among segments of one pattern the
denominator is one number a query. So the score is one inner product of two rows: the query's vectors, each times w_e
over that number, and the segment's vectors, side by side. The last columns of a segment's row are its bias and zeros.
The query's row has 1 there if hubs are corrected, else 0.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.types import Segment

PresencePattern = tuple[str, ...]
Floats = NDArray[np.float32]

SEPARATOR = ":"
"""Stands between the name of a model and the name of its space, where an index holds several models."""

# vector indexes need a width that is a multiple of this
_MULTIPLE = 8
# As in `similarity`: above zero, so that a query has a score with a video that lacks all spaces the query weighs.
_LEAST_WEIGHT = 1e-30
# rows that are converted to double precision at once
_ROWS = 1024


def number_of(pattern: PresencePattern, spaces: Mapping[str, int]) -> int:
    """Return the number of a pattern: one bit for each space, in sorted order."""
    return sum(1 << bit for bit, name in enumerate(sorted(spaces)) if name in pattern)


def pattern_of(number: int, spaces: Mapping[str, int]) -> PresencePattern:
    """Return the pattern with a number."""
    return tuple(name for bit, name in enumerate(sorted(spaces)) if number >> bit & 1)


def width(pattern: PresencePattern, spaces: Mapping[str, int]) -> int:
    """Return the width of a pattern's rows: all its spaces, the bias, zeros."""
    dims = sum(spaces[name] for name in pattern)
    return (dims // _MULTIPLE + 1) * _MULTIPLE


def row_of(segment: Segment, spaces: Mapping[str, int]) -> Floats:
    """Return the row of a segment: its vectors side by side, its bias, zeros; (width,) float32."""
    pattern = segment.pattern
    row = np.zeros(width(pattern, spaces), np.float32)
    dims = sum(spaces[name] for name in pattern)
    np.concatenate([segment.vectors[name] for name in pattern], out=row[:dims])
    row[dims] = segment.bias
    return row


def vectors_of(row: Floats, pattern: PresencePattern, spaces: Mapping[str, int]) -> tuple[dict[str, Floats], float]:
    """Return the vectors by space and the bias of a segment's row."""
    vectors, start = {}, 0
    for name in pattern:
        vectors[name] = row[start : start + spaces[name]]
        start += spaces[name]
    return vectors, float(row[start])


def shares(query: QueryVectors, pattern: PresencePattern) -> NDArray[np.float64]:
    """Return the share of each space of a pattern, w_e / sum_e w_e: (spaces,), with sum 1.

    Where an index holds several models, the weights of a model's spaces first become the model's share in the score.
    """
    order = sorted(query.vectors)
    weights = np.array([query.weights[order.index(name)] for name in pattern], np.float64)
    weights = np.maximum(weights, _LEAST_WEIGHT)
    for model, share in query.shares.items():
        spaces = np.array([name.startswith(model + SEPARATOR) for name in pattern])
        if spaces.any():
            weights[spaces] *= max(share, _LEAST_WEIGHT) / weights[spaces].sum()
    return np.asarray(weights / weights.sum())


def query_row(
    query: QueryVectors, pattern: PresencePattern, spaces: Mapping[str, int], *, correct: bool
) -> NDArray[np.float64]:
    """Return the row of a query: its inner product with a segment's row is the score; (width,) float64.

    Args:
        query: vectors in all spaces, and mixture weights.
        pattern: the presence pattern of the segments.
        spaces: dimension by space.
        correct: whether the segments' biases count.
    """
    row = np.zeros(width(pattern, spaces))
    start = 0
    for name, share in zip(pattern, shares(query, pattern), strict=True):
        row[start : start + spaces[name]] = share * query.vectors[name].astype(np.float64)
        start += spaces[name]
    row[start] = correct
    return row


def contributions(query: QueryVectors, vectors: Mapping[str, Floats]) -> dict[str, float]:
    """Return the part of a segment's score by space, w_e <u_e, v_e> / sum_e w_e. The sum of the parts is the score."""
    pattern = tuple(sorted(vectors))
    return {
        name: float(share * (query.vectors[name].astype(np.float64) @ vectors[name].astype(np.float64)))
        for name, share in zip(pattern, shares(query, pattern), strict=True)
    }


def mean_vectors(segments: Sequence[Segment]) -> dict[str, Floats]:
    """Return the mean direction of the segments of a video by space, of unit length; of a single segment its vectors.

    >>> halves = [Segment(n, n + 1, {"scene": np.eye(2, dtype=np.float32)[n]}) for n in range(2)]
    >>> [round(float(value), 2) for value in mean_vectors(halves)["scene"]]
    [0.71, 0.71]
    """
    if len(segments) == 1:
        return dict(segments[0].vectors)
    by_space: dict[str, list[Floats]] = {}
    for segment in segments:
        for name, vector in segment.vectors.items():
            by_space.setdefault(name, []).append(vector)
    means = {}
    for name, vectors in by_space.items():
        total = np.sum(vectors, axis=0, dtype=np.float64)
        means[name] = np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)
    return means


def exact_scores(rows: Floats, query: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of rows, (n, width), in double precision. Equal rows have equal scores at every position."""
    scores = np.empty(len(rows))
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS].astype(np.float64)
        block *= query
        scores[start : start + _ROWS] = block.sum(axis=1)
    return scores


def best_first(ids: Sequence[str], scores: NDArray[np.float64], start_s: Sequence[float]) -> list[int]:
    """Return positions from the highest score to the lowest.

    Scores that are equal to 9 digits are ordered by id, and of one video by the start of the segment.
    """
    rounded = np.round(scores, 9).tolist()
    return sorted(range(len(ids)), key=lambda position: (-rounded[position], ids[position], start_s[position]))
