"""Stand-ins for the classes of numpy and of the authors in a pickle: checked plain data, without their code.

Large contents stay in the file while the pickle is read; a `ByteRange` states their position.
"""

import codecs
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

_DTYPE_CODE = re.compile(r"[?bBhHiIlLqQefdO]|[biufOSU]\d{1,5}")
_CHUNK = 1 << 20
# of a key; larger numbers can be made to collide
_LARGEST_KEY = 2**60
_LONGEST_TUPLE_KEY = 8
COPY_AGAIN = "copy or download it again"
ARRAY_WEIGHT = 8
"""What a byte of an array weighs where a file is weighed (see `RestrictedUnpickler`)."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of bytes that stays in the file.

    Attributes:
        file: the open pickle.
        start: offset of the first byte.
        length: number of bytes in the file.
        recoded: whether each byte is stored as the UTF-8 of its latin-1 character, as Python 3 does in old protocols.
    """

    file: BinaryIO
    start: int
    length: int
    recoded: bool

    def read(self) -> bytes | bytearray:
        """Read the bytes."""
        self.file.seek(self.start)
        if not self.recoded:
            return self.file.read(self.length)
        decoder = codecs.getincrementaldecoder("utf-8")()
        decoded, left = bytearray(), self.length
        while left:
            chunk = self.file.read(min(left, _CHUNK))
            left -= len(chunk)
            decoded += decoder.decode(chunk, final=not left).encode("latin-1")
        return decoded


class DType:
    """An array type: numbers or text, or objects that are kept in a plain list. Structures are refused."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not _DTYPE_CODE.fullmatch(code):
            raise UnpicklingError(f"an array of type {str(code)[:20]!r}")
        self.value: np.dtype[Any] = np.dtype("O" if code[0] == "O" else code)

    def __setstate__(self, state: Sequence[Any]) -> None:
        _, order, subtype, names, fields, *_ = state
        if subtype or names or fields:
            raise UnpicklingError("an array of structures")
        if order in ("<", ">"):
            self.value = self.value.newbyteorder(order)


class LazyArray:
    """An array with its type and shape in memory; `read` reads the numbers.

    Attributes:
        shape: lengths of the axes.
        dtype: type of the values.
        items: the objects of an array of objects, flat; None for numbers.
    """

    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] = np.dtype(np.float32)
    items: list[Any] | None = None
    _data: bytes | bytearray | ByteRange = b""
    _order: Any = "C"

    def __setstate__(self, state: Sequence[Any]) -> None:
        shape, dtype, fortran, data = state[-4:]
        self._fill(shape, dtype, "F" if fortran else "C", data)

    @classmethod
    def of_buffer(cls, data: Any, dtype: Any, shape: Any, order: Any, axes: None = None) -> "LazyArray":
        """Build an array from its parts in pickles of protocol 5."""
        if order not in ("C", "F") or axes is not None:
            raise UnpicklingError("an array with reordered axes")
        array = cls()
        array._fill(shape, dtype, order, data)
        return array

    def _fill(self, shape: Any, dtype: Any, order: str, data: Any) -> None:
        sizes = shape if isinstance(shape, tuple) else (shape,)
        if len(sizes) > 8 or not all(isinstance(size, int) and 0 <= size < 2**40 for size in sizes):
            raise UnpicklingError("an array of impossible shape")
        if not isinstance(dtype, DType):
            raise UnpicklingError("an array without a type")
        self.shape, self.dtype, self._order = sizes, dtype.value, order
        if self.dtype.hasobject:
            if not isinstance(data, list):
                raise UnpicklingError("an array of objects that is no list")
            self.items = data
            length = len(data)
        else:
            self._data = data.encode("latin-1") if isinstance(data, str) else data
            if not isinstance(self._data, bytes | bytearray | ByteRange):
                raise UnpicklingError("an array without contents")
            length = self._data.length if isinstance(self._data, ByteRange) else len(self._data)
        # the length of recoded bytes is unknown until they are read
        recoded = isinstance(self._data, ByteRange) and self._data.recoded
        if not recoded and length != prod(sizes) * (1 if self.items is not None else self.dtype.itemsize):
            raise UnpicklingError(f"an array of shape {sizes} with {length} bytes")

    @property
    def weight(self) -> int:
        """Number of bytes, several times, because whoever reads the array writes or converts the values."""
        return ARRAY_WEIGHT * self.size * self.dtype.itemsize

    def parts(self) -> Sequence[Any] | None:
        """Return the objects of an array of objects."""
        return self.items

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)

    def read(self, path: Path) -> NDArray[Any]:
        """Read the values.

        Args:
            path: of the pickle, for the error message.

        Raises:
            InputError: the contents do not fit the shape.
        """
        try:
            data = self._data.read() if isinstance(self._data, ByteRange) else self._data
            return np.frombuffer(data, self.dtype).reshape(self.shape, order=self._order)
        except (ValueError, MemoryError) as error:
            raise InputError(
                f"{path} is damaged: an array of shape {self.shape} does not fit its bytes", COPY_AGAIN
            ) from error


class ExpertStore:
    """The authors' container of an expert with one row a video.

    Attributes:
        rows: row number in `matrix` by video id.
        matrix: (videos, D); a row of NaN stands for a missing video.
        missing: ids of further missing videos; their rows are ignored.
    """

    rows: Mapping[str, int] = MappingProxyType({})
    matrix: LazyArray = LazyArray()
    missing: Collection[str] = ()

    def __setstate__(self, state: dict[str, Any]) -> None:
        keys, missing = state["keys"], state.get("missing") or ()
        check_keys([*keys, *missing])
        self.matrix, self.missing = state["store"], set(missing)
        self.rows = state.get("keymap") or {key: row for row, key in enumerate(keys)}
        rows = self.rows.values()
        if not isinstance(self.matrix, LazyArray) or self.matrix.ndim != 2 or self.matrix.dtype.kind != "f":
            raise UnpicklingError("an ExpertStore without a matrix")
        if not all(isinstance(row, int) and 0 <= row < self.matrix.shape[0] for row in rows):
            raise UnpicklingError("an ExpertStore whose keys point outside its matrix")

    def parts(self) -> Sequence[Any]:
        """Return the matrix."""
        return (self.matrix,)


def as_list(value: Any) -> list[Any] | None:
    """Return a list, a tuple or a one-dimensional array of objects as a list; None for anything else."""
    if isinstance(value, LazyArray) and value.items is not None and value.ndim == 1:
        return value.items
    return list(value) if isinstance(value, list | tuple) else None


def check_keys(keys: Iterable[Any]) -> None:
    """Raise UnpicklingError for a key that is neither text nor a number, nor a short tuple of them.

    A deep tuple takes 2^depth steps to hash, or ends the process.
    """
    for key in keys:
        parts = key if type(key) is tuple and len(key) <= _LONGEST_TUPLE_KEY else (key,)
        for part in parts:
            if type(part) is str or (isinstance(part, int) and abs(part) < _LARGEST_KEY):
                continue
            if part is not None and not isinstance(part, str | bytes | float):
                raise UnpicklingError("a key that is neither text nor a number")
