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
class Seen:
    """A video file: where it is, its size in bytes, and the hash of its content."""

    path: Path
    size: int
    content: str


@dataclass
class Scan:
    """What is in a folder: video files by id, and those that cannot be used."""

    found: dict[str, Seen] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)


def scan(folder: Path, root: str) -> Scan:
    """Look for video files, not in hidden folders, and not behind links that lead elsewhere.

    Args:
        folder: to look in.
        root: what their ids begin with: `<root>/<path in the folder>`.

    Raises:
        InputError: it is not a folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder with videos in it")
    check_file: Callable[[Path], None] = load("teachtext.video.opening:check_file", "video")
    base = folder.resolve()
    done = Scan()
    for path in _files(base):
        name = f"{root}/{path.relative_to(base).as_posix()}"
        try:
            name.encode()
            if not path.resolve().is_relative_to(base):
                raise InputError(f"{path} is a link that leads out of {folder}", "index the folder that it leads to")
            check_file(path)
            done.found[name] = Seen(path, path.stat().st_size, content_hash(path))
        except UnicodeEncodeError:
            shown = name.encode(errors="backslashreplace").decode()
            done.failed.append(Failure(shown, shown, f"{shown} has a name that is not UTF-8: rename it"))
        except InputError as error:
            done.failed.append(Failure(name, str(path), str(error)))
        except OSError as error:
            reason = f"{path} cannot be read ({error.strerror}): check its permissions, or leave it out"
            done.failed.append(Failure(name, str(path), reason))
    return done


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if path.suffix.lower() in VIDEO_ENDINGS and not name.startswith("."):
                yield path
