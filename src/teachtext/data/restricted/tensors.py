"""Reads tensors without torch and without running code of a file: files of `torch.save`, and pickles of tensors."""

import io
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from teachtext.data.restricted.pickles import PickleReader, load_with
from teachtext.data.restricted.standins import ARRAY_WEIGHT, COPY_AGAIN, ByteRange
from teachtext.errors import InputError

LEGACY_BEGIN = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first bytes of a file before torch 1.6: a pickled number."""

_LEGACY_NUMBER = 0x1950A86A20F9469CFC6C

# numpy has no bfloat16: two bytes without a meaning stand for it
_TYPES = {
    "Float": "<f4", "Half": "<f2", "Double": "<f8", "BFloat16": "V2", "Long": "<i8", "Int": "<i4", "Short": "<i2",
    "Char": "i1", "Byte": "u1", "Bool": "?",
}  # fmt: skip
_LOCAL_HEADER = 30
_MOST_AXES = 16


@dataclass
class _Storage:
    """The values that tensors share: where they lie in a file."""

    dtype: np.dtype[Any]
    length: int
    file: BinaryIO
    begin: int | None = None


@dataclass(frozen=True)
class LazyTensor:
    """A tensor with its type and shape in memory; `read_part` reads the numbers.

    Attributes:
        shape: lengths of the axes.
        dtype: type of the values; two bytes without a meaning (`V2`) stand for bfloat16.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _storage: _Storage = field(repr=False)
    _offset: int = field(repr=False)
    _strides: tuple[int, ...] = field(repr=False)

    @property
    def weight(self) -> int:
        """Number of bytes, several times (see `LazyArray.weight`)."""
        return ARRAY_WEIGHT * prod(self.shape) * self.dtype.itemsize

    def read_part(self, part: int | None) -> NDArray[Any]:
        """Read all values, or the part with that number along the first axis."""
        offset, shape, strides = self._offset, self.shape, self._strides
        if part is not None:
            offset, shape, strides = offset + part * strides[0], shape[1:], strides[1:]
        if 0 in shape:
            return np.zeros(shape, self.dtype)
        length = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if self._storage.begin is None:
            raise UnpicklingError("a tensor without contents")
        self._storage.file.seek(self._storage.begin + offset * self.dtype.itemsize)
        data = self._storage.file.read(length * self.dtype.itemsize)
        values = np.frombuffer(data, self.dtype, length)
        steps = [stride * self.dtype.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(values, shape, steps, writeable=False).copy()


def read_tensors(file: BinaryIO, path: Path) -> Any:
    """Read an open file of `torch.save`.

    Args:
        file: its tensors can only be read while it is open.
        path: name of the file in messages.

    Returns:
        What was saved, with a `LazyTensor` in place of each tensor.

    Raises:
        InputError: the file is truncated or of another kind, or holds a class that is not plain data.
    """
    try:
        return read_saved(file, partial(TensorReader, file, path))
    except InputError:
        raise
    # a damaged file can fail in any way
    except Exception as error:
        reason = str(error)[:100] or type(error).__name__
        raise InputError(f"{path} is not a whole file of torch.save ({reason})", COPY_AGAIN) from error


def read_pickled_tensors(file: BinaryIO, path: Path) -> Any:
    """Read the pickle that begins at the position of an open file: plain data, numpy arrays and tensors.

    Args:
        file: its arrays and tensors can only be read while it is open.
        path: name of the file in messages.

    Raises:
        InputError: the file is truncated or damaged, or holds a class that is not plain data.
    """
    return load_with(_PickledTensors(file, path), path)


def read_saved(file: BinaryIO, reader: Callable[["StorageOf"], "TensorReader"]) -> Any:
    """Read an open file of `torch.save` with a reader of its pickles; a damaged file can raise anything."""
    if file.read(4) == b"PK\x03\x04":
        return _read_zip(file, reader)
    file.seek(0)
    return _read_legacy(file, reader)


def _read_zip(file: BinaryIO, reader: Callable[["StorageOf"], "TensorReader"]) -> Any:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
    (pickled,) = (name for name in members if name.rpartition("/")[2] == "data.pkl")
    root = pickled.removesuffix("data.pkl")
    order = members.get(f"{root}byteorder")
    file_size = file.seek(0, os.SEEK_END)

    def place_of(name: str) -> tuple[int, int]:
        """Return where the contents of a member begin, and their length."""
        info = members[name]
        if info.compress_type != zipfile.ZIP_STORED:
            raise UnpicklingError("its contents are compressed, which torch never does")
        position = file.tell()
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        file.seek(position)
        lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        return info.header_offset + _LOCAL_HEADER + lengths, info.file_size

    def storage_of(kind: np.dtype[Any], key: str, length: int) -> _Storage:
        begin, size = place_of(f"{root}data/{key}")
        if length * kind.itemsize > min(size, file_size - begin):
            raise UnpicklingError(f"a storage of {length} values in {size} bytes")
        return _Storage(kind, length, file, begin)

    if order is not None:
        file.seek(place_of(order.filename)[0])
        if file.read(3) == b"big":
            raise UnpicklingError("its numbers are in big-endian order")
    file.seek(place_of(pickled)[0])
    return reader(storage_of).read_whole()


def _read_legacy(file: BinaryIO, reader: Callable[["StorageOf"], "TensorReader"]) -> Any:
    storages: dict[str, _Storage] = {}

    def storage_of(kind: np.dtype[Any], key: str, length: int) -> _Storage:
        return storages.setdefault(key, _Storage(kind, length, file))

    def load() -> Any:
        return reader(storage_of).read_whole()

    if load() != _LEGACY_NUMBER:
        raise UnpicklingError("another beginning")
    load(), load()  # the version of the protocol, and the machine
    content = load()
    for key in load():
        storage = storages[key]
        length = int.from_bytes(file.read(8), "little")
        size = length * storage.dtype.itemsize
        storage.begin = file.tell()
        if length != storage.length or len(_last_byte(file, size)) < min(size, 1):
            raise UnpicklingError("it ends too early")
    return content


def _last_byte(file: BinaryIO, size: int) -> bytes:
    """Skip some bytes; return the last of them, to see that it is there."""
    if not size:
        return b""
    file.seek(size - 1, 1)
    return file.read(1)


StorageOf: TypeAlias = Callable[[np.dtype[Any], str, int], _Storage]
"""Returns where the values of a storage lie: its type, its name, its length."""


class TensorReader(PickleReader):
    """Reads a pickle of torch.

    Args:
        file: the open file.
        path: name of the file in messages.
        storage_of: returns where the values of a storage lie.
    """

    def __init__(self, file: BinaryIO, path: Path, storage_of: StorageOf) -> None:
        super().__init__(file, path)
        self._storage_of = storage_of

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a class or function of torch, or for plain data."""
        if module == "torch" and name.removesuffix("Storage") in _TYPES and name.endswith("Storage"):
            return np.dtype(_TYPES[name.removesuffix("Storage")])
        if f"{module}.{name}" == "torch._utils._rebuild_tensor_v2":
            return self._tensor
        if f"{module}.{name}" == "torch._utils._rebuild_parameter":
            return _parameter
        return super().find_class(module, name)

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Build a tensor, or call a stand-in."""
        if function in (self._tensor, _parameter):
            return function(*arguments)
        return super().call(function, arguments)

    def persistent_load(self, pid: Any) -> _Storage:
        """Return a storage by its id."""
        kind_of_id, kind, key, _, length, *_ = pid
        sound = kind_of_id == "storage" and isinstance(kind, np.dtype) and isinstance(length, int) and length >= 0
        if not sound or not isinstance(key, str):
            raise UnpicklingError("a storage of a foreign kind")
        return self._storage_of(kind, key, length)

    def _tensor(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> LazyTensor:
        numbers = [offset, *shape, *strides]
        if (
            len(shape) > _MOST_AXES
            or not isinstance(storage, _Storage)
            or not all(isinstance(n, int) and 0 <= n < 2**40 for n in numbers)
        ):
            raise UnpicklingError("a tensor of a foreign kind")
        end = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        # a view with a size beyond its storage could fill the memory
        if prod(shape) and (end >= storage.length or prod(shape) > storage.length):
            raise UnpicklingError(f"a tensor of shape {tuple(shape)} beyond its storage")
        return LazyTensor(tuple(shape), storage.dtype, storage, offset, tuple(strides))


class _PickledTensors(TensorReader):
    """Reads a pickle of tensors. The storage of each tensor is a whole file of `torch.save` inside it.

    Args:
        file: the open pickle.
        path: name of the file in messages.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(file, path, _no_storage)

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a class or function."""
        if f"{module}.{name}" == "torch.storage._load_from_bytes":
            return self._storage
        return super().find_class(module, name)

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Read a storage, build a tensor, or call a stand-in."""
        if function == self._storage:
            return self._storage(*arguments)
        return super().call(function, arguments)

    def _storage(self, content: Any) -> _Storage:
        """Read the storage whose file of `torch.save` is a run of bytes of the pickle."""
        file, position = self._file, self._file.tell()
        if isinstance(content, ByteRange) and not content.recoded:
            file.seek(content.start)
            storage = _read_legacy(file, partial(_InnerReader, self, file))
            if file.tell() > content.start + content.length:
                raise UnpicklingError("a storage that goes on behind its end")
        else:
            data = content.read() if isinstance(content, ByteRange) else content
            if not isinstance(data, bytes | bytearray):
                raise UnpicklingError("a storage without contents")
            self.spend(len(data))
            inner = io.BytesIO(data)
            storage = _read_legacy(inner, partial(_InnerReader, self, inner))
        if not isinstance(storage, _Storage):
            raise UnpicklingError("a storage of a foreign kind")
        file.seek(position)
        return storage


class _InnerReader(TensorReader):
    """Reads a pickle inside another; whatever it takes is paid from the budget of the outer one."""

    def __init__(self, outer: _PickledTensors, file: BinaryIO, storage_of: StorageOf) -> None:
        super().__init__(file, outer.path, storage_of)
        self._outer = outer

    def spend(self, count: int) -> None:
        self._outer.spend(count)


def _no_storage(*_: object) -> _Storage:
    raise UnpicklingError("a storage outside a file of torch.save")


def _parameter(tensor: Any, *_: object) -> Any:
    return tensor


__all__: Sequence[str] = [
    "LEGACY_BEGIN",
    "LazyTensor",
    "TensorReader",
    "read_pickled_tensors",
    "read_saved",
    "read_tensors",
]
