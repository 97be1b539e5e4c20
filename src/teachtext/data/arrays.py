"""Arrays in .npy and .npz files: numbers and text, never pickled objects."""

import lzma
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

_FREE_BYTES, _BYTES_A_BYTE = 256 << 20, 100
Arrays = dict[str, NDArray[Any]]

DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    EOFError,
    BadZipFile,
    # a damaged flag asks for a password, or for another way of packing
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    SyntaxError,
    TokenError,
)
"""What numpy and zipfile raise for a cut or overwritten file."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of numpy for a damaged file into one sentence.

    Raises:
        InputError: the file is missing, truncated, of another kind, or has pickled objects.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "check the path") from error
    except DAMAGED as error:
        kind = path.suffix if path.suffix in (".npy", ".npz") else ".npy or .npz"
        # numpy goes on with the advice to load pickles
        reason = str(error).partition(" If you trust")[0].partition(", but you can")[0]
        raise InputError(f"{path} is not a whole {kind} file ({reason})", "copy or make it again") from error


def check_unpacked_size(path: Path) -> None:
    """Check that a zip file does not become far larger than it is; other files pass.

    Raises:
        InputError: the file is packed more tightly than arrays of numbers ever are.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
        with ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    size = path.stat().st_size
    if unpacked > _FREE_BYTES + _BYTES_A_BYTE * size:
        raise InputError(
            f"{path} has {size:,} bytes and would become {unpacked:,}", "save it uncompressed, or copy it again"
        )


def read_arrays(path: Path) -> NDArray[Any] | Arrays:
    """Read the array of an .npy file, or all arrays of an .npz file by name.

    Raises:
        InputError: see `reading`.
    """
    with reading(path):
        check_unpacked_size(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as file:
            arrays = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise InputError(f"{path}: '{name}' is not an array", "copy or make it again")
    return arrays
