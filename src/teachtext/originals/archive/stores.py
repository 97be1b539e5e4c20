"""Writes the features of an archive into feature stores, item by item."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.restricted.pickles import unpickled
from teachtext.data.restricted.standins import ExpertStore, LazyArray, as_list
from teachtext.errors import InputError
from teachtext.files import content_hash
from teachtext.originals.archive.captions import check_count, entries
from teachtext.progress import Progress, silent

_MARK_MISSING = "a scalar NaN in place of an array marks a missing item; correct or remove that entry"
# writing a shard takes three times its size in memory, so it must be small in relation to the file
_LEAST_SHARD, _MOST_SHARD = 2 << 20, 64 << 20


@dataclass(frozen=True)
class WrittenFeatures:
    """The features in a written store.

    Attributes:
        dim: D.
        dtype: number type of the values.
        items: ids of all items with rows.
    """

    dim: int
    dtype: Literal["float16", "float32"]
    items: frozenset[str]


@dataclass(frozen=True, slots=True)
class _FeatureItem:
    """One item of a feature store: its arrays, which are concatenated, and their file."""

    id: str
    arrays: Sequence[Any]
    path: Path


def write_expert(
    path: Path, folder: Path, *, sequence: bool, provenance: Mapping[str, Any], progress: Progress = silent
) -> WrittenFeatures | None:
    """Turn a pickle of one expert into a feature store.

    Args:
        path: pickle of an `ExpertStore`, or of a dict from video ids to arrays: (D,), (1, D), or (T, D) of a sequence.
        folder: of the store.
        sequence: whether a video may have several rows.
        provenance: origin of the features, kept in the store.
        progress: is called with the number of written videos.

    Returns:
        None if no video has features.

    Raises:
        InputError: the file is not such a pickle, or its arrays differ in width or hold NaN.
    """
    with unpickled(path) as content:
        videos = _rows_of(content, path) if isinstance(content, ExpertStore) else entries(content, path)
        items = [_FeatureItem(video_id, [value], path) for video_id, value in videos]
        return _write(items, folder, provenance, None if sequence else 1, progress)


def write_text(
    paths: Sequence[Path],
    folder: Path,
    *,
    captions: Mapping[str, Sequence[str]],
    dataset_ids: Mapping[str, str],
    fused: bool,
    provenance: Mapping[str, Any],
    progress: Progress = silent,
) -> WrittenFeatures | None:
    """Turn the pickles of one text encoder into a feature store, keyed by caption id.

    Args:
        paths: pickles of dicts from video ids to lists of (L, D) arrays, one a caption; together they hold the encoder.
        folder: of the store.
        captions: the raw captions by video.
        dataset_ids: video ids of the dataset by the ids in the files, where these differ.
        fused: join the rows of all captions of a video to one item, `<video>#fused`.
        provenance: origin of the features, kept in the store.
        progress: is called with the number of written items.

    Returns:
        None if no caption has features.

    Raises:
        InputError: a file is not such a pickle, a number of captions differs, two files describe one video, or arrays
            differ in width or hold NaN.
    """
    items: list[_FeatureItem] = []
    described: dict[str, Path] = {}
    with ExitStack() as opened:
        for path in paths:
            for key, value in entries(opened.enter_context(unpickled(path)), path):
                video_id = dataset_ids.get(key, key)
                arrays = _captions_of(value, path, video_id)
                if not _is_nan(value):
                    check_count(path, video_id, len(arrays), captions)
                if video_id in described:
                    raise InputError(
                        f"{path} and {described[video_id]} both describe video '{video_id}'", "remove one of them"
                    )
                described[video_id] = path
                if fused:
                    items.append(_FeatureItem(f"{video_id}#fused", arrays, path))
                else:
                    items.extend(_FeatureItem(f"{video_id}#{k}", [array], path) for k, array in enumerate(arrays))
        return _write(items, folder, provenance, None, progress)


def _write(
    items: Sequence[_FeatureItem],
    folder: Path,
    provenance: Mapping[str, Any],
    most_rows: int | None,
    progress: Progress,
) -> WrittenFeatures | None:
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
    return WrittenFeatures(dim, dtype, frozenset(written))


def _settled(items: Sequence[_FeatureItem], most_rows: int | None) -> tuple[int, Literal["float16", "float32"]]:
    """Return D, or 0 without any rows, and the smallest type, at most float32, that keeps the values."""
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
    if isinstance(value, LazyArray) and value.ndim == 3 and value.items is None:
        # numpy stores captions of equal length as one array
        return list(value.read(path))
    arrays = [] if _is_nan(value) else as_list(value)
    if arrays is None:
        raise InputError(f"{path}: video '{video_id}' has no list of captions", "give one (L, D) array a caption")
    return arrays


def _shape_of(value: Any, item: _FeatureItem) -> tuple[int, int] | None:
    """Return (rows, D) without reading the values; None for a missing item: a scalar NaN, or no rows."""
    if _is_nan(value):
        return None
    if isinstance(value, LazyArray | np.ndarray) and value.dtype.kind == "f":
        if value.size == 0 or (value.ndim == 0 and np.isnan(_read(value, item))):
            return None
        if value.ndim in (1, 2):
            return (value.shape[0] if value.ndim == 2 else 1, value.shape[-1])
    actual = f"an array of {value.dtype} {value.shape}" if isinstance(value, LazyArray) else repr(value)[:40]
    raise InputError(f"{item.path}: '{item.id}' is {actual}, not floats of shape (rows, D)", _MARK_MISSING)


def _values_of(value: LazyArray | NDArray[Any], item: _FeatureItem, dtype: str) -> NDArray[Any]:
    values = _read(value, item)
    with np.errstate(over="ignore"):
        values = np.atleast_2d(values).astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise InputError(f"{item.path}: '{item.id}' holds NaN or infinite values", _MARK_MISSING)
    return values


def _read(value: LazyArray | NDArray[Any], item: _FeatureItem) -> NDArray[Any]:
    return value.read(item.path) if isinstance(value, LazyArray) else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and isnan(value)
