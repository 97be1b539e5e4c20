"""Files of safetensors."""

import json
from contextlib import ExitStack
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from teachtext.data.feature_import.content import BFLOAT16, Content, LazyMapping, StoredArray

_TYPES: dict[str, np.dtype[Any]] = {
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    "BOOL": np.dtype("?"),
    "BF16": BFLOAT16,
}
_LENGTH_BYTES = 8


def read_safetensors(path: Path, stack: ExitStack) -> Content:
    """Read a file of safetensors."""
    # safetensors checks the whole header: offsets, shapes, and that they fit the file
    with safe_open(path, framework="numpy"):
        pass
    file = stack.enter_context(path.open("rb"))
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    header = {name: entry for name, entry in json.loads(file.read(length)).items() if name != "__metadata__"}

    def read(name: str) -> StoredArray:
        entry = header[name]
        dtype, shape = _TYPES.get(entry["dtype"]), tuple(entry["shape"])
        if dtype is None:
            raise ValueError(f"'{name}' is of type {entry['dtype']}")
        begin = _LENGTH_BYTES + length + entry["data_offsets"][0]

        def read_part(part: int | None) -> NDArray[Any]:
            inner = shape if part is None else shape[1:]
            size = prod(inner) * dtype.itemsize
            file.seek(begin + (0 if part is None else part * size))
            return np.frombuffer(file.read(size), dtype).reshape(inner)

        return StoredArray(shape, dtype, read_part, f"{path}: '{name}'")

    return LazyMapping(list(header), read)
