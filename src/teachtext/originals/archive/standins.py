"""What stands in for numpy's and the authors' classes in a pickle: plain data that is checked, no code of theirs.

Large contents are not read when the pickle is: a `Span` says where in the file they are.
"""

import codecs
import re
from collections.abc import Collection, Mapping, Sequence
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
COPY_AGAIN = "copy or download it again"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes that were left in the file.

    Attributes:
        file: the pickle, open while it is in use.
        start: where they begin.
        length: how many.
        recoded: Python 3 writes bytes into old pickles as text: each stands as the UTF-8 of its latin-1 character.
    """

    file: BinaryIO
    start: int
    length: int
    recoded: bool

    def read(self) -> bytes | bytearray:
        """Return the bytes."""
        self.file.seek(self.start)
        if not self.recoded:
            return self.file.read(self.length)
        decoder = codecs.getincrementaldecoder("utf-8")()
        found, left = bytearray(), self.length
        while left:
            chunk = self.file.read(min(left, _CHUNK))
            left -= len(chunk)
            found += decoder.decode(chunk, final=not left).encode("latin-1")
        return found


class DType:
    """A type of numbers or text; no structures, no objects but plain lists."""

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


class Array:
    """An array of which only type and shape are in memory, until it is read.

    Attributes:
        shape: its axes.
        dtype: its type.
        items: what an array of objects holds, flat; None for numbers.
    """

    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] = np.dtype(np.float32)
    items: list[Any] | None = None
    _data: bytes | bytearray | Span = b""
    _order: Any = "C"

    def __setstate__(self, state: Sequence[Any]) -> None:
        shape, dtype, fortran, data = state[-4:]
        self._fill(shape, dtype, "F" if fortran else "C", data)

    @classmethod
    def of_buffer(cls, data: Any, dtype: Any, shape: Any, order: Any, axes: None = None) -> "Array":
        """Make one from the pieces that pickles of protocol 5 hold."""
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
            if not isinstance(self._data, bytes | bytearray | Span):
                raise UnpicklingError("an array without contents")
            length = self._data.length if isinstance(self._data, Span) else len(self._data)
        # how long a recoded text is shows only when it is read
        recoded = isinstance(self._data, Span) and self._data.recoded
        if not recoded and length != prod(sizes) * (1 if self.items is not None else self.dtype.itemsize):
            raise UnpicklingError(f"an array of shape {sizes} with {length} bytes")

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers."""
        return prod(self.shape)

    def read(self, path: Path) -> NDArray[Any]:
        """Return the numbers.

        Args:
            path: the pickle, for the error.

        Raises:
            InputError: its contents do not fit its shape.
        """
        try:
            data = self._data.read() if isinstance(self._data, Span) else self._data
            return np.frombuffer(data, self.dtype).reshape(self.shape, order=self._order)
        except (ValueError, MemoryError) as error:
            raise InputError(
                f"{path} is damaged: an array of shape {self.shape} does not fit its bytes", COPY_AGAIN
            ) from error


class ExpertStore:
    """The authors' container of one fixed expert: a matrix, and which row belongs to which video.

    Attributes:
        rows: row of `matrix` by video id.
        matrix: (videos, D); a row of NaN is a missing video.
        missing: ids that are missing, whatever their rows say.
    """

    rows: Mapping[str, int] = MappingProxyType({})
    matrix: Array = Array()
    missing: Collection[str] = ()

    def __setstate__(self, state: dict[str, Any]) -> None:
        keys, self.matrix, self.missing = state["keys"], state["store"], set(state.get("missing") or ())
        self.rows = state.get("keymap") or {key: row for row, key in enumerate(keys)}
        rows = self.rows.values()
        if not isinstance(self.matrix, Array) or self.matrix.ndim != 2 or self.matrix.dtype.kind != "f":
            raise UnpicklingError("an ExpertStore without a matrix")
        if not all(isinstance(row, int) and 0 <= row < self.matrix.shape[0] for row in rows):
            raise UnpicklingError("an ExpertStore whose keys point outside its matrix")


def listed(value: Any) -> list[Any] | None:
    """Return what a list, a tuple or a one-dimensional array of objects holds; None for anything else."""
    if isinstance(value, Array) and value.items is not None and value.ndim == 1:
        return value.items
    return list(value) if isinstance(value, list | tuple) else None
