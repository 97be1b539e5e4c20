"""Vectors that are read into memory in the background, so that no search waits for them."""

import threading
import time
from collections.abc import Hashable, Mapping
from contextlib import suppress

from teachtext.errors import InputError
from teachtext.search.gallery import Gallery
from teachtext.search.vectors import PresencePattern

# reading takes at most this share of the time while a writer changes the index again and again
_SHARE = 0.1


class BackgroundReader:
    """Reads the vectors of an index in the background, from the second search of a process on.

    A process that searches once, such as a command, reads nothing. May be shared by threads.

    Args:
        gallery: reads the vectors.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._lock = threading.Lock()
        self._is_first = True
        self._is_reading = False
        self._not_before = 0.0

    def is_ready(self, versions: Mapping[PresencePattern, Hashable]) -> bool:
        """Return whether the vectors are in memory. If not, they are being read soon.

        Args:
            versions: of the store, as this search reads it.
        """
        if self._gallery.is_prepared(versions):
            return True
        with self._lock:
            if not (self._is_first or self._is_reading) and time.monotonic() >= self._not_before:
                self._is_reading = True
                threading.Thread(target=self._read, args=(versions,)).start()
            self._is_first = False
        return False

    def _read(self, versions: Mapping[PresencePattern, Hashable]) -> None:
        begin = time.monotonic()
        try:
            # what is wrong with the store is said by the search itself
            with suppress(InputError):
                self._gallery.prepare(versions)
        finally:
            end = time.monotonic()
            self._not_before = end + (end - begin) * (1 / _SHARE - 1)
            self._is_reading = False
