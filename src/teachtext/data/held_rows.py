"""The values of a feature file in memory: a training reads every item many times, and a batch of items at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.shard import Shard


@dataclass(frozen=True)
class HeldRows:
    """The values of the first shards of a feature file, one shard after the other.

    Attributes:
        values: (rows, D).
        begins: (items,) the first row of each item, shard by shard.
        counts: (items,) the number of rows of each item.
        first_items: the number of the first item of each shard.
    """

    values: NDArray[Any]
    begins: NDArray[np.int64]
    counts: NDArray[np.int64]
    first_items: Sequence[int]

    @classmethod
    def of(cls, shards: Sequence[Shard], earlier: "HeldRows | None" = None) -> "HeldRows":
        """Read shards, but for those that were held earlier.

        Raises:
            InputError: a file was changed or removed since it was opened.
        """
        new = shards[len(earlier.first_items) if earlier else 0 :]
        parts = [*([earlier.values] if earlier else []), *(shard.rows(0, int(shard.offsets[-1])) for shard in new)]
        first_rows = accumulate((int(shard.offsets[-1]) for shard in shards), initial=0)
        first_items = list(accumulate((len(shard.ids) for shard in shards), initial=0))
        return cls(
            values=parts[0] if len(parts) == 1 else np.concatenate(parts),
            begins=np.concatenate([row + shard.offsets[:-1] for row, shard in zip(first_rows, shards, strict=False)]),
            counts=np.concatenate([np.diff(shard.offsets) for shard in shards]),
            first_items=first_items[:-1],
        )

    def holds(self, shard: int) -> bool:
        """Return whether a shard, by its number, is held."""
        return shard < len(self.first_items)

    def read(self, places: Sequence[tuple[int, int]], max_rows: int | None) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the rows of items, one item after the other, and the number of rows of each, (N,).

        Args:
            places: by item, the number of the shard and of the item in that shard.
            max_rows: the most rows of an item; None reads all rows.
        """
        items = np.array([self.first_items[shard] + item for shard, item in places], np.int64)
        begins, counts = self.begins[items], self.counts[items]
        if max_rows is not None:
            counts = np.minimum(counts, max_rows)
        # of each row that is read: how far it lies behind the first row of its item
        steps = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        return self.values[np.repeat(begins, counts) + steps], counts
