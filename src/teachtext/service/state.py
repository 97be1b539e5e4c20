"""What the API and the page both stand on: one index kept warm, its files, and the one writer that changes it."""

import heapq
import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from teachtext.errors import InputError, NotFound, Unavailable
from teachtext.search.captions import CaptionBank, RankedCaption
from teachtext.search.manifest import read_manifest
from teachtext.search.searcher import Answer, By, Searcher
from teachtext.search.stores.base import Store
from teachtext.search.types import EVERYTHING, Entry, Filter, Item
from teachtext.search.vectors import PresencePattern
from teachtext.service.media import file_of, has_file, thumbnail

# what one search may reach, pages together
DEEPEST = 1000
# videos on one page
SHOWN = 24


class Busy(InputError):
    """Somebody else is changing the index."""


class Library:
    """An index at work. May be shared by threads.

    Args:
        place: folder or URL of the index.
        model: folder of its model, if it was moved.
        exact: see `Searcher`.
        uploads: folder for uploaded videos, a root of the index like any other.
        features: folder in which features are kept.
        cache: folder for pictures of videos.
        captions: the bank from which videos are described (`describe`), if one was given.

    Raises:
        InputError: see `Searcher`.
    """

    def __init__(
        self,
        *,
        place: str | Path,
        model: Path | None = None,
        exact: bool | None = None,
        uploads: Path,
        features: Path,
        cache: Path,
        captions: Sequence[str] = (),
    ) -> None:
        self.searcher = Searcher(place, model=model, exact=exact)
        self.place = place
        self.uploads = uploads
        self.features = features
        self.has_captions = bool(captions)
        self._captions = captions
        self._cache = cache
        self.writing = threading.Lock()
        self._looking = threading.Lock()
        self._overview: tuple[Mapping[PresencePattern, Hashable], Overview] | None = None

    @cached_property
    def _bank(self) -> CaptionBank:
        return CaptionBank(self.searcher.model, self._captions)

    def warm(self) -> None:
        """Load what the first search would wait for.

        Raises:
            InputError: a package of the text encoder is not installed.
        """
        self.searcher.search("a video", k=1)
        if self.has_captions:
            _ = self._bank

    def count(self) -> int:
        """Return how many videos there are."""
        return self.searcher.store.count()

    def items(self) -> Iterator[Item]:
        """Yield all videos, without their moments."""
        return self.searcher.store.catalog()

    def overview(self) -> "Overview":
        """Return what there is; looked for anew only where the index has changed."""
        versions = self.searcher.store.versions()
        with self._looking:
            if self._overview is None or self._overview[0] != versions:
                self._overview = (versions, _overview(self.items()))
            return self._overview[1]

    def search(self, text: str, *, first: int, count: int, where: Filter = EVERYTHING, by: By = "both") -> Answer:
        """Return the videos found at the places from `first` (0 is the best) on; see `Searcher.search`."""
        _check_page(first, count)
        return _page(self.searcher.search(text, k=first + count, where=where, by=by), first)

    def like(self, item_id: str, *, first: int, count: int, where: Filter = EVERYTHING) -> Answer:
        """Return videos like one; see `Searcher.like`."""
        _check_page(first, count)
        return _page(self.searcher.like(item_id, k=first + count, where=where), first)

    def entry(self, item_id: str) -> Entry:
        """Return a video; see `Searcher.entry`."""
        return self.searcher.entry(item_id)

    def describe(self, item_id: str, captions: Sequence[str], k: int) -> list[RankedCaption]:
        """Return the captions that fit a video best, of those given, or of the bank."""
        if not captions and not self.has_captions:
            raise InputError("there are no captions to choose from", "send some, or start with --captions FILE")
        entry = self.entry(item_id)
        bank = CaptionBank(self.searcher.model, captions) if captions else self._bank
        return bank.rank(entry, k)

    def file(self, item_id: str) -> Path:
        """Return the file of a video of the index; see `file_of`."""
        return self._file(self.entry(item_id))

    def _file(self, entry: Entry) -> Path:
        manifest = read_manifest(self.searcher.store)
        try:
            return file_of(manifest, entry.item.id)
        except InputError as error:
            raise NotFound(error.problem, error.mend) from error

    def is_there(self, item_id: str) -> bool:
        """Say whether the file of a video of the index can be given out."""
        return has_file(read_manifest(self.searcher.store), item_id)

    def thumbnail(self, item_id: str, at_s: float | None = None) -> Path:
        """Return a picture of a video at some second, by default its middle."""
        entry = self.entry(item_id)
        item, path = entry.item, self._file(entry)
        length = item.duration_s or 0.0
        moment = length / 2 if at_s is None else min(at_s, length)
        return thumbnail(path, moment, self._cache / item.content)

    def missing(self) -> list[Item]:
        """Return the videos whose files are gone, sorted by id."""
        manifest = read_manifest(self.searcher.store)
        gone = [item for item in self.items() if not has_file(manifest, item.id)]
        return sorted(gone, key=lambda item: item.id)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove videos from the index; the file too where it was uploaded.

        Raises:
            NotFound: the index does not hold one of them.
            Busy: the index is being changed.
        """
        entries = [self.entry(item_id) for item_id in ids]
        manifest = read_manifest(self.searcher.store)
        paths = [manifest.path_of(entry.item.id) for entry in entries]
        if not self.writing.acquire(timeout=5):
            raise Busy("videos are being indexed", "try again when that is done")
        try:
            with _writing(self.searcher.store):
                for path in paths:
                    # the file first: an index without it offers it for removal, a file without an entry comes back
                    if self._is_upload(path):
                        path.unlink(missing_ok=True)
                self.searcher.store.remove(list(ids))
        finally:
            self.writing.release()

    def was_uploaded(self, item_id: str) -> bool:
        """Say whether the file of a video came by an upload, and goes with it."""
        return self._is_upload(read_manifest(self.searcher.store).path_of(item_id))

    def _is_upload(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.uploads.resolve())


class Overview(NamedTuple):
    """What an index holds: its newest videos (`SHOWN` at most), and all tags, sorted."""

    newest: Sequence[Item]
    tags: Sequence[str]


def _overview(items: Iterator[Item]) -> Overview:
    tags: set[str] = set()

    def tagged() -> Iterator[Item]:
        for item in items:
            tags.update(item.tags)
            yield item

    newest = heapq.nsmallest(SHOWN, tagged(), key=lambda item: (-item.added_s, item.id))
    return Overview(newest, sorted(tags))


@contextmanager
def _writing(store: Store) -> Iterator[None]:
    """Be the one writer; another process that writes is no fault of the store."""
    with ExitStack() as held:
        try:
            held.enter_context(store.writing())
        except Unavailable:
            raise
        except InputError as error:
            raise Busy(error.problem, error.mend) from error
        yield


def _check_page(first: int, count: int) -> None:
    if first < 0 or count < 1 or first + count > DEEPEST:
        raise InputError(
            f"results {first} to {first + count} cannot be shown",
            f"ask for 1 at least, of the first {DEEPEST:,}; narrow the search with filters",
        )


def _page(answer: Answer, first: int) -> Answer:
    return replace(answer, results=answer.results[first:])
