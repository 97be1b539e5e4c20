"""Rows in a tenth of their dimensions, for a first look at all of them.

Vectors of videos lie close to a space of few dimensions, that of their leading principal directions. Scores in that
space are nearly those of the whole vectors, at a tenth of the cost. So they select candidates, whose scores are then
computed from the whole vectors. docs/decisions/0001-vector-stores.md says how many of the best are found that way.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# dimensions of short rows, as a share of the width, and at least
_SHARE, _LEAST = 0.1, 64
_ROWS_FROM = 4096
# the last columns, which have the bias and other vectors' ends, are kept as they are
_KEPT = 8
# rows that say what the directions are, and how often they are multiplied
_SAMPLE, _ROUNDS = 5000, 4


class ShortRows:
    """Rows of one presence pattern in fewer dimensions.

    Args:
        rows: (N, width), see `teachtext.search.vectors`.

    Example:
        >>> line = np.outer(np.arange(4), np.ones(200)).astype(np.float32)
        >>> ShortRows(line).scores(np.ones((1, 200), np.float32)).round().tolist()
        [[0.0, 200.0, 400.0, 600.0]]
    """

    def __init__(self, rows: Floats) -> None:
        count = max(_LEAST, round(_SHARE * rows.shape[1] / _KEPT) * _KEPT) - _KEPT
        self._directions = _leading(rows[:: max(1, len(rows) // _SAMPLE), :-_KEPT], count)
        self._rows = self._shortened(rows)

    @staticmethod
    def pay(rows: Floats) -> bool:
        """Return whether a search of these rows becomes much faster."""
        return len(rows) >= _ROWS_FROM and rows.shape[1] >= 2 * _LEAST

    def scores(self, queries: Floats) -> Floats:
        """Return the scores of query rows, (queries, width), and all rows: (queries, N), nearly."""
        return np.asarray(self._shortened(queries) @ self._rows.T)

    def _shortened(self, rows: Floats) -> Floats:
        return np.concatenate([rows[:, :-_KEPT] @ self._directions, rows[:, -_KEPT:]], axis=1)


def _leading(sample: Floats, count: int) -> Floats:
    """Return the first principal directions of vectors around zero, (dims, count), by subspace iteration."""
    directions = np.random.default_rng(0).standard_normal((sample.shape[1], count), np.float32)
    for _ in range(_ROUNDS):
        directions = np.linalg.qr(sample.T @ (sample @ directions))[0]
    return np.ascontiguousarray(directions, np.float32)
