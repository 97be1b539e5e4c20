"""What the stores share that keep one table, or one partition, for each presence pattern. A row is a segment.

The segments of a video may have several patterns, so its rows may lie in several partitions. All rows of a video that
are written together carry one time of writing, and state how many they are. A store that replaces rows of several
partitions writes the new ones before it removes the old ones. Meanwhile a journal names these videos. As long as there
is a journal, also after a writer was killed, readers take of each such video the newest complete set of rows alone.
The next writer deletes the other rows, and then the journal.
"""

import math
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from textwrap import shorten
from typing import Any, ClassVar

from teachtext.errors import InputError, Unavailable
from teachtext.search.stores.base import StoreState
from teachtext.search.stores.rows import Row, Stamp, Stored, by_pattern, current_of, make_item
from teachtext.search.types import Entry, Item, Segment
from teachtext.search.vectors import Floats, PresencePattern, vectors_of

# ids in one query
_BATCH = 1000
# A reader asks so often for a video that a writer replaces meanwhile.
_ATTEMPTS = 3


class PartitionedStore(ABC):
    """Base of the stores (see `teachtext.search.stores.base.Store`).

    Attributes:
        place: folder or URL.
    """

    place: str
    _ERRORS: ClassVar[tuple[type[Exception], ...]]
    _MEND: ClassVar[str]
    # within `writing`: all videos; those whose rows are being changed; the time of the last writing
    _stored: dict[str, Stored] | None = None
    _open: set[str]
    _last: float

    @abstractmethod
    def manifest(self) -> dict[str, Any] | None:
        """Return the fields of the manifest; see `Store.manifest`."""

    @abstractmethod
    def state(self) -> StoreState:
        """Return all versions; see `Store.state`."""

    @abstractmethod
    def _patterns(self) -> Sequence[PresencePattern]:
        """Return the patterns that have a partition."""

    @abstractmethod
    def _stamps(self, pattern: PresencePattern, ids: Sequence[str] | None = None) -> Iterator[Stamp]:
        """Yield the stamp of every row of a pattern, or of every row of some videos."""

    @abstractmethod
    def _select(self, pattern: PresencePattern, ids: Sequence[str]) -> Iterable[tuple[Mapping[str, Any], Floats]]:
        """Return all columns but the vector, and the vector (width,), of every row of some videos in a pattern."""

    @abstractmethod
    def _first_rows(self, pattern: PresencePattern, ids: Sequence[str]) -> Iterable[Mapping[str, Any]]:
        """Return all columns but the vector of the first segments of some videos, where a pattern has them."""

    @abstractmethod
    def _words_of(self, columns: Mapping[str, Any]) -> Iterable[Sequence[Any]]:
        """Return the values of the moments of a first segment's row."""

    @abstractmethod
    def _count_rows(self, pattern: PresencePattern, *, first: bool) -> int:
        """Return the number of segments of a pattern, or of the first segments of videos."""

    @abstractmethod
    def _write(self, pattern: PresencePattern, rows: Sequence[Row], replaced: Collection[str]) -> None:
        """Write rows to the partition of their pattern, and remove from it all other rows of some videos."""

    @abstractmethod
    def _delete(self, pattern: PresencePattern, ids: Sequence[str], *, unless: float | None = None) -> None:
        """Delete the rows of some videos from a partition, but for those that were written at a time."""

    @abstractmethod
    def _journal(self) -> Sequence[str]:
        """Return the ids in the journal."""

    @abstractmethod
    def _keep_journal(self, ids: Sequence[str], patterns: Collection[PresencePattern]) -> None:
        """Write the journal: ids of videos, and the patterns that are changed. Delete it where there are no ids."""

    def _is_single(self, item_id: str) -> bool:
        """Return whether a stored video has a single segment. Only within `writing`."""
        assert self._stored is not None
        return self._stored[item_id].segments == 1

    def _is_one_commit(self, before: Stored, after: Stored) -> bool:
        """Return whether the rows of a video are replaced all at once."""
        return len(before.patterns | after.patterns) == 1

    def _note_change(self, patterns: Collection[PresencePattern]) -> None:  # noqa: B027
        """Give patterns a new version, in a store that does not do so by itself."""

    @cached_property
    def _spaces(self) -> Mapping[str, int]:
        """Dimension by space."""
        manifest = self.manifest()
        if manifest is None:
            raise InputError(f"{self.place} holds no index", "make one with 'teachtext index'")
        spaces: Mapping[str, int] = manifest["spaces"]
        return spaces

    def patterns(self) -> Sequence[PresencePattern]:
        """Return the patterns that have a partition; see `Store.patterns`."""
        with self._one_sentence():
            return self._patterns()

    def versions(self) -> Mapping[PresencePattern, Hashable]:
        """Return the version of each pattern; see `Store.versions`."""
        return self.state().versions

    def count(self) -> int:
        """Return the number of videos; see `Store.count`."""
        with self._one_sentence():
            return sum(self._count_rows(pattern, first=True) for pattern in self._patterns())

    def segment_count(self) -> int:
        """Return the number of segments; see `Store.segment_count`."""
        with self._one_sentence():
            return sum(self._count_rows(pattern, first=False) for pattern in self._patterns())

    def items(self, ids: Collection[str]) -> dict[str, Item]:
        """Return items by id; see `Store.items`."""
        with self._one_sentence():
            return {
                columns["id"]: make_item(columns, self._words_of(columns))
                for names in _batches(ids)
                for pattern in self._patterns()
                for columns in self._first_rows(pattern, names)
            }

    def get(self, ids: Collection[str]) -> dict[str, Entry]:
        """Return entries by id; see `Store.get`."""
        entries: dict[str, Entry] = {}
        with self._one_sentence():
            for names in _batches(ids):
                for _ in range(_ATTEMPTS):
                    whole, partial = self._get(names)
                    entries |= whole
                    names = partial
                    if not names:
                        break
        return entries

    def _get(self, ids: Sequence[str]) -> tuple[dict[str, Entry], list[str]]:
        """Return the entries of some ids, and the ids of which there are rows, but no complete set."""
        rows: dict[Stamp, dict[int, tuple[Mapping[str, Any], PresencePattern, Floats]]] = {}
        for pattern in self._patterns():
            for columns, vector in self._select(pattern, ids):
                stamp = columns["id"], columns["written"], columns["segments"]
                rows.setdefault(stamp, {})[columns["segment"]] = columns, pattern, vector
        current = current_of({stamp: len(by_number) for stamp, by_number in rows.items()})
        entries = {}
        for stamp, by_number in rows.items():
            name, written, segment_count = stamp
            if current.get(name) == written and len(by_number) == segment_count:
                first = by_number[0][0]
                segments = [self._segment(*by_number[number]) for number in sorted(by_number)]
                entries[name] = Entry(make_item(first, self._words_of(first)), segments)
        return entries, list({name: None for name, _, _ in rows if name not in current})

    def _segment(self, columns: Mapping[str, Any], pattern: PresencePattern, row: Floats) -> Segment:
        vectors, bias = vectors_of(row, pattern, self._spaces)
        return Segment(columns["start_s"], columns["end_s"], vectors, bias)

    def put(self, entries: Sequence[Entry]) -> None:
        """Add or replace entries; see `Store.put`."""
        assert self._stored is not None, "only within writing()"
        self._last = max(time.time(), math.nextafter(self._last, math.inf))
        rows: dict[PresencePattern, list[Row]] = {}
        after: dict[str, Stored] = {}
        for entry in {entry.item.id: entry for entry in entries}.values():
            for number, segment in enumerate(entry.segments):
                rows.setdefault(segment.pattern, []).append(Row(entry, number, self._last))
            patterns = frozenset(segment.pattern for segment in entry.segments)
            after[entry.item.id] = Stored(patterns, len(entry.segments))
        before = {name: self._stored[name] for name in after if name in self._stored}
        slow = {name for name, stored in after.items() if not self._is_one_commit(before.get(name, stored), stored)}
        changed = {*rows, *by_pattern(before, before)}
        with self._one_sentence():
            with self._changing(slow, after):
                for pattern, group in rows.items():
                    ids = {row.entry.item.id for row in group}
                    self._write(pattern, group, [name for name in ids & before.keys() if name not in slow])
                if slow:
                    self._note_change(changed)
                for pattern, names in by_pattern(before, slow).items():
                    self._delete(pattern, names, unless=self._last)
                self._stored.update(after)
            self._note_change(changed)

    def remove(self, ids: Collection[str]) -> None:
        """Remove entries; see `Store.remove`."""
        assert self._stored is not None, "only within writing()"
        before = {name: self._stored[name] for name in ids if name in self._stored}
        slow = {name for name, stored in before.items() if not self._is_one_commit(stored, stored)}
        groups = by_pattern(before, before)
        with self._one_sentence():
            with self._changing(slow, {}):
                for pattern, names in groups.items():
                    self._delete(pattern, names)
                for name in before:
                    del self._stored[name]
            self._note_change(groups)

    @contextmanager
    def _changing(self, ids: Collection[str], after: Mapping[str, Stored]) -> Iterator[None]:
        """Keep videos in the journal within the context, and after an error in it.

        Args:
            ids: of the videos.
            after: where they are to be stored.
        """
        assert self._stored is not None
        if not ids:
            yield
            return
        self._open |= set(ids)
        nowhere = Stored(frozenset(), 0)
        for name in ids:
            old, new = self._stored.get(name, nowhere), after.get(name, nowhere)
            # after an error the rows may lie anywhere
            self._stored[name] = Stored(old.patterns | new.patterns, old.segments + new.segments)
        self._keep_journal(sorted(self._open), by_pattern(self._stored, self._open))
        yield
        self._open -= set(ids)
        self._keep_journal(sorted(self._open), by_pattern(self._stored, self._open))

    def _unsettled(self) -> dict[float | None, list[str]]:
        """Return the ids in the journal by the time at which their newest complete rows were written."""
        unsettled: dict[float | None, list[str]] = {}
        for names in _batches(self._journal()):
            stamps = Counter(stamp for pattern in self._patterns() for stamp in self._stamps(pattern, names))
            current = current_of(stamps)
            for name in names:
                unsettled.setdefault(current.get(name), []).append(name)
        return unsettled

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Learn where every video is stored, for as long as the context lasts; delete rows that do not count."""
        with self._one_sentence():
            self._stored = self._settle()
        try:
            yield
        finally:
            self._stored = None

    def _settle(self) -> dict[str, Stored]:
        counts = {pattern: Counter(self._stamps(pattern)) for pattern in self._patterns()}
        together: Counter[Stamp] = Counter()
        for stamps in counts.values():
            together.update(stamps)
        current = current_of(together)
        stored: dict[str, Stored] = {}
        # there are few different values
        same: dict[Stored, Stored] = {}
        for pattern, stamps in counts.items():
            stale: dict[float | None, list[str]] = {}
            alone = frozenset({pattern})
            for name, written, segments in stamps:
                kept = current.get(name)
                if written == kept:
                    place = Stored(stored[name].patterns | alone if name in stored else alone, segments)
                    stored[name] = same.setdefault(place, place)
                else:
                    stale.setdefault(kept, []).append(name)
            for kept, names in stale.items():
                self._delete(pattern, names, unless=kept)
        self._open, self._last = set(), max(current.values(), default=0.0)
        if self._journal():
            self._keep_journal([], [])
        return stored

    @contextmanager
    def _one_sentence(self) -> Iterator[None]:
        """Turn an error of the store's library into one sentence."""
        try:
            yield
        except self._ERRORS as error:
            message = shorten(str(error), 200, placeholder=" ...")
            raise Unavailable(f"{self.place} cannot be used ({message})", self._MEND) from error


def _batches(ids: Collection[str]) -> Iterator[Sequence[str]]:
    names = list(dict.fromkeys(ids))
    for start in range(0, len(names), _BATCH):
        yield names[start : start + _BATCH]
