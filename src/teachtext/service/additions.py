"""Videos that are added by their path on the server, by their URL, or by looking at the indexed folders again."""

from collections.abc import Sequence
from pathlib import Path

from teachtext.errors import InputError
from teachtext.service.downloads import Downloads, NotAllowed
from teachtext.service.indexing_queue import IndexingJob
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads


class Additions:
    """Adds videos where the operator allows it.

    Args:
        library: the index.
        uploads: does the work.
        folders: whose videos and folders may be added by their path, besides the folders that are indexed already.
        downloads: fetches videos by their URL.
    """

    def __init__(self, library: Library, uploads: Uploads, *, folders: Sequence[Path], downloads: Downloads) -> None:
        self._library = library
        self._uploads = uploads
        self._folders = [folder.resolve() for folder in folders]
        self._downloads = downloads

    async def fetch(self, url: str, name: str | None) -> IndexingJob:
        """Fetch a video from another machine, and queue it as an upload.

        Raises:
            NotAllowed: videos are not fetched from there.
            InputError: there is no video.
        """
        name_there, pieces = await self._downloads.open(url)
        return await self._uploads.receive(name or name_there, pieces)

    def add(self, path: str) -> IndexingJob:
        """Queue a folder, or the indexed folder of a video.

        Raises:
            NotAllowed: the path lies in no folder that is allowed.
            InputError: nothing is there.
        """
        place = self._allowed(path)
        root = next((root for root in self._roots() if place.is_relative_to(root)), None)
        if root is None and not place.is_dir():
            raise InputError(
                "a single file of a folder that is not indexed cannot be added", "add its folder, or upload it"
            )
        # a folder inside an indexed folder is no folder of its own: its videos would be there twice
        return self._uploads.queue.look_at(root or place)

    def rescan(self) -> list[IndexingJob]:
        """Queue all indexed folders that are there."""
        return [self._uploads.queue.look_at(root) for root in self._roots() if root.is_dir()]

    def _roots(self) -> list[Path]:
        roots = map(Path, self._library.searcher.snapshot().manifest.roots.values())
        return sorted((root for root in roots if root != self._library.uploads.resolve()), key=str)

    def _allowed(self, path: str) -> Path:
        """Return a path without links, if it lies in a folder that is allowed. What lies elsewhere is not looked at."""
        refused = NotAllowed(
            "the path lies in no folder whose videos may be added",
            "give a whole path in an indexed folder, or have the operator allow the folder: serve --allow-folder",
        )
        if "\0" in path or not Path(path).is_absolute():
            raise refused
        try:
            place = Path(path).resolve()
        except (OSError, RuntimeError) as error:
            raise refused from error
        if not any(place.is_relative_to(folder) for folder in [*self._folders, *self._roots()]):
            raise refused
        if not place.exists():
            raise InputError("nothing is at this path", "check the path")
        return place
