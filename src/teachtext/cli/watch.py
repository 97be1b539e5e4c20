"""`teachtext index --watch`: which files of a folder have changed, and which are still being written."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from teachtext.data.video_files import list_video_files
from teachtext.search.subtitles import subtitle_files

LOOK_S = 5.0
"""Seconds between two looks at the folder."""
_STILL_S = 10.0


class FileState(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    changed_ns: int


class View(NamedTuple):
    """The video files of a folder at one moment, by their path in the folder, and their subtitles, by their path.

    Attributes:
        still: those that have not changed for some time.
        growing: the others, which may be half written.
    """

    still: Mapping[str, FileState]
    growing: Sequence[str]

    def differs(self, indexed: Mapping[str, FileState]) -> bool:
        """Return whether there is something to index: a new or changed file that is still, or a file that is gone."""
        return dict(self.still) != {name: state for name, state in indexed.items() if name not in self.growing}


class Watcher:
    """Looks at a folder again and again, which works on network drives too.

    Args:
        folder: of the videos.
        apart: folders in it that are not looked into, such as the folder of the index.
        still_s: a file is still once its size and date have stayed the same for so many seconds.
        clock: tells the time in seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        apart: Sequence[Path] = (),
        *,
        still_s: float = _STILL_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._apart = apart
        self._still_s = still_s
        self._clock = clock
        # the state of each file, and since when it has been so
        self._since: dict[str, tuple[FileState, float]] = {}
        self._first = True

    def look(self) -> View:
        """Return the files as they are now."""
        now, before = self._clock(), self._since
        self._since = {}
        videos = list_video_files(self._folder, apart=self._apart).files
        subtitles = {str(path): path for paths in subtitle_files(videos)[0].values() for path in paths}
        for name, path in {**videos, **subtitles}.items():
            try:
                status = path.stat()
            except OSError:  # a link that leads nowhere, or a file that has gone meanwhile
                continue
            state = FileState(status.st_size, status.st_mtime_ns)
            if name in before and before[name][0] == state:
                self._since[name] = before[name]
            else:
                self._since[name] = (state, min(now, status.st_mtime) if self._first else now)
        self._first = False
        still = {name: state for name, (state, since) in self._since.items() if now - since >= self._still_s}
        return View(still, [name for name in self._since if name not in still])
