"""Turns a container of features into a feature store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from teachtext.data.feature_import.containers import CONTAINERS, container_of
from teachtext.data.feature_import.content import StoredArray
from teachtext.data.feature_import.layouts import Items, Record
from teachtext.data.feature_import.matching import NameMatch
from teachtext.data.feature_import.sources import OpenSource, Request, opened
from teachtext.data.feature_import.writing import write_features
from teachtext.data.store import FeatureFile, shards_of
from teachtext.errors import InputError
from teachtext.files import atomic_folder, read_json, write_json
from teachtext.processes import BoundedCalls, Lost
from teachtext.progress import Progress, relayed, silent

NOTES = "notes.json"
# a shard takes three times its size while it is written, and an item may take a gigabyte
_MEMORY_MB = 4_000
# terabytes take hours
_SECONDS = 86_400

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class FeatureSource:
    """A container of features, of which the names of the items were read, and no values.

    Attributes:
        request: what was asked for.
        container: name of its format.
        provenance: all that a store of these features depends on.
        match: for which ids the names of the items stand.
        notes: sentences on what was left out, on items of other videos, and on videos without an item.
    """

    request: Request
    container: str
    provenance: dict[str, Any]
    match: NameMatch
    notes: list[str]

    def store(self, folder: Path, progress: Progress = silent) -> FeatureFile:
        """Write the features as a feature store, whole or not at all. Later calls open the store.

        Raises:
            InputError: a damaged container, items of several widths, values that are no floats, or NaN; or the folder
                holds other features.
        """
        if shards_of(folder):
            file = FeatureFile(folder)
            if file.provenance == self.provenance:
                return file
            raise InputError(f"{folder} was imported from another file", "delete that folder and run again")
        with atomic_folder(folder) as temporary:
            if container_of(self.request.path).native:
                with relayed(progress) as listener:
                    notes = _apart(self.request.path, partial(_write, self.request, temporary, listener))
            else:
                notes = _write(self.request, temporary, progress)
            write_json(temporary / NOTES, notes)
        return FeatureFile(folder)


def open_features(path: Path, **options: Any) -> FeatureSource:
    """Look into a container of features, and give its items their ids.

    Args:
        path: a folder with one file a video, or one file with all videos; see `CONTAINERS`.
        options: see `Request`.

    Raises:
        InputError: no such file, another kind of file, a damaged file, no array of that name, or no item of the
            dataset.
    """
    request = Request(path=path, **options)
    return _apart(path, partial(_look, request)) if container_of(path).native else _look(request)


def import_features(path: Path, folder: Path, *, progress: Progress = silent, **options: Any) -> FeatureFile:
    """Turn a container of features into a feature store; see `Request` for the options.

    Example:
        >>> import numpy as np
        >>> Path("clips").mkdir()
        >>> np.save("clips/a.npy", np.ones((3, 2), np.float32))
        >>> np.save("clips/b.npy", np.zeros((1, 2), np.float32))
        >>> import_features(Path("clips"), Path("store/clip")).read("a").shape
        (3, 2)
    """
    return open_features(path, **options).store(folder, progress)


def store_arrays(name: str, arrays: Mapping[str, Any], folder: Path) -> FeatureFile:
    """Write arrays in memory as a feature store.

    Args:
        name: of the expert, for messages.
        arrays: by video id, (D,) or (rows, D) floats; None for a missing video.
        folder: of the store, new or empty.

    Raises:
        InputError: arrays of several widths, values that are no floats, or NaN.

    Example:
        >>> store_arrays("clip", {"a": [1.0, 2.0], "b": None}, Path("memory")).ids
        ['a', 'b']
    """
    source = OpenSource(
        request=Request(path=Path(f"features of '{name}'")),
        container=CONTAINERS["pickle"],
        items=Items(list(arrays), lambda item: Record(_in_memory(arrays[item], item))),
        match=NameMatch({item: item for item in arrays}, len(arrays), [], []),
        hash="",
        size=None,
        notes=[],
    )
    with atomic_folder(folder) as temporary:
        write_features(source, temporary)
    return FeatureFile(folder)


def _in_memory(values: Any, item: str) -> StoredArray | None:
    return None if values is None else StoredArray.of(np.asarray(values), f"'{item}'")


def import_notes(folder: Path) -> list[str]:
    """Return what an import left out or saw as odd, a sentence each."""
    path = folder / NOTES
    return [str(note) for note in read_json(path)] if path.exists() else []


def _look(request: Request) -> FeatureSource:
    with opened(request) as source:
        return FeatureSource(
            request=request,
            container=source.container.name,
            provenance=source.provenance,
            match=source.match,
            notes=source.notes,
        )


def _write(request: Request, folder: Path, progress: Progress = silent) -> list[str]:
    with opened(request) as source:
        return write_features(source, folder, progress)


def _apart(path: Path, work: Callable[[], Value]) -> Value:
    """Work in a process of its own: a damaged file may end a process that reads with a library in C, or fill memory."""
    calls: BoundedCalls[Callable[[], Value], Value] = BoundedCalls(_call, seconds=_SECONDS, memory_mb=_MEMORY_MB)
    with calls as call:
        try:
            return call(work)
        except Lost as error:
            raise InputError(f"{path} {error}", "copy or make it again, in small chunks if it is compressed") from error


def _call(work: Callable[[], Value]) -> Value:
    return work()
