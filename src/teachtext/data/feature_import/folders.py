"""A folder with a file a video, in any of the formats of single files; and a feature store of this project."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from teachtext.data.feature_import.content import Content, LazyMapping, StoredArray
from teachtext.data.feature_import.numpy_files import read_npy, read_npz
from teachtext.data.feature_import.pickle_files import read_saved_file
from teachtext.data.feature_import.safetensors_files import read_safetensors
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError

FILES: Mapping[str, Callable[[Path, ExitStack], Content]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".pt": read_saved_file,
    ".pth": read_saved_file,
    ".pkl": read_saved_file,
    ".pickle": read_saved_file,
    ".safetensors": read_safetensors,
}
"""Readers of the files of a folder, by ending."""


def feature_files(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the feature files below a folder by name, and what else lies there.

    The name is the path in the folder without the ending. Hidden files are left out. Links are followed.

    Raises:
        InputError: two files have one name.
    """
    files: dict[str, Path] = {}
    others: list[str] = []
    for path in sorted(_walk(folder)):
        place = path.relative_to(folder).as_posix()
        if path.suffix.lower() not in FILES:
            others.append(place)
            continue
        name = place.removesuffix(path.suffix)
        if name in files:
            raise InputError(f"{files[name]} and {path} both describe '{name}'", "keep one of them")
        files[name] = path
    return files, others


def left_out(others: list[str]) -> str:
    """Say what lies in a folder beside its feature files.

    >>> left_out(["a.txt", "b/c.txt", "README"])
    "left out, files of other kinds: 3 (.txt 2, without an ending 1; 'a.txt', 'b/c.txt', 'README')"
    """
    endings = Counter(Path(name).suffix or "without an ending" for name in others)
    counts = ", ".join(f"{ending} {count:,}" for ending, count in endings.most_common(5))
    shown = ", ".join(f"'{name}'" for name in others[:3]) + (", ..." if len(others) > 3 else "")
    return f"left out, files of other kinds: {len(others):,} ({counts}; {shown})"


def read_folder(folder: Path, stack: ExitStack) -> Content:
    """Read a folder with a file a video."""
    files, others = feature_files(folder)
    if not files:
        seen = f"{left_out(others).partition(': ')[2]}" if others else "nothing"
        raise InputError(
            f"{folder} has no feature files; it holds {seen}",
            f"give a folder with one file a video, {', '.join(FILES)}",
        )
    inner = stack.enter_context(ExitStack())

    def read(name: str) -> Content:
        # one file is open at a time
        inner.close()
        path = files[name]
        return FILES[path.suffix.lower()](path, inner)

    notes = [f"{folder.name}: {left_out(others)}"] if others else []
    return LazyMapping(list(files), read, items=True, notes=notes)


def read_store(folder: Path, stack: ExitStack) -> Content:
    """Read a feature store of this project."""
    file = FeatureFile(folder)

    def read(name: str) -> Content:
        if not file.rows_of(name):
            return None
        features = StoredArray.of(file.read(name), f"{folder}: '{name}'")
        times = file.times(name)
        return {"features": features, **({} if times is None else {"times": StoredArray.of(times, name)})}

    return LazyMapping(file.ids, read, items=True)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all files that are not hidden; each folder is read once, so a loop of links ends."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in names if not name.startswith("."))
