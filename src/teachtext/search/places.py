"""The places of a video that answer a query: its best segments, neighbours joined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.types import Entry, Segment
from teachtext.search.vectors import shares

MOST_PLACES = 5
"""Places of a video, at most."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stretch of a video that answers a query.

    Attributes:
        start_s: seconds from the first picture of the video.
        end_s: seconds from the first picture of the video.
        at_s: the middle of its best segment, whose picture stands for the place.
        score: similarity of the query and its best segment, in [-1, 1].
        why: the part of each space in the score. The sum of the parts is the score.
    """

    start_s: float
    end_s: float
    at_s: float
    score: float
    why: Mapping[str, float]


def segment_parts(query: QueryVectors, entry: Entry) -> list[dict[str, float]]:
    """Return the part of each space in the score of each segment, in order of time.

    The sum of a segment's parts is its score, as `teachtext.search.vectors` defines the score.
    """
    return _parts_of(query, entry.segments)


def _parts_of(query: QueryVectors, segments: Sequence[Segment]) -> list[dict[str, float]]:
    """Return the part of each space in the score of each segment, of one video or of several."""
    parts: list[dict[str, float]] = [{} for _ in segments]
    by_pattern: dict[tuple[str, ...], list[int]] = {}
    for number, segment in enumerate(segments):
        by_pattern.setdefault(segment.pattern, []).append(number)
    for pattern, numbers in by_pattern.items():
        for name, share in zip(pattern, shares(query, pattern), strict=True):
            vectors = np.stack([segments[number].vectors[name] for number in numbers]).astype(np.float64)
            products = share * (vectors @ query.vectors[name].astype(np.float64))
            for number, product in zip(numbers, products.tolist(), strict=True):
                parts[number][name] = product
    return parts


def places_of(query: QueryVectors, entry: Entry, *, most: int = MOST_PLACES) -> list[Place]:
    """Return the places of a video that answer a query best, best first; at least one.

    A segment answers the query if its score is nearer to the best score than to the median of the video's segments. It
    joins a neighbour if their scores are within a quarter of that distance, so that a place does not grow beyond what
    was asked for.

    Args:
        query: the query.
        entry: the video.
        most: at most so many places.
    """
    return places_of_all(query, [entry], most=most)[0]


def places_of_all(query: QueryVectors, entries: Sequence[Entry], *, most: int = MOST_PLACES) -> list[list[Place]]:
    """Return for each of several videos its places that answer a query best; see `places_of`."""
    parts = iter(_parts_of(query, [segment for entry in entries for segment in entry.segments]))
    return [
        [place for _, place in _ranked(entry, list(islice(parts, len(entry.segments))), correct=False)[:most]]
        for entry in entries
    ]


def ranked_places(query: QueryVectors, entry: Entry, *, correct: bool = False) -> list[tuple[float, Place]]:
    """Return all places of a video that answer a query, each after the score by which it is ranked, best first.

    Args:
        query: the query.
        entry: the video.
        correct: add the biases of the segments to their scores (see `teachtext.search.hubness`).
    """
    return _ranked(entry, segment_parts(query, entry), correct=correct)


def _ranked(entry: Entry, parts: Sequence[Mapping[str, float]], *, correct: bool) -> list[tuple[float, Place]]:
    """Return all places of a video after their scores, from the parts of the scores of its segments; best first."""
    scores = np.array([sum(of_segment.values()) for of_segment in parts])
    if correct:
        scores = scores + [segment.bias for segment in entry.segments]
    return [(float(scores[best]), _place(entry, first, last, best, parts[best])) for first, last, best in _runs(scores)]


def place_at(query: QueryVectors, entry: Entry, places: Sequence[Place], at_s: float) -> Place:
    """Return the place that holds a second of a video; where none does, the segment nearest to the second.

    Args:
        query: the query.
        entry: the video.
        places: of the video.
        at_s: seconds from the first picture of the video.
    """
    for place in places:
        if place.start_s <= at_s < place.end_s:
            return place
    distances = [max(segment.start_s - at_s, at_s - segment.end_s, 0.0) for segment in entry.segments]
    nearest = int(np.argmin(distances))
    inside = [place for place in places if place.start_s <= entry.segments[nearest].start_s < place.end_s]
    return inside[0] if inside else _place(entry, nearest, nearest, nearest, segment_parts(query, entry)[nearest])


def _place(entry: Entry, first: int, last: int, best: int, why: Mapping[str, float]) -> Place:
    return Place(
        start_s=entry.segments[first].start_s,
        end_s=entry.segments[last].end_s,
        at_s=(entry.segments[best].start_s + entry.segments[best].end_s) / 2,
        score=float(sum(why.values())),
        why=why,
    )


def _runs(scores: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Return the first, the last and the best segment of each run of segments that stand out, best run first.

    >>> _runs(np.array([0.1, 0.9, 0.8, 0.1, 0.7, 0.1]))
    [(1, 2, 1), (4, 4, 4)]
    """
    if len(scores) == 1:
        return [(0, 0, 0)]
    ordered = np.sort(scores)
    # np.median takes ten times as long for a few numbers
    median = (ordered[(len(scores) - 1) // 2] + ordered[len(scores) // 2]) / 2
    distance = float(ordered[-1] - median)
    is_free = scores >= ordered[-1] - distance / 2
    runs = []
    for best in sorted(np.flatnonzero(is_free).tolist(), key=lambda number: (-scores[number], number)):
        if not is_free[best]:
            continue
        joins = is_free & (scores >= scores[best] - distance / 4)
        first = last = best
        while first > 0 and joins[first - 1]:
            first -= 1
        while last + 1 < len(scores) and joins[last + 1]:
            last += 1
        is_free[first : last + 1] = False
        runs.append((first, last, best))
    return runs
