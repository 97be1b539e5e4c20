"""Entries that were read lately. Searches return the same videos again and again."""

from collections.abc import Collection, Hashable, Mapping
from threading import Lock

from teachtext.search.stores.base import Store
from teachtext.search.types import Entry
from teachtext.search.vectors import PresencePattern

# a segment takes a few kB
_MOST_SEGMENTS = 5000


class EntryCache:
    """Entries of a store, kept until the store changes. May be shared by threads.

    Args:
        store: where entries are read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._versions: Mapping[PresencePattern, Hashable] = {}
        self._entries: dict[str, Entry] = {}
        self._segments = 0

    def get(self, ids: Collection[str], versions: Mapping[PresencePattern, Hashable]) -> dict[str, Entry]:
        """Return entries by id, in the order of the ids. Ids that the store does not hold are left out.

        Args:
            ids: ids of entries.
            versions: of the store, read before this call. Entries of other versions are forgotten.
        """
        with self._lock:
            if versions != self._versions or self._segments > _MOST_SEGMENTS:
                self._entries, self._segments, self._versions = {}, 0, versions
            entries = self._entries
        missing = [name for name in ids if name not in entries]
        read = self._store.get(missing) if missing else {}
        with self._lock:
            entries.update(read)
            self._segments += sum(len(entry.segments) for entry in read.values())
            return {name: entries[name] for name in ids if name in entries}
