"""The k best videos or segments, exactly or nearly, from all vectors in memory."""

from collections.abc import Hashable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.ranking import RankedSegment, RankedVideo, first_videos, ranked_segments
from teachtext.search.stores.base import Block, Nearest, Store, join
from teachtext.search.vectors import Floats, PresencePattern, exact_scores, query_row

# Scores in single precision differ from those in double precision by less than half of this.
_MARGIN = 2e-4
# A search that is nearly exact looks at this many times k segments closely, and at least at this many.
_TIMES, _LEAST = 4, 200
# numbers in a group of which only the largest is looked at first
_GROUPED = 64
# scores of queries that are compared together, at most
_SCORES = 8_000_000


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


class Asked(NamedTuple):
    """A query for the k best videos.

    Attributes:
        query: vectors in all spaces, and mixture weights.
        k: at most so many videos.
        where: the filter.
    """

    query: QueryVectors
    k: int
    where: Filter = EVERYTHING


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
        self._read: tuple[Mapping[PresencePattern, Hashable], _Loaded] = {}, _Loaded({}, None, 0)
        self._prepared: Mapping[PresencePattern, Hashable] | None = None

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
        return self.top_all([Asked(query, k, where)], correct=correct, versions=versions)[0]

    def top_all(
        self,
        asked: Sequence[Asked],
        *,
        correct: bool = False,
        nearly: bool = False,
        versions: Mapping[PresencePattern, Hashable] | None = None,
    ) -> list[list[RankedVideo]]:
        """Return the best videos of several queries; see `top`. Queries without a filter share their products.

        With `nearly`, short rows select the candidates (see `teachtext.search.short_rows`).
        """
        loaded = self._fresh(versions)
        at_once = max(1, _SCORES // max(1, sum(len(block.ids) for block in loaded.blocks.values())))
        tops: list[list[RankedVideo]] = []
        for start in range(0, len(asked), at_once):
            together = asked[start : start + at_once]
            for each, rows, rough in zip(together, *self._rough(loaded, together, correct, nearly), strict=True):
                count = max(_TIMES * each.k, _LEAST) if nearly else each.k
                if loaded.videos is None:
                    least = _kth(list(rough.values()), count)
                else:
                    best = np.full(loaded.video_count, -np.inf, np.float32)
                    for pattern, videos in loaded.videos.items():
                        np.maximum.at(best, videos, rough[pattern])
                    least = _kth([best], count)
                tops.append(first_videos(_candidates(loaded.blocks, rows, rough, least), each.k))
        return tops

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
        [rows], [rough] = self._rough(loaded, [Asked(query, k or 0, where)], correct)
        least = max(least_score, -np.inf if k is None else _kth(list(rough.values()), k))
        ranked = _candidates(loaded.blocks, rows, rough, least)[:k]
        return [segment for segment in ranked if segment.score >= least_score]

    def prepare(self, versions: Mapping[PresencePattern, Hashable]) -> None:
        """Read all vectors, and make them ready for searches that are nearly exact."""
        for block in self._fresh(versions).blocks.values():
            _ = block.short
        self._prepared = versions

    def is_prepared(self, versions: Mapping[PresencePattern, Hashable]) -> bool:
        """Return whether these versions are in memory, and ready for searches that are nearly exact."""
        return self._prepared == versions == self._read[0]

    def _rough(
        self, loaded: _Loaded, asked: Sequence[Asked], correct: bool, nearly: bool = False
    ) -> tuple[list[dict[PresencePattern, NDArray[np.float64]]], list[dict[PresencePattern, Floats]]]:
        """Return for each query, by pattern, its row, and the scores in single precision."""
        rows = [
            {pattern: query_row(each.query, pattern, self._spaces, correct=correct) for pattern in loaded.blocks}
            for each in asked
        ]
        rough: list[dict[PresencePattern, Floats]] = [{} for _ in asked]
        everything = [number for number, each in enumerate(asked) if not each.where]
        for pattern, block in loaded.blocks.items():
            if everything:
                together = np.stack([rows[number][pattern] for number in everything]).astype(np.float32)
                for number, scores in zip(everything, _scores(block, together, nearly), strict=True):
                    rough[number][pattern] = scores
            for number, each in enumerate(asked):
                if each.where:
                    row = rows[number][pattern].astype(np.float32)
                    rough[number][pattern] = _admitted(block, row, each.where, nearly)
        return rows, rough

    def _fresh(self, versions: Mapping[PresencePattern, Hashable] | None) -> _Loaded:
        versions = self._store.versions() if versions is None else versions
        read_versions, loaded = self._read
        if versions == read_versions:
            return loaded
        with self._lock:
            read_versions, loaded = self._read
            if versions != read_versions:
                blocks = {}
                for pattern, version in versions.items():
                    if read_versions.get(pattern) == version and pattern in loaded.blocks:
                        blocks[pattern] = loaded.blocks[pattern]
                    elif read := list(self._store.read(pattern)):
                        blocks[pattern] = join(read)
                numbers, videos = numbered(blocks)
                row_count = sum(map(len, videos.values()))
                loaded = _Loaded(blocks, videos if row_count > len(numbers) else None, len(numbers))
                self._read = dict(versions), loaded
            return loaded


def numbered(
    blocks: Mapping[PresencePattern, Block],
) -> tuple[Mapping[str, int], Mapping[PresencePattern, NDArray[np.intp]]]:
    """Number the videos of blocks. Return the numbers by id, and by pattern the number of each segment's video."""
    numbers: dict[str, int] = {}
    return numbers, {
        pattern: np.array([numbers.setdefault(name, len(numbers)) for name in block.ids], np.intp)
        for pattern, block in blocks.items()
    }


def _scores(block: Block, queries: Floats, nearly: bool) -> Floats:
    """Return the scores of query rows, (queries, width), in single precision: (queries, segments)."""
    return block.short.scores(queries) if nearly and block.short is not None else np.asarray(queries @ block.rows.T)


def _admitted(block: Block, row: Floats, where: Filter, nearly: bool) -> Floats:
    """Return scores in single precision, minus infinity for segments that the filter does not admit."""
    admitted = block.admitted(where)
    scores = np.full(len(admitted), -np.inf, np.float32)
    # To copy a row costs several times as much as to multiply it.
    few = 4 * np.count_nonzero(admitted) < len(admitted) and not nearly
    scores[admitted] = block.rows[admitted] @ row if few else _scores(block, row[None], nearly)[0][admitted]
    return scores


def _kth(scores: Sequence[NDArray[np.float32]], k: int) -> float:
    """Return the k-th largest number; minus infinity where there are fewer numbers."""
    together = np.concatenate([np.zeros(0, np.float32), *scores])
    size = len(together) // _GROUPED
    if size > k:
        # k groups have a number at least as large as the k-th largest of the groups' maxima
        maxima = together[: size * _GROUPED].reshape(_GROUPED, size).max(axis=0)
        together = together[together >= np.partition(maxima, -k)[-k]]
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
    return ranked_segments(near, scores)
