"""Features that were extracted elsewhere: an .npz file with `ids` and an array for each expert."""

from pathlib import Path

import numpy as np

from teachtext.data.arrays import reading
from teachtext.data.store import FeatureFile, FeatureWriter, shards_of
from teachtext.errors import InputError
from teachtext.files import content_hash


def import_npz(path: Path, key: str, folder: Path, *, pool: bool = True) -> FeatureFile:
    """Turn an array of an .npz file into a feature file. Later calls open the feature file.

    Args:
        path: a file with `ids`, (items,) text, and the array `key`, (items, D) or (items, T, D) floats.
        key: name of the array.
        folder: folder of the feature file.
        pool: replace the T rows of an item by their mean.

    Raises:
        InputError: no such file or array, shapes that do not fit, repeated ids, or NaN.
    """
    if not path.is_file():
        raise InputError(f"feature file {path} does not exist", "correct its path")
    source = content_hash(path)
    provenance = {"npz": path.name, "key": key, "pool": pool, "hash": source}
    if shards_of(folder):
        file = FeatureFile(folder)
        if file.provenance == provenance:
            return file
        raise InputError(f"{folder} was imported from another file", "delete that folder and run again")
    ids, values = _load(path, key)
    if pool and values.ndim == 3:
        values = values.astype(np.float32).mean(axis=1)
    rows = values[:, None] if values.ndim == 2 else values
    with FeatureWriter(folder, provenance=provenance, dim=rows.shape[2], shard_items=max(1, len(ids))) as writer:
        for item_id, item in zip(ids, rows, strict=True):
            writer.add(item_id, item, source=source)
    return FeatureFile(folder)


def _load(path: Path, key: str) -> tuple[list[str], np.ndarray]:
    with reading(path), np.load(path, allow_pickle=False) as file:
        names = [name for name in file.files if name != "ids"]
        if key not in names or "ids" not in file.files:
            raise InputError(f"{path} has no array '{key}' with 'ids'", f"use one of {', '.join(names) or '(none)'}")
        stored_ids, values = file["ids"], file[key]
        # ids may be stored as bytes or as numbers
        as_text = np.char.decode(stored_ids, "utf-8") if stored_ids.dtype.kind == "S" else stored_ids
        ids = [str(item) for item in as_text.ravel()]
    if (
        stored_ids.ndim != 1
        or values.ndim not in (2, 3)
        or len(values) != len(ids)
        or not np.issubdtype(values.dtype, np.floating)
    ):
        raise InputError(
            f"{path}: array '{key}' has shape {values.shape} and type {values.dtype} for {len(ids)} ids",
            "store floats of shape (items, D) or (items, T, D)",
        )
    if len(set(ids)) < len(ids):
        raise InputError(f"{path} has repeated ids", "keep one row an id")
    return ids, values
