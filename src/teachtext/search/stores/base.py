"""What every store of an index is."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from teachtext.search.types import EVERYTHING, Entry, Filter, Item
from teachtext.search.vectors import Floats, PresencePattern


@dataclass(frozen=True)
class Block:
    """N videos of one pattern: what filters ask for, and their rows.

    Attributes:
        ids: N ids.
        rows: (N, width), see `teachtext.search.vectors`.
        durations_s: (N,); NaN where a video does not tell.
        added_s: (N,).
        has_speech: (N,) bool.
        tags: of each.
    """

    ids: Sequence[str]
    rows: Floats
    durations_s: NDArray[np.float64]
    added_s: NDArray[np.float64]
    has_speech: NDArray[np.bool_]
    tags: Sequence[Sequence[str]]

    def lets(self, where: Filter) -> NDArray[np.bool_]:
        """Return which videos a filter lets through, (N,) bool."""
        through = np.ones(len(self.ids), bool)
        with np.errstate(invalid="ignore"):
            for bound, least, values in (
                (where.shortest_s, True, self.durations_s),
                (where.longest_s, False, self.durations_s),
                (where.added_from_s, True, self.added_s),
                (where.added_until_s, False, self.added_s),
            ):
                if bound is not None:
                    through &= values >= bound if least else values <= bound
        if where.has_speech is not None:
            through &= self.has_speech == where.has_speech
        for tag in where.tags:
            through &= self._mask(self._tagged.get(tag, []))
        if where.ids is not None:
            through &= self._mask([self._places[name] for name in where.ids if name in self._places])
        return through

    def _mask(self, places: Sequence[int]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.ids), bool)
        mask[places] = True
        return mask

    @cached_property
    def _tagged(self) -> Mapping[str, Sequence[int]]:
        """Places of the videos with each tag."""
        found: dict[str, list[int]] = {}
        for place, tags in enumerate(self.tags):
            for tag in tags:
                found.setdefault(tag, []).append(place)
        return found

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Place of each id."""
        return {name: place for place, name in enumerate(self.ids)}


def join(blocks: list[Block]) -> Block:
    """Join blocks of one pattern, at least one; the list is empty afterwards, so that rows are in memory about once."""
    ends = np.cumsum([len(block.ids) for block in blocks])
    rows = np.empty((ends[-1], blocks[0].rows.shape[1]), np.float32)
    light = []
    for end in reversed(ends):
        block = blocks.pop()
        rows[end - len(block.ids) : end] = block.rows
        light.append(replace(block, rows=rows[:0]))
    light.reverse()
    return Block(
        [name for block in light for name in block.ids],
        rows,
        np.concatenate([block.durations_s for block in light]),
        np.concatenate([block.added_s for block in light]),
        np.concatenate([block.has_speech for block in light]),
        [tags for block in light for tags in block.tags],
    )


class Store(Protocol):
    """Entries by id, and what the index is (`manifest`). One process may write while many read.

    Every call reads what is there now. An entry is there whole or not at all, whenever a writer is killed. All calls
    raise Unavailable where the place cannot be used: damaged, down, full.

    Attributes:
        place: folder or URL.
    """

    place: str

    def manifest(self) -> dict[str, Any] | None:
        """Return what `write_manifest` was told last; None where there is no index."""
        ...

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Keep what the index is: JSON-able, with `spaces`, the dimension by space. The first time makes the index."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Be the one writer, inside; mend what a writer that was killed left.

        Raises:
            InputError: somebody else is.
        """
        ...

    def patterns(self) -> Sequence[PresencePattern]:
        """Return the patterns that have entries, or had some."""
        ...

    def versions(self) -> Mapping[PresencePattern, Hashable]:
        """Return something for each pattern that differs once any of its entries has changed."""
        ...

    def count(self) -> int:
        """Return how many entries there are."""
        ...

    def catalog(self) -> Iterator[Item]:
        """Yield all items, without their moments."""
        ...

    def read(self, pattern: PresencePattern) -> Iterator[Block]:
        """Yield all entries of a pattern."""
        ...

    def get(self, ids: Collection[str]) -> dict[str, Entry]:
        """Return entries, with their moments, by id; those that are not there are left out."""
        ...

    def put(self, entries: Sequence[Entry]) -> None:
        """Add entries, or replace those with their ids, each at once. Only inside `writing`."""
        ...

    def remove(self, ids: Collection[str]) -> None:
        """Remove entries; those that are not there are passed over. Only inside `writing`."""
        ...

    def nearest(
        self, asked: Mapping[PresencePattern, Floats], k: int, where: Filter = EVERYTHING
    ) -> Mapping[PresencePattern, tuple[Sequence[str], Floats]]:
        """Find of each pattern about the k entries, of those let through, whose inner product with a row is largest.

        Args:
            asked: by pattern, the row (width,).
            k: how many of each.
            where: which are looked at.

        Returns:
            By pattern ids and rows (at most k, width), in no order that counts.
        """
        ...

    def tidy(self) -> None:
        """Compact, forget old versions, bring vector indexes up to date. Only inside `writing`."""
        ...
