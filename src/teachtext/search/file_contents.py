"""Hashes of the contents of files, kept so that files that have not changed are not read again."""

import json
import time
from collections.abc import Mapping
from os import stat_result
from pathlib import Path
from typing import Any

from teachtext.files import content_hash, parse_json, write_text

_FORMAT = "teachtext-file-contents-1"
# file systems keep times of up to two seconds: a file that changed just now may change again within the same time
_SETTLED_NS = 3_000_000_000


class FileContents:
    """Content hashes of files, by path, with the state of the file that was hashed.

    The state is the number of the file, its size, and the times of its last change of content and of status. The system
    sets the last of these itself, so that a file whose other times were set back is read again.

    Args:
        path: JSON file of the kept hashes. A file that cannot be read counts as empty: all files are read then.
        reread: read every file, whatever is kept.

    Example:
        >>> video = Path("a.mp4")
        >>> _ = video.write_bytes(b"pictures")
        >>> contents = FileContents(Path("contents.json"))
        >>> contents.of(video) == content_hash(video)
        True
    """

    def __init__(self, path: Path, *, reread: bool = False) -> None:
        self._path = path
        self._kept = _load(path)
        self._reread = reread
        self._looked_up: dict[str, list[Any]] = {}

    def of(self, path: Path) -> str:
        """Return the content hash of a file (see `teachtext.files.content_hash`).

        Raises:
            OSError: the file cannot be read.
        """
        name, state = str(path), _state(path.stat())
        kept = self._kept.get(name)
        if kept is None or kept[:-1] != state or self._reread:
            now = time.time_ns()
            kept = [*state, content_hash(path)]
            if not 0 <= state[-1] <= now - _SETTLED_NS:
                return str(kept[-1])
        self._looked_up[name] = kept
        return str(kept[-1])

    def save(self, folder: Path) -> None:
        """Keep the hashes of the files that were looked up, in place of those of all files in a folder."""
        inside = f"{folder}/"
        others = {name: kept for name, kept in self._kept.items() if not name.startswith(inside)}
        files = others | self._looked_up
        if files != self._kept:
            write_text(self._path, json.dumps({"format": _FORMAT, "files": files}, ensure_ascii=True))


def _state(status: stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _load(path: Path) -> Mapping[str, list[Any]]:
    try:
        content = parse_json(path.read_bytes())
        if content["format"] != _FORMAT:
            return {}
        return {name: kept for name, kept in content["files"].items() if _is_sound(kept)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _is_sound(kept: Any) -> bool:
    return (
        isinstance(kept, list)
        and len(kept) == 5
        and all(type(number) is int for number in kept[:-1])
        and isinstance(kept[-1], str)
        and len(kept[-1]) == 16
    )
