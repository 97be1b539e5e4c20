"""The video files of a folder, and of the folders in it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from teachtext.data.folder import VIDEO_ENDINGS
from teachtext.errors import InputError
from teachtext.extraction.extract import Failure
from teachtext.files import content_hash
from teachtext.packages import load


@dataclass(frozen=True)
class FileScan:
    """A video file that can be opened: its path, its size in bytes, and the hash of its content."""

    path: Path
    size: int
    content: str


@dataclass
class Scan:
    """The video files of a folder by id, and those that cannot be used."""

    files: dict[str, FileScan] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)


def scan(folder: Path, root: str) -> Scan:
    """Find video files, but not in hidden folders, and not through links that lead out of the folder.

    Args:
        folder: to look in.
        root: what their ids begin with: `<root>/<path in the folder>`.

    Raises:
        InputError: it is not a folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder with videos in it")
    check_file: Callable[[Path], None] = load("teachtext.video.file:check_file", "video")
    base = folder.resolve()
    result = Scan()
    for path in _files(base):
        name = f"{root}/{path.relative_to(base).as_posix()}"
        try:
            name.encode()
            if not path.resolve().is_relative_to(base):
                raise InputError(f"{path} is a link that leads out of {folder}", "index the folder that it leads to")
            check_file(path)
            result.files[name] = FileScan(path, path.stat().st_size, content_hash(path))
        except UnicodeEncodeError:
            shown = name.encode(errors="backslashreplace").decode()
            result.failed.append(Failure(shown, shown, f"{shown} has a name that is not UTF-8: rename it"))
        except InputError as error:
            result.failed.append(Failure(name, str(path), str(error)))
        except OSError as error:
            reason = f"{path} cannot be read ({error.strerror}): check its permissions, or leave it out"
            result.failed.append(Failure(name, str(path), reason))
    return result


def has_videos(folder: Path) -> bool:
    """Return whether a folder holds a file that a scan would list, usable or not."""
    return next(_files(folder), None) is not None


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if path.suffix.lower() in VIDEO_ENDINGS and not name.startswith("."):
                yield path
