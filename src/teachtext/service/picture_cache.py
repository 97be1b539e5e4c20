"""The pictures that were made lately, in a folder of bounded size. The folder may be deleted."""

import os
import re
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from threading import Lock

from teachtext.errors import InputError
from teachtext.files import write_bytes

_NAME = re.compile(r"[0-9a-f]{16}-[0-9]{1,12}\.jpg")
_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"


class PictureCache:
    """JPEG pictures by name. The least recently used ones are removed when there are too many.

    A damaged picture counts as missing. If the folder cannot be written to, no picture is kept. Threads may share a
    cache, and processes may share its folder.

    Args:
        folder: of the pictures. Other files in the folder are left alone.
        most_files: number of pictures.
        most_bytes: size of all pictures.
    """

    def __init__(self, folder: Path, *, most_files: int = 20_000, most_bytes: int = 256 * 2**20) -> None:
        self._folder = folder
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._lock = Lock()
        # bytes by name, the least recently used first
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        pictures = []
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    status = entry.stat(follow_symlinks=False)
                    pictures.append((status.st_mtime_ns, entry.name, status.st_size))
        for _, name, size in sorted(pictures):
            self._note(name, size)

    def read(self, name: str) -> bytes | None:
        """Return a picture; None if there is none, or no whole one."""
        path = self._folder / name
        try:
            picture = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if not (picture.startswith(_BEGIN) and picture.endswith(_END)):
            self._remove([name])
            return None
        self._note(name, len(picture))
        return picture

    def keep(self, name: str, picture: bytes) -> None:
        """Keep a picture, if that is possible."""
        with suppress(InputError):
            write_bytes(self._folder / name, picture, durable=False)
            self._note(name, len(picture))

    def remove(self, content: str) -> None:
        """Remove all pictures of a video.

        Args:
            content: hash of the video, with which the names begin.
        """
        with suppress(OSError):
            self._remove([path.name for path in self._folder.glob(f"{content}-*.jpg") if _NAME.fullmatch(path.name)])

    def _note(self, name: str, size: int) -> None:
        """Note that a picture was used, and remove those for which there is no room."""
        with self._lock:
            self._total += size - self._sizes.pop(name, 0)
            self._sizes[name] = size
            superfluous = []
            while len(self._sizes) > self._most_files or self._total > self._most_bytes:
                oldest, oldest_size = self._sizes.popitem(last=False)
                self._total -= oldest_size
                superfluous.append(oldest)
        self._remove(superfluous)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            with self._lock:
                self._total -= self._sizes.pop(name, 0)
            with suppress(OSError):
                (self._folder / name).unlink()
