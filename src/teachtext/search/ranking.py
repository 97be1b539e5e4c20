"""The k best videos or segments: exactly, from all vectors in memory; or nearly, from candidates of vector indexes.

The score of a video is the greatest score of its segments.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.stores.base import Block, Nearest, Store, join
from teachtext.search.vectors import Floats, PresencePattern, best_first, exact_scores, query_row

# Scores in single precision differ from those in double precision by less than half of this.
_MARGIN = 2e-4
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


class _Loaded(NamedTuple):
    """What a gallery has read.

    Attributes:
        blocks: by pattern.
        videos: (N,) the number of each segment's video, by pattern; None where every video has a single segment.
        video_count: number of videos.
    """

    blocks: Mapping[PresencePattern, Block]
    videos: Mapping[PresencePattern, NDArray[np.intp]] | None
    video_count: int


class Gallery:
    """All vectors of a store in memory. A presence pattern is read again once it has changed in the store.

    May be shared by threads.

    Args:
        store: the store.
        spaces: dimension by space.
    """

    def __init__(self, store: Store, spaces: Mapping[str, int]) -> None:
        self._store = store
        self._spaces = spaces
        self._lock = Lock()
        self._versions: dict[PresencePattern, Hashable] = {}
        self._loaded = _Loaded({}, None, 0)

    def top(
        self,
        query: QueryVectors,
        k: int,
        *,
        where: Filter = EVERYTHING,
        correct: bool = False,
        versions: Mapping[PresencePattern, Hashable] | None = None,
    ) -> list[RankedVideo]:
        """Return the k best videos that a filter admits, best first. Equal scores are ordered by id.

        Scores in single precision select the candidates, scores in double precision rank them.

        Args:
            query: vectors in all spaces, and mixture weights.
            k: at most so many videos.
            where: the filter.
            correct: add the biases of the segments to their scores (see `teachtext.search.hubness`).
            versions: of the store, if the caller has read them already.
        """
        loaded = self._fresh(versions)
        rows, rough = self._rough(loaded, query, where, correct=correct)
        if loaded.videos is None:
            least = _kth(list(rough.values()), k)
        else:
            best = np.full(loaded.video_count, -np.inf, np.float32)
            for pattern, videos in loaded.videos.items():
                np.maximum.at(best, videos, rough[pattern])
            least = _kth([best], k)
        return _videos(_candidates(loaded.blocks, rows, rough, least), k)

    def top_segments(
        self,
        query: QueryVectors,
        k: int | None,
        *,
        where: Filter = EVERYTHING,
        correct: bool = False,
        least_score: float = -np.inf,
        versions: Mapping[PresencePattern, Hashable] | None = None,
    ) -> list[RankedSegment]:
        """Return the k best segments, or all, of the videos that a filter admits, best first; see `top`.

        Equal scores are ordered by id, then by start. Segments with a lower score than `least_score` are left out.
        """
        loaded = self._fresh(versions)
        rows, rough = self._rough(loaded, query, where, correct=correct)
        least = max(least_score, -np.inf if k is None else _kth(list(rough.values()), k))
        ranked = _candidates(loaded.blocks, rows, rough, least)[:k]
        return [segment for segment in ranked if segment.score >= least_score]

    def _rough(
        self, loaded: _Loaded, query: QueryVectors, where: Filter, *, correct: bool
    ) -> tuple[Mapping[PresencePattern, NDArray[np.float64]], Mapping[PresencePattern, Floats]]:
        """Return by pattern the query's row, and the scores in single precision."""
        rows = {pattern: query_row(query, pattern, self._spaces, correct=correct) for pattern in loaded.blocks}
        return rows, {
            pattern: _rough(block, rows[pattern].astype(np.float32), where) for pattern, block in loaded.blocks.items()
        }

    def _fresh(self, versions: Mapping[PresencePattern, Hashable] | None) -> _Loaded:
        versions = self._store.versions() if versions is None else versions
        with self._lock:
            if versions != self._versions:
                blocks = {}
                for pattern, version in versions.items():
                    if self._versions.get(pattern) == version and pattern in self._loaded.blocks:
                        blocks[pattern] = self._loaded.blocks[pattern]
                    elif read := list(self._store.read(pattern)):
                        blocks[pattern] = join(read)
                numbers, videos = numbered(blocks)
                row_count = sum(map(len, videos.values()))
                self._loaded = _Loaded(blocks, videos if row_count > len(numbers) else None, len(numbers))
                self._versions = dict(versions)
            return self._loaded


def numbered(
    blocks: Mapping[PresencePattern, Block],
) -> tuple[Mapping[str, int], Mapping[PresencePattern, NDArray[np.intp]]]:
    """Number the videos of blocks. Return the numbers by id, and by pattern the number of each segment's video."""
    numbers: dict[str, int] = {}
    return numbers, {
        pattern: np.array([numbers.setdefault(name, len(numbers)) for name in block.ids], np.intp)
        for pattern, block in blocks.items()
    }


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
        ranked = _videos(_ranked(near, scores), k)
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
    return _ranked(*_nearest(store, rows, max(_TIMES * k, _LEAST), where))[:k]


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


def _rough(block: Block, row: Floats, where: Filter) -> Floats:
    """Return scores in single precision, minus infinity for segments that the filter does not admit."""
    if not where:
        return np.asarray(block.rows @ row)
    admitted = block.admitted(where)
    scores = np.full(len(admitted), -np.inf, np.float32)
    # To copy a row costs several times as much as to multiply it.
    few = 4 * np.count_nonzero(admitted) < len(admitted)
    scores[admitted] = block.rows[admitted] @ row if few else (block.rows @ row)[admitted]
    return scores


def _kth(scores: Sequence[NDArray[np.float32]], k: int) -> float:
    """Return the k-th largest number; minus infinity where there are fewer numbers."""
    together = np.concatenate([np.zeros(0, np.float32), *scores])
    return float(np.partition(together, -k)[-k]) if len(together) >= k else -np.inf


def _candidates(
    blocks: Mapping[PresencePattern, Block],
    rows: Mapping[PresencePattern, NDArray[np.float64]],
    rough: Mapping[PresencePattern, Floats],
    least: float,
) -> list[RankedSegment]:
    """Return the segments whose score is at least a bound, or a little below the bound, best first."""
    near, scores = [], []
    for pattern, block in blocks.items():
        numbers = np.flatnonzero((rough[pattern] >= least - _MARGIN) & (rough[pattern] > -np.inf))
        ids = [block.ids[number] for number in numbers.tolist()]
        near.append(Nearest(ids, block.rows[numbers], block.start_s[numbers], block.end_s[numbers]))
        scores.append(exact_scores(near[-1].rows, rows[pattern]))
    return _ranked(near, scores)


def _ranked(near: Sequence[Nearest], scores: Sequence[NDArray[np.float64]]) -> list[RankedSegment]:
    """Return segments of several patterns with their scores, best first."""
    ids = [name for segments in near for name in segments.ids]
    starts = [start_s for segments in near for start_s in segments.start_s.tolist()]
    ends = [end_s for segments in near for end_s in segments.end_s.tolist()]
    together = np.concatenate([np.zeros(0), *scores])
    return [
        RankedSegment(ids[place], float(together[place]), starts[place], ends[place])
        for place in best_first(ids, together, starts)
    ]


def _videos(ranked: Sequence[RankedSegment], k: int) -> list[RankedVideo]:
    """Return the first k videos of segments that are ranked best first."""
    videos: dict[str, RankedVideo] = {}
    for segment in ranked:
        if len(videos) == k:
            break
        videos.setdefault(segment.id, RankedVideo(segment.id, segment.score))
    return list(videos.values())
