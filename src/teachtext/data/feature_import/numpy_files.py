"""Files of numpy: `.npy` with one array, `.npz` with several. Pickled objects in them are read as plain data alone."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from teachtext.data.feature_import.content import MOST_BYTES, Content, LazyMapping, StoredArray
from teachtext.data.feature_import.pickle_files import plain_content
from teachtext.data.restricted.tensors import read_pickled_tensors
from teachtext.errors import InputError

# of pickled objects in a compressed file: unpacked bytes for each packed one, above a size that harms nobody
_MOST_RATIO, _HARMLESS = 100, 64 << 20


def read_npy(path: Path, stack: ExitStack) -> Content:
    """Read an `.npy` file."""
    size = path.stat().st_size
    return _stored(lambda: path.open("rb"), size, path, str(path), stack, packed=size)


def read_npy_bytes(data: bytes, path: Path, where: str, stack: ExitStack) -> Content:
    """Read the bytes of an `.npy` file."""
    import io

    return _stored(lambda: io.BytesIO(data), len(data), path, where, stack, packed=len(data))


def read_npz(path: Path, stack: ExitStack, *, file: BinaryIO | None = None) -> Content:
    """Read an `.npz` file."""
    archive = stack.enter_context(zipfile.ZipFile(file or path))
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    def read(name: str) -> Content:
        info = members[name]
        where = f"{path}: '{name}'"
        return _stored(lambda: archive.open(info), info.file_size, path, where, stack, packed=info.compress_size)

    return LazyMapping(list(members), read)


def _stored(
    opened: Callable[[], IO[bytes]], size: int, path: Path, where: str, stack: ExitStack, *, packed: int
) -> Content:
    """Return the array whose `.npy` bytes a file holds.

    Args:
        opened: opens the bytes at their beginning.
        size: number of bytes.
        path: of the container, for messages.
        where: the array, for messages.
        stack: closes what stays open.
        packed: number of bytes before they are unpacked.
    """
    with opened() as file:
        shape, fortran, dtype = _header(file)
        begin = file.tell()
        if dtype.hasobject:
            if size > max(_HARMLESS, packed * _MOST_RATIO):
                raise InputError(f"{where} unpacks {packed:,} bytes to {size:,}", "save it without compression")
            whole: Any = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
            shutil.copyfileobj(file, whole)
            whole.seek(0)
            return plain_content(read_pickled_tensors(whole, path), path, where)
    if begin + prod(shape) * dtype.itemsize > size:
        raise ValueError(f"an array of shape {shape} and type {dtype} in {size - begin:,} bytes")
    return StoredArray(shape, dtype, _Parts(opened, begin, shape, dtype, fortran, where, stack), where)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        # version 3 is for names of fields alone
        raise ValueError(f"version {version} of the format")
    shape, fortran, dtype = read(file)
    return tuple(shape), bool(fortran), dtype


class _Parts:
    """Reads an array, or its parts one after another, from the bytes of an `.npy` file."""

    def __init__(
        self,
        opened: Callable[[], IO[bytes]],
        begin: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        fortran: bool,
        where: str,
        stack: ExitStack,
    ) -> None:
        self.opened = opened
        self.begin = begin
        self.shape = shape
        self.dtype = dtype
        self.fortran = fortran and len(shape) > 1
        self.where = where
        self.stack = stack
        self._file: IO[bytes] | None = None
        self._whole: NDArray[Any] | None = None

    def __call__(self, part: int | None) -> NDArray[Any]:
        if part is None or self.fortran:
            whole = self._read_whole()
            return whole if part is None else whole[part]
        if self._file is None:
            self._file = self.stack.enter_context(self.opened())
        shape = self.shape[1:]
        length = prod(shape) * self.dtype.itemsize
        self._file.seek(self.begin + part * length)
        return np.frombuffer(_exactly(self._file, length), self.dtype).reshape(shape)

    def _read_whole(self) -> NDArray[Any]:
        if self._whole is not None:
            return self._whole
        length = prod(self.shape) * self.dtype.itemsize
        if length > MOST_BYTES:
            raise InputError(f"{self.where} is {length / 2**30:,.1f} GiB in Fortran's order", "save it in C's order")
        with self.opened() as file:
            file.seek(self.begin)
            values = np.frombuffer(_exactly(file, length), self.dtype)
        values = values.reshape(self.shape, order="F" if self.fortran else "C")
        # parts of an array in the order of Fortran are spread over all of it
        self._whole = values if self.fortran else None
        return values


def _exactly(file: IO[bytes], length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise EOFError("it ends too early")
    return data
