"""HDF5 files. Links to other files are refused, and so is data that lies in other files."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_import.content import MOST_BYTES, Content, LazyMapping, StoredArray
from teachtext.errors import InputError
from teachtext.packages import load

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DEEPEST = 32


def read_hdf5(path: Path, stack: ExitStack) -> Content:
    """Read an HDF5 file."""
    file = stack.enter_context(load("h5py:File", "features", name=path, mode="r"))
    return _group(file, path, "", {})


def _group(group: Any, path: Path, prefix: str, prefixes: dict[int, str]) -> LazyMapping:
    """Return a group; `prefixes` holds the prefix of each group by the hash of its place in the file."""
    if prefix.count("/") > _DEEPEST:
        raise InputError(f"{path} has groups nested more than {_DEEPEST} deep", "save one dataset a video")
    # groups that are linked twice, level by level, double the number of their datasets with each level
    first = prefixes.setdefault(hash(group.id), prefix)
    if first != prefix:
        raise InputError(f"{path}: '{prefix}' and '{first}' are one group", "link each group once")
    hard_link = load("h5py:HardLink", "features")

    def read(name: str) -> Content:
        where = f"{path}: '{prefix}{name}'"
        if not isinstance(group.get(name, getlink=True), hard_link):
            raise InputError(f"{where} is a link, which may lead to another file", "save the values themselves")
        node = group[name]
        if hasattr(node, "keys"):
            return _group(node, path, f"{prefix}{name}/", prefixes)
        if not hasattr(node, "shape"):
            raise InputError(f"{where} is a type and no dataset", "save one dataset a video")
        return _dataset(node, where)

    return LazyMapping(list(group.keys()), read)


def _dataset(node: Any, where: str) -> Content:
    if node.is_virtual or node.external:
        raise InputError(f"{where} lies in another file", "save the values themselves")
    if node.shape is None:
        return None
    if node.dtype.kind in "OS":
        if node.size * node.dtype.itemsize > MOST_BYTES:
            raise InputError(f"{where} has {node.size:,} texts or lists", "save one dataset a video")
        return _text_or_lists(node)

    def read_part(part: int | None) -> NDArray[Any]:
        values: NDArray[Any] = np.asarray(node[()] if part is None else node[part])
        return values

    return StoredArray(tuple(node.shape), node.dtype, read_part, where)


def _text_or_lists(node: Any) -> Content:
    """Return texts as a list; lists of different lengths as a list of arrays."""
    values = node[()]
    if not isinstance(values, np.ndarray):
        return values.decode(errors="replace") if isinstance(values, bytes) else values
    flat = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values.ravel()]
    return [StoredArray.of(value, node.name) if isinstance(value, np.ndarray) else value for value in flat]
