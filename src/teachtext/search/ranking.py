"""Ranked videos and segments; and the k best nearly, from candidates that the vector indexes of a store propose.

The score of a video is the greatest score of its segments.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.stores.base import Nearest, Store
from teachtext.search.vectors import PresencePattern, best_first, exact_scores, query_row

# A vector index returns this many times k candidates of each pattern, and at least this many.
_TIMES, _LEAST = 4, 40
# An index that is asked again returns up to so many.
_MOST = 5000


class RankedVideo(NamedTuple):
    """The id of a video, and the score by which it is ranked."""

    id: str
    score: float


class RankedSegment(NamedTuple):
    """A segment of a video, and the score by which it is ranked.

    Attributes:
        id: of the video.
        score: of the segment.
        start_s: seconds from the first picture of the video.
        end_s: seconds from the first picture of the video.
    """

    id: str
    score: float
    start_s: float
    end_s: float


def ranked_segments(near: Sequence[Nearest], scores: Sequence[NDArray[np.float64]]) -> list[RankedSegment]:
    """Return segments of several patterns with their scores, best first."""
    ids = [name for segments in near for name in segments.ids]
    starts = [start_s for segments in near for start_s in segments.start_s.tolist()]
    ends = [end_s for segments in near for end_s in segments.end_s.tolist()]
    together = np.concatenate([np.zeros(0), *scores])
    return [
        RankedSegment(ids[place], float(together[place]), starts[place], ends[place])
        for place in best_first(ids, together, starts)
    ]


def first_videos(ranked: Sequence[RankedSegment], k: int) -> list[RankedVideo]:
    """Return the first k videos of segments that are ranked best first."""
    videos: dict[str, RankedVideo] = {}
    for segment in ranked:
        if len(videos) == k:
            break
        videos.setdefault(segment.id, RankedVideo(segment.id, segment.score))
    return list(videos.values())


def nearly_top(
    store: Store,
    spaces: Mapping[str, int],
    query: QueryVectors,
    k: int,
    *,
    where: Filter = EVERYTHING,
    correct: bool = False,
    patterns: Collection[PresencePattern] | None = None,
) -> list[RankedVideo]:
    """Return about the k best videos, always k if so many are admitted.

    The store's vector indexes return segments, whose scores are then exact. Where few videos have most of these
    segments, the store is asked again for segments of other videos.

    Args:
        store: the store.
        spaces: dimension by space.
        query: vectors in all spaces, and mixture weights.
        k: at most so many videos.
        where: the filter.
        correct: see `Gallery.top`.
        patterns: of the store, if the caller has read them already.
    """
    rows = _query_rows(store, spaces, query, patterns, correct=correct)
    asked = max(_TIMES * k, _LEAST)
    videos: dict[str, RankedVideo] = {}
    while True:
        near, scores = _nearest(store, rows, asked, replace(where, without=[*where.without, *videos]))
        ranked = first_videos(ranked_segments(near, scores), k)
        # Segments that a pattern has not returned have no greater scores than those that it has returned.
        unseen = max((of_pattern.min() for of_pattern in scores if len(of_pattern) >= asked), default=-np.inf)
        videos |= {video.id: video for video in ranked if video.score >= unseen}
        if len(videos) >= k or unseen == -np.inf:
            best = best_first([*videos], np.array([video.score for video in videos.values()]), [0.0] * len(videos))
            return [list(videos.values())[place] for place in best[:k]]
        asked = max(asked, min(2 * asked, _MOST))


def nearly_top_segments(
    store: Store,
    spaces: Mapping[str, int],
    query: QueryVectors,
    k: int,
    *,
    where: Filter = EVERYTHING,
    correct: bool = False,
    patterns: Collection[PresencePattern] | None = None,
) -> list[RankedSegment]:
    """Return about the k best segments, best first; see `nearly_top`."""
    rows = _query_rows(store, spaces, query, patterns, correct=correct)
    return ranked_segments(*_nearest(store, rows, max(_TIMES * k, _LEAST), where))[:k]


def _query_rows(
    store: Store,
    spaces: Mapping[str, int],
    query: QueryVectors,
    patterns: Collection[PresencePattern] | None,
    *,
    correct: bool,
) -> Mapping[PresencePattern, NDArray[np.float64]]:
    patterns = store.patterns() if patterns is None else patterns
    return {pattern: query_row(query, pattern, spaces, correct=correct) for pattern in patterns}


def _nearest(
    store: Store, rows: Mapping[PresencePattern, NDArray[np.float64]], k: int, where: Filter
) -> tuple[Sequence[Nearest], Sequence[NDArray[np.float64]]]:
    """Return about the k best segments of each pattern, and their exact scores."""
    near = store.nearest({pattern: row.astype(np.float32) for pattern, row in rows.items()}, k, where)
    return list(near.values()), [exact_scores(segments.rows, rows[pattern]) for pattern, segments in near.items()]
