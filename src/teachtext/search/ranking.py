"""The k best videos: exactly, from all vectors in memory; or nearly, from candidates of a store's vector indexes."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.stores.base import Block, Store, join
from teachtext.search.vectors import Floats, PresencePattern, best_first, exact_scores, query_row

# Scores in single precision differ from those in double precision by less than half of this.
_MARGIN = 2e-4
# videos whose rows are converted to double precision at once
_ROWS = 1024
# A vector index returns this many times k candidates of each pattern, and at least this many.
_TIMES, _LEAST = 4, 40


class RankedVideo(NamedTuple):
    """The id of a video, and the score by which it is ranked."""

    id: str
    score: float


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
        self._blocks: dict[PresencePattern, Block] = {}

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
            correct: add the biases of the videos to their scores (see `teachtext.search.hubness`).
            versions: of the store, if the caller has read them already.
        """
        blocks = self._fresh(self._store.versions() if versions is None else versions)
        rows = {pattern: query_row(query, pattern, self._spaces, correct=correct) for pattern in blocks}
        rough = {pattern: _rough(block, rows[pattern].astype(np.float32), where) for pattern, block in blocks.items()}
        least = _kth(list(rough.values()), k) - _MARGIN
        candidates: dict[PresencePattern, NDArray[np.intp]] = {
            pattern: np.flatnonzero((scores >= least) & (scores > -np.inf)) for pattern, scores in rough.items()
        }
        ids = [blocks[pattern].ids[number] for pattern, numbers in candidates.items() for number in numbers]
        exact = [exact_scores(blocks[pattern].rows[numbers], rows[pattern]) for pattern, numbers in candidates.items()]
        return _ranked(ids, exact, k)

    def _fresh(self, versions: Mapping[PresencePattern, Hashable]) -> Mapping[PresencePattern, Block]:
        with self._lock:
            if versions != self._versions:
                blocks = {}
                for pattern, version in versions.items():
                    if self._versions.get(pattern) == version and pattern in self._blocks:
                        blocks[pattern] = self._blocks[pattern]
                    elif read := list(self._store.read(pattern)):
                        blocks[pattern] = join(read)
                self._blocks, self._versions = blocks, dict(versions)
            return self._blocks


class AllScores:
    """The scores of queries and all videos of a store, in double precision, with hubs corrected as a search does.

    Reads the store once.

    Args:
        store: the store.
        spaces: dimension by space.
        hubs: ids of the videos that correct a query if they come first.

    Attributes:
        ids: of all N videos, sorted.
    """

    def __init__(self, store: Store, spaces: Mapping[str, int], hubs: Collection[str]) -> None:
        read = {pattern: list(store.read(pattern)) for pattern in store.patterns()}
        self._spaces = spaces
        self._blocks = {pattern: join(blocks) for pattern, blocks in read.items() if blocks}
        self.ids = sorted({name for block in self._blocks.values() for name in block.ids})
        column_of = {name: column for column, name in enumerate(self.ids)}
        self._columns = {
            pattern: np.array([column_of[name] for name in block.ids]) for pattern, block in self._blocks.items()
        }
        listed = set(hubs)
        self._is_hub = np.array([name in listed for name in self.ids], bool)

    def of(self, queries: Sequence[QueryVectors]) -> NDArray[np.float64]:
        """Return the scores of C queries, (C, N), to 9 digits: what differs by less is equal in a search too."""
        scores = self._scores(queries, correct=False)
        # dynamic QB-Norm, as in `Searcher`
        rows = np.flatnonzero(self._is_hub[scores.argmax(axis=1)]).tolist()
        if rows:
            scores[rows] = self._scores([queries[row] for row in rows], correct=True)
        return scores

    def _scores(self, queries: Sequence[QueryVectors], *, correct: bool) -> NDArray[np.float64]:
        scores = np.full((len(queries), len(self.ids)), -np.inf)
        for pattern, block in self._blocks.items():
            rows = np.stack([query_row(query, pattern, self._spaces, correct=correct) for query in queries])
            for start in range(0, len(block.ids), _ROWS):
                columns = self._columns[pattern][start : start + _ROWS]
                products = rows @ block.rows[start : start + _ROWS].astype(np.float64).T
                # a video that stands in two patterns has its better score
                scores[:, columns] = np.maximum(scores[:, columns], products)
        return np.round(scores, 9)


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
    """Return about the k best videos. The store's vector indexes return candidates, whose scores are then exact.

    Args:
        store: the store.
        spaces: dimension by space.
        query: vectors in all spaces, and mixture weights.
        k: at most so many videos.
        where: the filter.
        correct: see `Gallery.top`.
        patterns: of the store, if the caller has read them already.
    """
    patterns = store.patterns() if patterns is None else patterns
    rows = {pattern: query_row(query, pattern, spaces, correct=correct) for pattern in patterns}
    queries = {pattern: row.astype(np.float32) for pattern, row in rows.items()}
    candidates = store.nearest(queries, max(_TIMES * k, _LEAST), where)
    ids = [name for names, _ in candidates.values() for name in names]
    return _ranked(ids, [exact_scores(near, rows[pattern]) for pattern, (_, near) in candidates.items()], k)


def _rough(block: Block, row: Floats, where: Filter) -> Floats:
    """Return scores in single precision, minus infinity for videos that the filter does not admit."""
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


def _ranked(ids: Sequence[str], scores: Sequence[NDArray[np.float64]], k: int) -> list[RankedVideo]:
    together = np.concatenate([np.zeros(0), *scores])
    ranked: dict[str, RankedVideo] = {}
    for place in best_first(ids, together):
        if len(ranked) == k:
            break
        # A video stands in two patterns while a writer moves it, or after a writer was killed.
        ranked.setdefault(ids[place], RankedVideo(ids[place], float(together[place])))
    return list(ranked.values())
