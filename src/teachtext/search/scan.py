"""The video files of a folder, and of the folders in it, with the hashes of their contents."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from teachtext.data.video_files import LeftOut, list_video_files, printable
from teachtext.errors import InputError
from teachtext.extraction.extract import Failure
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.search.file_contents import FileContents
from teachtext.search.subtitles import state_of, subtitle_files

# faster work reports no progress
_PATIENCE_S = 1.0


@dataclass(frozen=True)
class FileScan:
    """A video file that can be opened.

    Attributes:
        path: of the file.
        size: bytes.
        content: hash of the content.
        subtitles: files of subtitles beside the video.
        subtitle_state: tells whether they have changed (see `state_of`).
    """

    path: Path
    size: int
    content: str
    subtitles: Sequence[Path] = ()
    subtitle_state: Sequence[str] = ()


@dataclass
class Scan:
    """The video files of a folder by id.

    Attributes:
        files: those that can be opened.
        failed: those that cannot.
        unread: what the ids of files begin with that cannot be read now.
        left_out: everything else.
    """

    files: dict[str, FileScan] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)
    unread: tuple[str, ...] = ()
    left_out: Sequence[LeftOut] = ()

    def without_files(self, names: Collection[str]) -> list[str]:
        """Return the ids whose files are certainly not there, sorted; a file that cannot be read now may be there."""
        failed = {failure.id for failure in self.failed}
        return sorted(
            name for name in names if name not in self.files and name not in failed and not name.startswith(self.unread)
        )


def scan(
    folder: Path,
    root: str,
    contents: FileContents,
    *,
    apart: Collection[Path] = (),
    growing: Collection[str] = (),
    progress: Progress = silent,
) -> Scan:
    """Find video files, and open them (see `teachtext.data.video_files`).

    Args:
        folder: to look in.
        root: what their ids begin with: `<root>/<path in the folder>`.
        contents: hashes of files that were read before.
        apart: folders in it that are not looked into.
        growing: paths in the folder of files that are being written. They are not looked at, and count as there.
        progress: told how many files are checked, if that takes long.

    Raises:
        InputError: it is not a folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder with videos in it")
    check_file: Callable[[Path], None] = load("teachtext.video.file:check_file", "video")
    listed = list_video_files(folder.resolve(), apart=apart)
    subtitles, others = subtitle_files(listed.files)
    unread = tuple(f"{root}/" if name == "." else f"{root}/{name}/" for name in listed.unread)
    waiting = {*growing}
    result = Scan(unread=(*unread, *(f"{root}/{name}" for name in waiting)), left_out=[*listed.left_out, *others])
    begin = time.monotonic()
    for number, (place, path) in enumerate(listed.files.items()):
        if place in waiting:
            continue
        if time.monotonic() - begin > _PATIENCE_S:
            progress("files", number, len(listed.files))
        name = f"{root}/{place}"
        try:
            name.encode()
            check_file(path)
            beside = subtitles.get(place, [])
            result.files[name] = FileScan(
                path, path.stat().st_size, contents.of(path), beside, state_of(beside, contents.of)
            )
        except UnicodeEncodeError:
            shown = printable(name)
            result.failed.append(Failure(shown, shown, f"{shown} has a name that is not UTF-8: rename it"))
        except InputError as error:
            result.failed.append(Failure(name, str(path), str(error)))
        except OSError as error:
            reason = f"{path} cannot be read ({error.strerror}): check its permissions, or leave it out"
            result.failed.append(Failure(name, str(path), reason))
    contents.save(folder.resolve())
    if time.monotonic() - begin > _PATIENCE_S:
        progress("files", len(listed.files), len(listed.files))
    return result
