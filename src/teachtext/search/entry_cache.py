"""Entries that were found lately, for what is found once is found again."""

from collections.abc import Collection, Hashable, Mapping
from threading import Lock

from teachtext.search.stores.base import Store
from teachtext.search.types import Entry
from teachtext.search.vectors import PresencePattern

# a few kB each
_MOST = 5000


class EntryCache:
    """Entries of a store, kept until it changes. May be shared by threads.

    Args:
        store: where they come from.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._versions: Mapping[PresencePattern, Hashable] = {}
        self._kept: dict[str, Entry] = {}

    def get(self, ids: Collection[str], versions: Mapping[PresencePattern, Hashable]) -> dict[str, Entry]:
        """Return entries by id, in the order of the ids; unknown ids are left out.

        Args:
            ids: of entries.
            versions: of the store, read before this is called: what was kept of other ones is forgotten.
        """
        with self._lock:
            if versions != self._versions or len(self._kept) > _MOST:
                self._kept, self._versions = {}, versions
            kept = self._kept
        unknown = [name for name in ids if name not in kept]
        read = self._store.get(unknown) if unknown else {}
        with self._lock:
            kept.update(read)
            return {name: kept[name] for name in ids if name in kept}
