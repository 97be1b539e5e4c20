"""What the API and the page share: an index with the files of its videos, and the one writer that changes it."""

import math
import threading
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anyio.to_thread import run_sync

from teachtext.errors import Busy, InputError, NotFound, Unwritable
from teachtext.search.answer import Answer
from teachtext.search.blend import identities_of
from teachtext.search.expansion import Expander
from teachtext.search.index_model import CLASS_NAMES
from teachtext.search.searcher import Searcher
from teachtext.search.stores.base import StoreState
from teachtext.search.types import Item
from teachtext.search.upkeep import change_tags, remove_videos
from teachtext.search.vectors import PresencePattern
from teachtext.service.examples import example_queries
from teachtext.service.like_files import LikeFiles
from teachtext.service.media import file_of, has_file
from teachtext.service.overview import Overview
from teachtext.service.picture_cache import PictureCache
from teachtext.service.pictures import Moment, Pictures, moment_of
from teachtext.service.playable import Playables, Playback
from teachtext.service.seen_names import SeenNames
from teachtext.service.titles import title_of

# the last result that a search can return, over all its pages
DEEPEST = 1000
# videos on one page
SHOWN = 24
# with more videos, the list of the index takes too long to read after every change
BROWSED_UP_TO = 20_000
# videos from which examples of queries are made, and examples that are captions of the query bank
_LOOKED_AT, _CAPTIONS = 60, 4
# seconds that a removal waits for another writer
_PATIENCE_S = 5.0


class Library:
    """An index with the files of its videos. May be shared by threads.

    Args:
        searcher: searches in the index.
        uploads: folder for uploaded videos, which is indexed like any other folder.
        features: folder for features.
        thumbnails: folder for pictures of videos.
        playable: folder for videos that are made for browsers; by default beside the pictures.
        playable_bytes: largest size of all of them.
        captions: captions that may describe a video.
        examples: queries that the page offers; by default it chooses some itself.
        expander: writes further queries for searches that ask for them.

    Attributes:
        searcher: searches in the index.
        uploads: folder for uploaded videos.
        features: folder for features.
        captions: the captions, embedded (see `Searcher.rank_captions`).
        seen: what the videos look like, in words.
        like_files: takes in files from outside that videos are to be like.
        expander: writes further queries; None where the service has no writer.
        writing: held while this process changes the index.

    Raises:
        InputError: a caption is empty.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        uploads: Path,
        features: Path,
        thumbnails: Path,
        playable: Path | None = None,
        playable_bytes: int = 4 * 2**30,
        captions: Sequence[str] = (),
        examples: Sequence[str] = (),
        expander: Expander | None = None,
    ) -> None:
        self.searcher = searcher
        self.uploads = uploads
        self.features = features
        self.captions = searcher.embed_captions(captions) if captions else {}
        self._offered = list(examples)
        self.expander = expander
        self.writing = threading.Lock()
        kinds = {identity["kind"] for identity in identities_of(searcher.manifest.model)}
        self.seen = SeenNames(features if CLASS_NAMES["kind"] in kinds else None)
        self.like_files = LikeFiles(searcher)
        self._pictures = Pictures(PictureCache(thumbnails))
        self._playables = Playables(playable or thumbnails.with_name("playable"), most_bytes=playable_bytes)
        self._reading = threading.Lock()
        self._examples: tuple[Mapping[PresencePattern, Hashable], list[str]] | None = None
        self._overview: tuple[StoreState, Overview] | None = None

    def count(self) -> int:
        """Return the number of videos."""
        return self.searcher.snapshot().video_count

    def overview(self, *, most: float = math.inf) -> Overview:
        """Return the videos of the index. Reads the whole index, but only if it has changed.

        Args:
            most: an index with more videos is not read, and gives a number of videos alone.
        """
        snapshot = self.searcher.snapshot()
        if snapshot.video_count > most:
            return Overview(snapshot.video_count, [])
        with self._reading:
            if self._overview is None or self._overview[0] != snapshot.state:
                items = sorted(self.searcher.store.catalog(), key=lambda item: (-item.added_s, item.id))
                groups = snapshot.manifest.copies or ()
                self._overview = (snapshot.state, Overview(snapshot.video_count, items, self._spoken, groups))
            return self._overview[1]

    def titled(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Return videos with titles that a person reads. The items may lack their moments."""
        entries = self.searcher.store.get([item.id for item in items])
        whole = [entries[item.id].item if item.id in entries else item for item in items]
        return [(item, self.title(item)) for item in whole]

    def title(self, item: Item) -> str:
        """Return the title of a video with its moments."""
        return title_of(item, self.searcher.snapshot().manifest.path_of(item.id), self.seen.of(item.id))

    def examples(self, most: int = 6) -> list[str]:
        """Return queries that this index can answer.

        They are those that were given to the library, if any; else captions of its query bank, if it has one; else what
        its newest videos look like. What is said in the videos comes after that.
        """
        if self._offered:
            return self._offered
        snapshot = self.searcher.snapshot()
        versions = snapshot.state.versions
        if self._examples is None or self._examples[0] != versions:
            overview = self.overview(most=BROWSED_UP_TO)
            some = overview.each_once(overview.items)[:_LOOKED_AT]
            entries = self.searcher.store.get([item.id for item in some])
            of_videos = example_queries([entry.item for entry in entries.values()], self.seen)
            self._examples = (versions, [*snapshot.manifest.examples[:_CAPTIONS], *of_videos])
        return self._examples[1][:most]

    def _spoken(self) -> Collection[str]:
        """Return the ids of the videos in which words were heard; a catalog has no words."""
        store = self.searcher.store
        blocks = (block for pattern in store.patterns() for block in store.read(pattern))
        return {name for block in blocks for name, spoken in zip(block.ids, block.has_speech, strict=True) if spoken}

    def file(self, item_id: str) -> Path:
        """Return the file of a video.

        Raises:
            NotFound: the index does not hold the video, or the file is gone.
        """
        return self._file(self.searcher.entry(item_id).item)

    def _file(self, item: Item) -> Path:
        try:
            return file_of(self.searcher.manifest, item)
        except InputError as error:
            raise NotFound(error.problem, error.mend) from error

    def has_file(self, item: Item) -> bool:
        """Return whether the file of a video of the index is there."""
        return has_file(self.searcher.snapshot().manifest, item)

    async def thumbnail(self, item_id: str, at_s: float | None = None) -> bytes:
        """Return a picture of a video, JPEG.

        Args:
            item_id: id of the video.
            at_s: seconds from the start; by default the middle.

        Raises:
            NotFound: the index does not hold the video, or the file is gone.
            InputError: the file shows no picture.
            Busy: too many pictures are being made.
        """
        moment, picture = await run_sync(self._kept_picture, item_id, at_s)
        return picture or await self._pictures.picture(moment)

    def _kept_picture(self, item_id: str, at_s: float | None) -> tuple[Moment, bytes | None]:
        item = self.searcher.entry(item_id).item
        moment = moment_of(self._file(item), item.content, item.duration_s, at_s)
        return moment, self._pictures.cache.read(moment.name)

    def playback(self, item_id: str) -> Playback:
        """Return how a browser can play a video; begin to make it playable if need be.

        Raises:
            NotFound: the index does not hold the video, or the file is gone.
            Busy: too many videos are being prepared.
        """
        item = self.searcher.entry(item_id).item
        return self._playables.playback(self._file(item), item.content, item.duration_s)

    def playback_file(self, item_id: str) -> Path:
        """Return the MP4 that was made of a video.

        Raises:
            NotFound: the index does not hold the video, or there is no MP4 yet.
        """
        path = self._playables.file(self.searcher.entry(item_id).item.content)
        if path is None:
            raise NotFound(
                f"no MP4 was made of '{item_id[:200]}' yet", "ask for its playback, and wait until it is ready"
            )
        return path

    def check_video(self, path: Path, name: str) -> None:
        """Check that a file is a video with pictures; see `Pictures.check_video`."""
        self._pictures.check_video(path, name)

    def close(self) -> None:
        """End the processes that make pictures and videos, and that look at files from outside."""
        self.like_files.close()
        self._playables.close()
        self._pictures.close()

    def missing(self) -> list[Item]:
        """Return the videos whose files are gone, sorted by id."""
        manifest = self.searcher.snapshot().manifest
        gone = [item for item in self.searcher.store.catalog() if not has_file(manifest, item)]
        return sorted(gone, key=lambda item: item.id)

    def remove(self, ids: Sequence[str]) -> None:
        """Remove videos from the index, with their pictures, features and words, and the files of uploaded ones.

        What another video of the same content needs is kept. A removal that failed can be repeated.

        Raises:
            NotFound: the index does not hold a video.
            Busy: the index is being changed.
            Unavailable: the features cannot be removed.
        """
        for item_id in ids:
            self.searcher.entry(item_id)
        if not self.writing.acquire(timeout=_PATIENCE_S):
            raise Busy("videos are being indexed", "try again when that is done")

        def remove_files(contents: Collection[str]) -> None:
            # a file without an entry would be indexed again, so the entries are removed later
            for item_id in ids:
                if self.was_uploaded(item_id):
                    self.searcher.manifest.path_of(item_id).unlink(missing_ok=True)
            for content in contents:
                self._pictures.remove(content)
                self._playables.remove(content)

        try:
            remove_videos(self.searcher.store, ids, self.features, before=remove_files, wait_s=_PATIENCE_S)
        except OSError as error:
            raise Unwritable(f"the file cannot be removed ({error.strerror})", "check the folder") from error
        finally:
            self.writing.release()
        self.searcher.forget_removed()

    def change_tags(self, item_id: str, *, add: Sequence[str], remove: Sequence[str]) -> None:
        """Add tags to a video, and remove tags.

        Raises:
            NotFound: the index does not hold the video.
            Busy: the index is being changed.
        """
        self.searcher.entry(item_id)
        if not self.writing.acquire(timeout=_PATIENCE_S):
            raise Busy("videos are being indexed", "try again when that is done")
        try:
            change_tags(self.searcher.store, [item_id], add=add, remove=remove, wait_s=_PATIENCE_S)
        finally:
            self.writing.release()

    def was_uploaded(self, item_id: str) -> bool:
        """Return whether the file of a video was uploaded. Such a file is removed together with the video."""
        return self.searcher.manifest.path_of(item_id).resolve().is_relative_to(self.uploads.resolve())


def depth(first: int, count: int) -> int:
    """Return how many results a search must return for a page of `count` results from place `first` (0 is the best).

    Raises:
        InputError: the page is empty, or goes beyond `DEEPEST`.
    """
    if first < 0 or count < 1 or first + count > DEEPEST:
        raise InputError(
            f"results {first} to {first + count} cannot be shown",
            f"ask for 1 at least, of the first {DEEPEST:,}; narrow the search with filters",
        )
    return first + count


def page(answer: Answer, first: int) -> Answer:
    """Return an answer without its results before place `first`."""
    return replace(answer, results=answer.results[first:])
