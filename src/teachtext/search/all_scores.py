"""The scores of queries and all videos of an index."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.gallery import numbered
from teachtext.search.stores.base import Store, join
from teachtext.search.vectors import query_row

# segments whose rows are converted to double precision at once
_ROWS = 1024


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
        numbers, videos = numbered(self._blocks)
        self.ids = sorted(numbers)
        column_of_number = np.empty(len(numbers), np.intp)
        column_of_number[[numbers[name] for name in self.ids]] = np.arange(len(numbers))
        self._columns = {pattern: column_of_number[of_rows] for pattern, of_rows in videos.items()}
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
                # the segments of a video side by side
                order = np.argsort(columns, kind="stable")
                videos, first = np.unique(columns[order], return_index=True)
                best = np.maximum.reduceat(products[:, order], first, axis=1)
                scores[:, videos] = np.maximum(scores[:, videos], best)
        return np.round(scores, 9)
