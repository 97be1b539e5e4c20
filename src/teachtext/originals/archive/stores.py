"""The features of an archive, written into feature stores item by item."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.data.store import FeatureWriter
from teachtext.errors import InputError
from teachtext.files import content_hash
from teachtext.originals.archive.captions import check_count, entries
from teachtext.originals.archive.pickles import unpickled
from teachtext.originals.archive.standins import Array, ExpertStore, listed
from teachtext.progress import Progress, silent

_SAY_MISSING = "a scalar NaN in the place of its array says that one is missing; correct or remove that entry"
# a shard is held three times while it is written, so it must be small against the file
_LEAST_SHARD, _MOST_SHARD = 2 << 20, 64 << 20


@dataclass(frozen=True)
class Written:
    """What a feature store holds: D, how values are kept, and the ids of all items that have rows."""

    dim: int
    dtype: Literal["float16", "float32"]
    items: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Item:
    """What becomes one item: arrays one below the other, and the file that they stand in."""

    id: str
    arrays: Sequence[Any]
    path: Path


def write_expert(
    path: Path, folder: Path, *, sequence: bool, provenance: Mapping[str, Any], progress: Progress = silent
) -> Written | None:
    """Turn a pickle of one expert into a feature store.

    Args:
        path: a dict of video ids to arrays, (D,) or (1, D), or (T, D) for a sequence; or an `ExpertStore`.
        folder: where the store goes.
        sequence: whether a video may have several rows.
        provenance: what is known of the file.
        progress: told how many videos are done.

    Returns:
        None where no video has features.

    Raises:
        InputError: it is no such pickle, its arrays differ in width, or hold NaN.
    """
    with unpickled(path) as content:
        videos = _rows_of(content, path) if isinstance(content, ExpertStore) else entries(content, path)
        items = [_Item(video_id, [value], path) for video_id, value in videos]
        return _write(items, folder, provenance, None if sequence else 1, progress)


def write_text(
    paths: Sequence[Path],
    folder: Path,
    *,
    captions: Mapping[str, Sequence[str]],
    own_ids: Mapping[str, str],
    fused: bool,
    provenance: Mapping[str, Any],
    progress: Progress = silent,
) -> Written | None:
    """Turn the pickles of one text encoder into a feature store, keyed by caption id.

    Args:
        paths: dicts of video ids to lists of (L, D) arrays, one a caption; together they are one encoder.
        folder: where the store goes.
        captions: the raw captions by video.
        own_ids: the dataset's ids where a file uses others.
        fused: join the rows of all captions of a video to one item, `<video>#fused`.
        provenance: what is known of the files.
        progress: told how many items are done.

    Returns:
        None where no caption has features.

    Raises:
        InputError: a file is no such pickle, counts other captions than there are, describes a video that another
            describes too, has arrays of different widths or with NaN.
    """
    items: list[_Item] = []
    described: dict[str, Path] = {}
    with ExitStack() as opened:
        for path in paths:
            for key, value in entries(opened.enter_context(unpickled(path)), path):
                video_id = own_ids.get(key, key)
                arrays = _captions_of(value, path, video_id)
                if not _is_nan(value):
                    check_count(path, video_id, len(arrays), captions)
                if video_id in described:
                    raise InputError(
                        f"{path} and {described[video_id]} both describe video '{video_id}'", "remove one of them"
                    )
                described[video_id] = path
                if fused:
                    items.append(_Item(f"{video_id}#fused", arrays, path))
                else:
                    items.extend(_Item(f"{video_id}#{k}", [array], path) for k, array in enumerate(arrays))
        return _write(items, folder, provenance, None, progress)


def _write(
    items: Sequence[_Item], folder: Path, provenance: Mapping[str, Any], most_rows: int | None, progress: Progress
) -> Written | None:
    dim, dtype = _settled(items, most_rows)
    if not dim:
        return None
    sources = {path: content_hash(path) for path in {item.path for item in items}}
    total = sum(path.stat().st_size for path in sources)
    shard_bytes = min(_MOST_SHARD, max(_LEAST_SHARD, total // 16))
    written, pending = set(), 0
    with FeatureWriter(folder, provenance=provenance, dim=dim, dtype=dtype, shard_items=len(items) + 1) as writer:
        for done, item in enumerate(items, start=1):
            rows = [_values_of(array, item, dtype) for array in item.arrays if _shape_of(array, item)]
            if rows:
                written.add(item.id)
            writer.add(item.id, np.concatenate(rows) if rows else None, source=sources[item.path])
            pending += sum(values.nbytes for values in rows)
            if pending >= shard_bytes or done == len(items):
                writer.flush()
                pending = 0
                progress(f"import {folder.name}", done, len(items))
    return Written(dim, dtype, frozenset(written))


def _settled(items: Sequence[_Item], most_rows: int | None) -> tuple[int, Literal["float16", "float32"]]:
    """Return D, 0 where nothing has rows, and the type that loses nothing (but what is beyond float32)."""
    dim, wide = 0, False
    for item in items:
        for array in item.arrays:
            shape = _shape_of(array, item)
            if shape is None:
                continue
            if (dim and shape[1] != dim) or (most_rows and shape[0] > most_rows):
                raise InputError(
                    f"{item.path}: '{item.id}' has shape {shape}, not ({most_rows or 'rows'}, {dim or shape[1]})",
                    "correct or remove that entry",
                )
            dim, wide = shape[1], wide or array.dtype.itemsize > 2
    return dim, "float32" if wide else "float16"


def _rows_of(store: ExpertStore, path: Path) -> Iterator[tuple[str, Any]]:
    matrix = store.matrix.read(path)
    for video_id, row in entries(dict(store.rows), path):
        missing = video_id in store.missing or bool(np.isnan(matrix[row]).all())
        yield video_id, float("nan") if missing else matrix[row]


def _captions_of(value: Any, path: Path, video_id: str) -> list[Any]:
    if isinstance(value, Array) and value.ndim == 3 and value.items is None:
        # numpy makes one array of a list of captions that are all of one length
        return list(value.read(path))
    found = [] if _is_nan(value) else listed(value)
    if found is None:
        raise InputError(f"{path}: video '{video_id}' has no list of captions", "one (L, D) array a caption is needed")
    return found


def _shape_of(value: Any, item: _Item) -> tuple[int, int] | None:
    """Return (rows, D) without reading; None for a missing one: a scalar NaN, or no rows."""
    if _is_nan(value):
        return None
    if isinstance(value, Array | np.ndarray) and value.dtype.kind == "f":
        if value.size == 0 or (value.ndim == 0 and np.isnan(_read(value, item))):
            return None
        if value.ndim in (1, 2):
            return (value.shape[0] if value.ndim == 2 else 1, value.shape[-1])
    what = f"an array of {value.dtype} {value.shape}" if isinstance(value, Array) else repr(value)[:40]
    raise InputError(f"{item.path}: '{item.id}' is {what}, not floats of shape (rows, D)", _SAY_MISSING)


def _values_of(value: Array | NDArray[Any], item: _Item, dtype: str) -> NDArray[Any]:
    values = _read(value, item)
    with np.errstate(over="ignore"):
        values = np.atleast_2d(values).astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise InputError(f"{item.path}: '{item.id}' holds NaN or infinite values", _SAY_MISSING)
    return values


def _read(value: Array | NDArray[Any], item: _Item) -> NDArray[Any]:
    return value.read(item.path) if isinstance(value, Array) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and isnan(value)
