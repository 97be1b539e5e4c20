"""What all stores of an index have in common: the interface, and blocks of segments in memory."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.short_rows import ShortRows
from teachtext.search.types import Entry, Item
from teachtext.search.vectors import Floats, PresencePattern

# entries that are read at once; entries, or segments, from which a group is full
_FILMS, _ENTRIES, _SEGMENTS = 16, 256, 2048


@dataclass(frozen=True)
class Block:
    """N segments of one presence pattern: their rows, their places, and the facts of their videos that filters read.

    Attributes:
        ids: N ids of videos; a video with several segments of the pattern stands here several times.
        rows: (N, width), see `teachtext.search.vectors`.
        start_s: (N,) seconds from the first picture of the video.
        end_s: (N,) seconds from the first picture of the video.
        duration_s: (N,) seconds; NaN where the length is unknown.
        added_s: (N,) seconds since 1970.
        has_speech: (N,) bool.
        tags: N collections of tags.
    """

    ids: Sequence[str]
    rows: Floats
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    added_s: NDArray[np.float64]
    has_speech: NDArray[np.bool_]
    tags: Sequence[Sequence[str]]

    def admitted(self, where: Filter) -> NDArray[np.bool_]:
        """Return the segments whose videos a filter admits, (N,) bool; the same as `Filter.admits` for each video."""
        mask = np.ones(len(self.ids), bool)
        with np.errstate(invalid="ignore"):
            for name, sign, bound in where.bounds:
                values = getattr(self, name)
                mask &= values >= bound if sign == ">=" else values <= bound
        if where.has_speech is not None:
            mask &= self.has_speech == where.has_speech
        for tag in where.tags:
            mask &= self._mask(self._tagged.get(tag, []))
        if where.ids is not None:
            mask &= self._mask([row for name in where.ids for row in self._rows_by_id.get(name, [])])
        mask[[row for name in where.without for row in self._rows_by_id.get(name, [])]] = False
        return mask

    @cached_property
    def short(self) -> ShortRows | None:
        """The rows in fewer dimensions; None where that saves little."""
        return ShortRows(self.rows) if ShortRows.pay(self.rows) else None

    def _mask(self, rows: Sequence[int]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.ids), bool)
        mask[rows] = True
        return mask

    @cached_property
    def _tagged(self) -> Mapping[str, Sequence[int]]:
        """Rows by a tag of their video."""
        return _rows_by(self.tags)

    @cached_property
    def _rows_by_id(self) -> Mapping[str, Sequence[int]]:
        return _rows_by([[name] for name in self.ids])


def _rows_by(keys: Sequence[Sequence[str]]) -> Mapping[str, Sequence[int]]:
    """Return the numbers of rows by key, where every row has several keys."""
    rows: dict[str, list[int]] = {}
    for row, names in enumerate(keys):
        for name in names:
            rows.setdefault(name, []).append(row)
    return rows


def join(blocks: list[Block]) -> Block:
    """Join blocks of one pattern, at least one. Empties the list, so that memory holds the rows about once."""
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
        np.concatenate([block.start_s for block in light]),
        np.concatenate([block.end_s for block in light]),
        np.concatenate([block.duration_s for block in light]),
        np.concatenate([block.added_s for block in light]),
        np.concatenate([block.has_speech for block in light]),
        [tags for block in light for tags in block.tags],
    )


class Nearest(NamedTuple):
    """Segments near a query: n ids of videos, rows (n, width), and (n,) starts and ends in seconds."""

    ids: Sequence[str]
    rows: Floats
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]


class StoreState(NamedTuple):
    """What a reader compares to learn whether an index has changed.

    Attributes:
        manifest: differs once the manifest was written again.
        versions: by presence pattern, differs once an entry of the pattern has changed.
    """

    manifest: Hashable
    versions: Mapping[PresencePattern, Hashable]


class Store(Protocol):
    """Entries by id, and the manifest of an index. One process may write while many read.

    Every call reads the present state. An entry is stored with all its segments or not at all, even if a writer is
    killed. Every call raises Unavailable where the place cannot be used: damaged, down, full.

    Attributes:
        place: folder or URL.
    """

    place: str

    def manifest(self) -> dict[str, Any] | None:
        """Return the fields of the manifest; None where there is no index."""
        ...

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest: JSON-able, with `spaces`, the dimension by space. The first call makes the index."""
        ...

    def writing(self, wait_s: float = 0.0) -> AbstractContextManager[None]:
        """Be the one writer within the context. Repairs what a killed writer left.

        Raises:
            Busy: another writer is at work for more than `wait_s` seconds.
        """
        ...

    def state(self) -> StoreState:
        """Return the versions of the manifest and of all patterns, at the cost of one request."""
        ...

    def patterns(self) -> Sequence[PresencePattern]:
        """Return the presence patterns that have entries, or had some."""
        ...

    def versions(self) -> Mapping[PresencePattern, Hashable]:
        """Return the version of each pattern (see `StoreState`)."""
        ...

    def count(self) -> int:
        """Return the number of videos."""
        ...

    def segment_count(self) -> int:
        """Return the number of segments of all videos."""
        ...

    def catalog(self) -> Iterator[Item]:
        """Yield every item once, without its moments."""
        ...

    def read(self, pattern: PresencePattern) -> Iterator[Block]:
        """Yield all segments of a pattern."""
        ...

    def items(self, ids: Collection[str]) -> dict[str, Item]:
        """Return items by id, with their moments. Ids that the store does not hold are left out."""
        ...

    def get(self, ids: Collection[str]) -> dict[str, Entry]:
        """Return entries by id, with their moments. Ids that the store does not hold are left out."""
        ...

    def put(self, entries: Sequence[Entry]) -> None:
        """Add entries, or replace the entries with their ids. Only within `writing`."""
        ...

    def remove(self, ids: Collection[str]) -> None:
        """Remove entries. Ids that the store does not hold are passed over. Only within `writing`."""
        ...

    def nearest(
        self, queries: Mapping[PresencePattern, Floats], k: int, where: Filter = EVERYTHING
    ) -> Mapping[PresencePattern, Nearest]:
        """Return, for each pattern, about the k admitted segments with the largest inner product with a query row.

        Args:
            queries: query row (width,) by pattern.
            k: so many segments of each pattern; fewer only where the pattern has no more that are admitted.
            where: the filter.

        Returns:
            Segments by pattern, in no particular order.
        """
        ...

    def tidy(self) -> None:
        """Compact, forget old versions, bring vector indexes up to date. Only within `writing`."""
        ...


def entries_in_groups(store: Store, ids: Sequence[str]) -> Iterator[list[Entry]]:
    """Yield entries by id, in groups whose vectors fit into memory however long the videos are.

    Args:
        store: the store.
        ids: of the entries. Ids that the store does not hold are left out.
    """
    group: list[Entry] = []
    for start in range(0, len(ids), _FILMS):
        group += store.get(ids[start : start + _FILMS]).values()
        if len(group) >= _ENTRIES or sum(len(entry.segments) for entry in group) >= _SEGMENTS:
            yield group
            group = []
    if group:
        yield group
