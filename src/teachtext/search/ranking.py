"""The k best of all: exactly, from all vectors in memory; or nearly, from what a store's vector indexes propose."""

from collections.abc import Hashable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.stores.base import Block, Store, join
from teachtext.search.types import EVERYTHING, Filter
from teachtext.search.vectors import Floats, PresencePattern, best_first, exact_scores, query_row

# scores in single precision are closer than half of this to those in double precision
_MARGIN = 2e-4
# candidates asked of a vector index, of each pattern: so many times k, but so many at least
_TIMES, _LEAST = 4, 40


class RankedVideo(NamedTuple):
    """A video that was found, and the score that it is ranked by."""

    id: str
    score: float


class Gallery:
    """All vectors of a store in memory; read again, pattern by pattern, where the store has changed.

    May be shared by threads.

    Args:
        store: it holds vectors of the spaces named.
        spaces: dimension by space.
    """

    def __init__(self, store: Store, spaces: Mapping[str, int]) -> None:
        self._store = store
        self._spaces = spaces
        self._lock = Lock()
        self._versions: dict[PresencePattern, Hashable] = {}
        self._blocks: dict[PresencePattern, Block] = {}

    def top(
        self, query: QueryVectors, k: int, *, where: Filter = EVERYTHING, correct: bool = False
    ) -> list[RankedVideo]:
        """Return the k best of all that a filter lets through, best first; equal scores go by id.

        In single precision it is found out which can be among them, in double precision which are.

        Args:
            query: in all spaces.
            k: how many; fewer where there are not so many.
            where: which videos are looked at.
            correct: add the biases of the videos to their scores (see `teachtext.search.hubness`).
        """
        blocks = self._fresh()
        rows = {pattern: query_row(query, pattern, self._spaces, correct=correct) for pattern in blocks}
        rough = {pattern: _rough(block, rows[pattern].astype(np.float32), where) for pattern, block in blocks.items()}
        least = _kth(list(rough.values()), k) - _MARGIN
        found: dict[PresencePattern, NDArray[np.intp]] = {
            pattern: np.flatnonzero((scores >= least) & (scores > -np.inf)) for pattern, scores in rough.items()
        }
        ids = [blocks[pattern].ids[number] for pattern, numbers in found.items() for number in numbers]
        exact = [exact_scores(blocks[pattern].rows[numbers], rows[pattern]) for pattern, numbers in found.items()]
        return _hits(ids, exact, k)

    def _fresh(self) -> Mapping[PresencePattern, Block]:
        with self._lock:
            versions = dict(self._store.versions())
            if versions != self._versions:
                blocks = {}
                for pattern, version in versions.items():
                    if self._versions.get(pattern) == version and pattern in self._blocks:
                        blocks[pattern] = self._blocks[pattern]
                    elif read := list(self._store.read(pattern)):
                        blocks[pattern] = join(read)
                self._blocks, self._versions = blocks, versions
            return self._blocks


def nearly_top(
    store: Store,
    spaces: Mapping[str, int],
    query: QueryVectors,
    k: int,
    *,
    where: Filter = EVERYTHING,
    correct: bool = False,
) -> list[RankedVideo]:
    """Return about the k best: a store's vector indexes propose some of each pattern, whose scores are then exact.

    Args:
        store: it holds vectors of the spaces named.
        spaces: dimension by space.
        query: in all spaces.
        k: how many; fewer where there are not so many.
        where: which videos are looked at.
        correct: see `Gallery.top`.
    """
    rows = {pattern: query_row(query, pattern, spaces, correct=correct) for pattern in store.patterns()}
    asked = {pattern: row.astype(np.float32) for pattern, row in rows.items()}
    proposed = store.nearest(asked, max(_TIMES * k, _LEAST), where)
    ids = [name for names, _ in proposed.values() for name in names]
    return _hits(ids, [exact_scores(found, rows[pattern]) for pattern, (_, found) in proposed.items()], k)


def _rough(block: Block, row: Floats, where: Filter) -> Floats:
    """Return scores in single precision; minus infinity of what a filter does not let through."""
    if not where:
        return np.asarray(block.rows @ row)
    through = block.lets(where)
    scores = np.full(len(through), -np.inf, np.float32)
    # taking rows out costs a few times what multiplying them does
    few = 4 * np.count_nonzero(through) < len(through)
    scores[through] = block.rows[through] @ row if few else (block.rows @ row)[through]
    return scores


def _kth(scores: Sequence[NDArray[np.float32]], k: int) -> float:
    """Return the k-th largest number; minus infinity where there are not so many."""
    together = np.concatenate([np.zeros(0, np.float32), *scores])
    return float(np.partition(together, -k)[-k]) if len(together) >= k else -np.inf


def _hits(ids: Sequence[str], scores: Sequence[NDArray[np.float64]], k: int) -> list[RankedVideo]:
    together = np.concatenate([np.zeros(0), *scores])
    found: dict[str, RankedVideo] = {}
    for place in best_first(ids, together):
        if len(found) == k:
            break
        # in two patterns only where a writer is busy, or was killed
        found.setdefault(ids[place], RankedVideo(ids[place], float(together[place])))
    return list(found.values())
