"""Pickles and files of `torch.save`: plain data, numpy arrays and tensors; no code of the file runs."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_import.content import Content, LazyMapping, StoredArray
from teachtext.data.restricted.standins import ExpertStore, LazyArray
from teachtext.data.restricted.tensors import LEGACY_BEGIN, LazyTensor, read_pickled_tensors, read_tensors


def read_pickle_file(path: Path, stack: ExitStack) -> Content:
    """Read a pickle of plain data, numpy arrays and tensors."""
    return plain_content(read_pickled_tensors(stack.enter_context(path.open("rb")), path), path, str(path))


def read_torch_file(path: Path, stack: ExitStack) -> Content:
    """Read a file of `torch.save`, of any version since 0.4."""
    return plain_content(read_tensors(stack.enter_context(path.open("rb")), path), path, str(path))


def read_saved_file(path: Path, stack: ExitStack) -> Content:
    """Read a file of `torch.save` or a pickle, whichever it is: both are saved under the endings of both."""
    with path.open("rb") as file:
        is_torch = file.read(len(LEGACY_BEGIN)).startswith((b"PK\x03\x04", LEGACY_BEGIN))
    return read_torch_file(path, stack) if is_torch else read_pickle_file(path, stack)


def plain_content(value: object, path: Path, where: str) -> Content:
    """Turn what a restricted reader returns into content; arrays stay in the file."""
    if isinstance(value, LazyTensor):
        return StoredArray(value.shape, value.dtype, value.read_part, where)
    if isinstance(value, LazyArray):
        return _array(value, path, where)
    if isinstance(value, ExpertStore):
        return _store(value, path, where)
    if isinstance(value, Mapping):
        named = {_name(key): content for key, content in value.items()}
        return LazyMapping(list(named), lambda name: plain_content(named[name], path, f"{path}: '{name}'"))
    if isinstance(value, list | tuple):
        return [plain_content(item, path, where) for item in value]
    return value


def _name(key: object) -> str:
    return key.decode(errors="replace") if isinstance(key, bytes) else str(key)


def _array(array: LazyArray, path: Path, where: str) -> Content:
    if array.items is not None:
        if array.ndim == 0:
            return plain_content(array.items[0], path, where)
        return [plain_content(item, path, where) for item in array.items]
    kept: list[NDArray[np.generic]] = []

    def read_part(part: int | None) -> NDArray[np.generic]:
        if part is None:
            return array.read(path)
        if not kept:
            kept.append(array.read(path))
        values: NDArray[np.generic] = kept[0][part]
        return values

    return StoredArray(array.shape, array.dtype, read_part, where)


def _store(store: ExpertStore, path: Path, where: str) -> Content:
    """Return the authors' store of one row a video as a mapping; a missing video has None."""
    matrix = _array(store.matrix, path, where).parts()
    rows = {_name(key): None if key in store.missing else row for key, row in store.rows.items()}
    return LazyMapping(list(rows), lambda name: None if (row := rows[name]) is None else matrix[row])
