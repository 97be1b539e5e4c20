"""What the stores share that keep one table, or one partition, for each presence pattern.

An entry whose pattern has changed is written to its new partition before it is removed from its old one. If a writer
is killed between the two, both hold the entry; readers and the next writer keep the one that was written last.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from textwrap import shorten
from typing import Any, ClassVar

from teachtext.errors import InputError, Unavailable
from teachtext.search.stores.base import StoreState
from teachtext.search.types import Entry, Item, Moment
from teachtext.search.vectors import Floats, PresencePattern, vectors_of

# columns of an item without its moments
FACTS = ["id", "content", "made", "written", "added_s", "size", "duration_s", "tags"]
# ids in one query
_BATCH = 1000


class PartitionedStore(ABC):
    """Base of the stores (see `teachtext.search.stores.base.Store`).

    Attributes:
        place: folder or URL.
    """

    place: str
    _ERRORS: ClassVar[tuple[type[Exception], ...]]
    _MEND: ClassVar[str]
    # within `writing`: the pattern of every entry
    _pattern_by_id: dict[str, PresencePattern] | None = None

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
    def _written(self, pattern: PresencePattern) -> Iterator[tuple[str, float]]:
        """Yield the id of every entry of a pattern, and when it was written, in seconds since 1970."""

    @abstractmethod
    def _select(self, pattern: PresencePattern, ids: Sequence[str]) -> Iterable[tuple[float, Item, Floats]]:
        """Return when it was written, the item and the row (width,) of every entry of a pattern with one of the ids."""

    @abstractmethod
    def _write(self, pattern: PresencePattern, entries: Sequence[Entry], *, replaces: bool) -> None:
        """Write entries to the partition of their pattern; `replaces` is true if one of them is there already."""

    @abstractmethod
    def _delete(self, pattern: PresencePattern, ids: Sequence[str]) -> None:
        """Delete entries from the partition of a pattern."""

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

    def get(self, ids: Collection[str]) -> dict[str, Entry]:
        """Return entries by id; see `Store.get`."""
        entries: dict[str, Entry] = {}
        written: dict[str, float] = {}
        names = list(ids)
        with self._one_sentence():
            patterns = self._patterns() if names else []
            for start in range(0, len(names), _BATCH):
                for pattern in patterns:
                    for moment, item, row in self._select(pattern, names[start : start + _BATCH]):
                        if moment >= written.get(item.id, moment):
                            vectors, bias = vectors_of(row, pattern, self._spaces)
                            entries[item.id], written[item.id] = Entry(item, vectors, bias), moment
        return entries

    def put(self, entries: Sequence[Entry]) -> None:
        """Add or replace entries; see `Store.put`."""
        assert self._pattern_by_id is not None, "only within writing()"
        groups: dict[PresencePattern, dict[str, Entry]] = {}
        for entry in {entry.item.id: entry for entry in entries}.values():
            groups.setdefault(entry.pattern, {})[entry.item.id] = entry
        with self._one_sentence():
            for pattern, group in groups.items():
                before = self._by_pattern(group)
                self._write(pattern, list(group.values()), replaces=pattern in before)
                for other in before.keys() - {pattern}:
                    self._delete(other, before[other])
                self._pattern_by_id.update(dict.fromkeys(group, pattern))
                self._note_change({pattern, *before})

    def remove(self, ids: Collection[str]) -> None:
        """Remove entries; see `Store.remove`."""
        assert self._pattern_by_id is not None, "only within writing()"
        before = self._by_pattern(ids)
        with self._one_sentence():
            for pattern, names in before.items():
                self._delete(pattern, names)
                for name in names:
                    del self._pattern_by_id[name]
            self._note_change(before)

    def _by_pattern(self, ids: Iterable[str]) -> dict[PresencePattern, list[str]]:
        """Return those of some ids that are stored, by pattern."""
        assert self._pattern_by_id is not None
        groups: dict[PresencePattern, list[str]] = {}
        for name in dict.fromkeys(ids):
            if name in self._pattern_by_id:
                groups.setdefault(self._pattern_by_id[name], []).append(name)
        return groups

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Learn the pattern of every entry, for as long as the context lasts; delete the older one of two copies."""
        with self._one_sentence():
            self._pattern_by_id = self._settle()
        try:
            yield
        finally:
            self._pattern_by_id = None

    def _settle(self) -> dict[str, PresencePattern]:
        pattern_by_id: dict[str, PresencePattern] = {}
        written: dict[str, float] = {}
        for pattern in self._patterns():
            older: dict[PresencePattern, list[str]] = {}
            for name, moment in self._written(pattern):
                if name in pattern_by_id:
                    older.setdefault(pattern if moment < written[name] else pattern_by_id[name], []).append(name)
                if moment >= written.get(name, moment):
                    pattern_by_id[name], written[name] = pattern, moment
            for place, names in older.items():
                self._delete(place, names)
        return pattern_by_id

    @contextmanager
    def _one_sentence(self) -> Iterator[None]:
        """Turn an error of the store's library into one sentence."""
        try:
            yield
        except self._ERRORS as error:
            message = shorten(str(error), 200, placeholder=" ...")
            raise Unavailable(f"{self.place} cannot be used ({message})", self._MEND) from error


def make_item(columns: Mapping[str, Any], moments: Iterable[Sequence[Any]]) -> Item:
    """Return the item of a row. A length that is None or negative is unknown."""
    duration_s = columns["duration_s"]
    return Item(
        id=columns["id"],
        content=columns["content"],
        made=columns["made"],
        added_s=columns["added_s"],
        size=columns["size"],
        duration_s=None if duration_s is None or duration_s < 0 else duration_s,
        tags=tuple(columns["tags"]),
        moments=tuple(Moment(*values) for values in moments),
    )
