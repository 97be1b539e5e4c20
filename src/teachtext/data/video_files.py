"""The video files of a folder, and of the folders in it: one rule for datasets, extraction, indexes and the Python API.

A file is a video file by its ending, in small letters or capitals. Hidden files and folders are left out. Links are
followed to files and to folders, also out of the folder; each folder is read once, so a loop of links ends. What is
left out is counted and named.
"""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VIDEO_ENDINGS = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv",
    ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob",
    ".webm", ".wmv", ".wtv", ".y4m",
})  # fmt: skip
# nobody takes these for videos: captions, features, models, code, and the files of an index
_DATA_ENDINGS = frozenset({
    ".arrow", ".ass", ".bib", ".bin", ".cfg", ".csv", ".db", ".h5", ".hdf5", ".htm", ".html", ".idx", ".ini",
    ".ipynb", ".json", ".jsonl", ".lance", ".lock", ".log", ".lst", ".mat", ".mdb", ".md", ".ndjson", ".nfo", ".npy",
    ".npz", ".parquet", ".pickle", ".pkl", ".pt", ".pth", ".py", ".rst", ".safetensors", ".sh", ".sqlite", ".srt",
    ".ssa", ".sub", ".tmp", ".toml", ".tsv", ".txt", ".vtt", ".xml", ".yaml", ".yml",
})  # fmt: skip
_DATA_NAMES = frozenset({"citation", "copying", "license", "makefile", "md5sums", "notice", "readme", "sha256sums"})
_SHOWN = 3


@dataclass(frozen=True)
class LeftOut:
    """Files or folders that are left out for one reason.

    Attributes:
        reason: what they are, in the plural.
        names: their paths in the folder.
        mend: how to have them read.
        detail: counts by kind; empty where there is one kind.

    Example:
        >>> str(LeftOut("hidden files", ["a/.b.mp4"], "rename them"))
        "left out, hidden files: 1 ('a/.b.mp4')"
    """

    reason: str
    names: Sequence[str]
    mend: str
    detail: str = ""

    def __str__(self) -> str:
        return f"left out, {self.reason}: {self.summary}"

    @property
    def summary(self) -> str:
        """Their number, and the names of the first."""
        names = [printable(name) for name in self.names[:_SHOWN]]
        shown = ", ".join(f"'{name}'" for name in names) + (", ..." if len(self.names) > _SHOWN else "")
        return f"{len(self.names):,} ({self.detail + '; ' if self.detail else ''}{shown})"


@dataclass(frozen=True)
class VideoFiles:
    """The video files of a folder.

    Attributes:
        folder: the folder.
        files: files with the ending of a video, by their path in the folder, with slashes, sorted. A broken link or a
            pipe is among them.
        left_out: everything else that somebody may take for a video.
        unread: paths in the folder of folders that cannot be read now, and of links to folders that are not there now.
    """

    folder: Path
    files: Mapping[str, Path]
    left_out: Sequence[LeftOut]
    unread: Sequence[str] = ()


def is_video_name(name: str) -> bool:
    """Return whether the name of a file is that of a video: a known ending, and not hidden.

    Example:
        >>> [is_video_name(name) for name in ("a.MP4", "a.heic", ".a.mp4")]
        [True, False, False]
    """
    return _ending(name) in VIDEO_ENDINGS and not name.startswith(".")


def printable(name: str) -> str:
    r"""Return a file's name in one line of UTF-8: line breaks and bytes that are no letters are escaped.

    Example:
        >>> print(printable("two" + chr(10) + "lines.mp4"))
        two\nlines.mp4
    """
    text = name.encode(errors="backslashreplace").decode()
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def list_video_files(folder: Path, *, apart: Collection[Path] = ()) -> VideoFiles:
    """List the video files of a folder and of the folders in it.

    Args:
        folder: to look in. There are no files where the folder does not exist.
        apart: folders in it that are not looked into, such as the folder of an index, and files that are no videos.
    """
    walk = _Walk(folder, {os.path.realpath(path) for path in apart})
    if folder.is_dir():
        walk.run()
    files = {name: folder / name for name in sorted(walk.names, key=lambda name: name.split("/"))}
    return VideoFiles(folder, files, walk.left_out(), [*walk.unreadable, *walk.broken])


class _Walk:
    """A walk through a folder: real folders first, then what links lead to, each folder once."""

    def __init__(self, folder: Path, apart: Collection[str]) -> None:
        self.folder = folder
        self.apart = apart
        self.names: list[str] = []
        self.others: list[str] = []
        self.hidden_files: list[str] = []
        self.hidden_folders: list[str] = []
        self.unreadable: list[str] = []
        self.broken: list[str] = []
        self.repeated: list[str] = []
        self.links: list[str] = []
        self.seen: set[str] = set()

    def run(self) -> None:
        """Read the folder, then the folders to which links lead."""
        real = os.path.realpath(self.folder)
        around = {str(place) for place in Path(real).parents}
        self._read("", real)
        # links that are met on the way are appended
        for link in self.links:
            target = os.path.realpath(self.folder / link)
            if target in self.seen or target in around:
                self.repeated.append(link)
            else:
                self._read(link, target)

    def left_out(self) -> list[LeftOut]:
        """Return what was left out, by reason."""
        endings = Counter(_ending(name) or "without an ending" for name in self.others)
        counts = ", ".join(f"{ending} {count:,}" for ending, count in endings.most_common())
        rows = [
            LeftOut(
                "files without the ending of a video",
                self.others,
                f"rename or convert the videos among them; endings of videos are {' '.join(sorted(VIDEO_ENDINGS))}",
                printable(counts),
            ),
            LeftOut("hidden files", self.hidden_files, "rename those that are videos, without the leading dot"),
            LeftOut("hidden folders", self.hidden_folders, "rename those that hold videos, without the leading dot"),
            LeftOut("folders that cannot be read", self.unreadable, "check their permissions"),
            LeftOut("links that lead nowhere", self.broken, "mend or delete them"),
            LeftOut("links to folders that are read already", self.repeated, "harmless: their videos count once"),
        ]
        return [row for row in rows if row.names]

    def _read(self, place: str, real: str) -> None:
        """Read a folder and all folders in it, and collect the links to folders.

        Args:
            place: path in the folder of the walk.
            real: the same folder, without links.
        """
        waiting = [(place, real)]
        while waiting:
            place, real = waiting.pop()
            if real in self.apart:
                continue
            if real in self.seen:
                self.repeated.append(place)
                continue
            self.seen.add(real)
            for entry in self._entries(place):
                name = f"{place}/{entry.name}" if place else entry.name
                if not _is_folder(entry):
                    self._add(name, entry)
                elif entry.name.startswith("."):
                    self.hidden_folders.append(name)
                elif entry.is_symlink():
                    self.links.append(name)
                else:
                    waiting.append((name, f"{real.rstrip(os.sep)}{os.sep}{entry.name}"))

    def _entries(self, place: str) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(self.folder / place) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []  # removed while the walk went on: not there, and so not left out
        except OSError:
            self.unreadable.append(place or ".")
            return []

    def _add(self, name: str, entry: "os.DirEntry[str]") -> None:
        ending = _ending(entry.name)
        if is_video_name(entry.name):
            self.names.append(name)
        elif entry.name.startswith("."):
            self.hidden_files += [name] if ending in VIDEO_ENDINGS else []
        elif entry.is_symlink() and not _exists(self.folder / name):
            self.broken.append(name)
        elif ending not in _DATA_ENDINGS and entry.name.lower() not in _DATA_NAMES and not self._is_apart(name):
            self.others.append(name)

    def _is_apart(self, name: str) -> bool:
        return bool(self.apart) and os.path.realpath(self.folder / name) in self.apart


def _ending(name: str) -> str:
    """Return the ending of a file's name, in small letters."""
    base = name.rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    return f"{dot}{ending}".lower() if stem and ending else ""


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links, or a folder that cannot be reached
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
