"""Arrays in files of tensors, .pt and .safetensors. Tensors, arrays and plain containers are read; no code runs."""

import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from teachtext.data.arrays import Arrays, reading
from teachtext.data.feature_import.content import BFLOAT16
from teachtext.data.feature_import.safetensors_files import read_safetensors as read_lazily
from teachtext.data.restricted.standins import LazyArray
from teachtext.data.restricted.tensors import LazyTensor, read_tensors
from teachtext.errors import InputError

# the format's own limit
_MOST_HEADER_BYTES = 100_000_000
_MEND = "copy or make it again"


def is_safetensors(path: Path) -> bool:
    """Return whether a file begins as safetensors do: the length of a header, then JSON."""
    with path.open("rb") as file:
        begin = file.read(9)
    return len(begin) == 9 and begin[8:] == b"{" and struct.unpack("<Q", begin[:8])[0] <= _MOST_HEADER_BYTES


def is_torch(path: Path) -> bool:
    """Return whether a file begins as files of `torch.save` do: a zip file with a pickle, or a pickle of protocol 2."""
    with path.open("rb") as file:
        begin = file.read(512)
    return (begin[:4] == b"PK\x03\x04" and b"data.pkl" in begin) or begin[:2] == b"\x80\x02"


def read_safetensors(path: Path) -> Arrays:
    """Read all tensors by name; bfloat16 becomes float32.

    Raises:
        InputError: the file is truncated, or its header does not fit its size.
    """
    try:
        with ExitStack() as stack:
            tensors = read_lazily(path, stack)
            return {name: _plain(tensors[name].read_part(None)) for name in tensors}
    except (SafetensorError, OSError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{path} is not a whole .safetensors file ({error})", _MEND) from error


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return _from_bfloat16(values.view("<u2")) if values.dtype == BFLOAT16 else values


def _from_bfloat16(halves: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (halves.astype(np.uint32) << 16).view(np.float32)


def read_torch(path: Path) -> NDArray[Any] | Arrays:
    """Read a file of `torch.save` that holds a tensor or an array, or a dict or list of them.

    bfloat16 becomes float32. Of a dict everything else is left out, such as settings.

    Raises:
        InputError: the file is truncated, of another kind, or holds no tensor.
    """
    with reading(path), path.open("rb") as file:
        content = read_tensors(file, path)
        alone = _array(content, path)
        if alone is not None:
            return alone
        named = dict(enumerate(content)) if isinstance(content, (list, tuple)) else content
        values = named.items() if isinstance(named, dict) else ()
        arrays = {str(name): array for name, value in values if (array := _array(value, path)) is not None}
    if not arrays:
        raise InputError(f"{path} holds no tensor", "save a tensor, or a dict of tensors")
    return arrays


def _array(value: Any, path: Path) -> NDArray[Any] | None:
    """Read what stands for a tensor or an array; None for all else."""
    if isinstance(value, LazyTensor):
        return _plain(value.read_part(None))
    if isinstance(value, LazyArray) and value.items is None:
        return value.read(path)
    return None
