"""Reads the authors' pickles without running their code: data and a few stand-ins; every other class is refused.

The unpickler of Python in C keeps the bytes of all arrays in memory, recoded bytes twice. The reader here extends the
Python version, and leaves the bytes in the file (see `ByteRange`). A file of many gigabytes takes little memory.
"""

import os
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from teachtext.data.restricted.standins import COPY_AGAIN, ByteRange, DType, ExpertStore, LazyArray
from teachtext.data.restricted.unpickler import RestrictedUnpickler
from teachtext.errors import InputError

# contents of at least this many bytes stay in the file
_LARGE = 512


@contextmanager
def unpickled(path: Path, *, whole: bool = False) -> Iterator[Any]:
    """Yield the content of a pickle; its arrays can only be read inside the `with`.

    Args:
        path: a pickle of Python 2 (text becomes latin-1) or 3.
        whole: read everything at once. Needed for files of captions, so that long texts are `str`.

    Raises:
        InputError: the file cannot be read, is truncated or damaged, or holds a class that is not plain data.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check the path and its permissions") from error
    with file:
        yield read_pickle(file, path, whole=whole)


def read_pickle(file: BinaryIO, path: Path, *, whole: bool = False) -> Any:
    """Read the pickle that begins at the position of an open file (see `unpickled`).

    Args:
        file: its arrays can only be read while it is open.
        path: name of the file in messages.
        whole: read everything at once.
    """
    return load_with(PickleReader(file, path, large=None if whole else _LARGE), path)


def load_with(reader: "PickleReader", path: Path) -> Any:
    """Return what a reader reads; turn its errors into one sentence."""
    try:
        return reader.read_whole()
    except InputError:
        raise
    # a damaged pickle can make any of its operations fail in any way
    except Exception as error:
        reason = str(error)[:100] or type(error).__name__
        raise InputError(f"{path} is not a whole pickle of plain data ({reason})", COPY_AGAIN) from error


def _reconstruct(kind: object, *_: object) -> LazyArray:
    if kind is not LazyArray:
        raise pickle.UnpicklingError("an array of a foreign kind")
    return LazyArray()


def _scalar(dtype: DType, data: Any = b"") -> Any:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if dtype.value.hasobject or not isinstance(raw, bytes):
        raise pickle.UnpicklingError("a number without contents")
    (value,) = np.frombuffer(raw, dtype.value).tolist()
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _encode(text: Any, encoding: str = "latin1", *_: object) -> bytes | ByteRange:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in {encoding[:20]!r}")
    if isinstance(text, ByteRange):
        return text
    if not isinstance(text, str):
        raise pickle.UnpicklingError("bytes that are no text")
    return text.encode("latin-1")


def _no_bytes(*contents: object) -> bytes:
    # pickles call it without arguments only; a size as its argument could fill the memory
    if contents:
        raise pickle.UnpicklingError("bytes of something")
    return b""


def _copyreg(kind: type, base: type, _: object) -> Any:
    if kind is not ExpertStore or base is not object:
        raise pickle.UnpicklingError("an object of a foreign kind")
    return ExpertStore()


_NUMPY: dict[str, Any] = {
    "multiarray._reconstruct": _reconstruct,
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": LazyArray.of_buffer,
}
_ALLOWED: dict[str, Any] = {
    **{f"numpy.core.{name}": standin for name, standin in _NUMPY.items()},
    **{f"numpy._core.{name}": standin for name, standin in _NUMPY.items()},
    "numpy.ndarray": LazyArray,
    "numpy.dtype": DType,
    # a store names its type but never calls it, so a string is enough
    **{f"numpy.{name}": name for name in ("float16", "float32", "float64", "int32", "int64")},
    "_codecs.encode": _encode,
    **{
        f"{home}.{kind.__name__}": kind
        for home in ("builtins", "__builtin__")
        for kind in (set, frozenset, list, dict, tuple, object)
    },
    "builtins.bytes": _no_bytes,
    "__builtin__.bytes": _no_bytes,
    "collections.OrderedDict": OrderedDict,
    "collections.defaultdict": defaultdict,
    "copyreg._reconstructor": _copyreg,
    "copy_reg._reconstructor": _copyreg,
}
_FUNCTIONS = (_reconstruct, _scalar, LazyArray.of_buffer, DType, _encode, _no_bytes, _copyreg)
_STORE_MODULES = ("datastructures", "zs_data_structures")


def _size_of(file: BinaryIO) -> int:
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(position)
    return size


class PickleReader(RestrictedUnpickler):
    """Reads a pickle of plain data.

    Args:
        file: the open file; the pickle begins at its position.
        path: name of the file in messages.
        large: contents of at least this many bytes stay in the file; None reads everything at once.
    """

    def __init__(self, file: BinaryIO, path: Path, *, large: int | None = _LARGE) -> None:
        super().__init__(file, _size_of(file), large=large)
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a class or function; whatever is not plain data is refused."""
        if name == "ExpertStore" and module.split(".")[-1] in _STORE_MODULES:
            return ExpertStore
        standin = _ALLOWED.get(f"{module}.{name}") if "." not in name else None
        if standin is None:
            raise InputError(
                f"{self.path} holds {f'{module}.{name}'[:80]!r}, which is not plain data; no code of it was run",
                "remove that file, or write its values again as plain arrays and lists",
            )
        return standin

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Call a stand-in. Texts may be copied to bytes, which is paid for."""
        if function not in _FUNCTIONS:
            return super().call(function, arguments)
        self.spend(sum(len(part) for part in arguments if isinstance(part, str | bytes | bytearray)))
        return function(*arguments)

    def new(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """Return a new container of the authors; other objects are made by calls."""
        if kind is ExpertStore and not arguments:
            return ExpertStore()
        return super().new(kind, arguments)

    def build(self, target: Any, state: Any) -> None:
        """Fill a stand-in."""
        if isinstance(target, OrderedDict):
            # attributes that torch adds to a state dict
            return
        if not isinstance(target, LazyArray | DType | ExpertStore):
            super().build(target, state)
        self.spend(_copied(state))
        target.__setstate__(state)


def _copied(state: Any) -> int:
    """Return the bytes that a stand-in copies of its state: of texts, and of the lists of a container."""
    parts = state.values() if isinstance(state, dict) else state
    texts = sum(len(part) for part in parts if isinstance(part, str | bytes | bytearray))
    lists = sum(len(part) for part in parts if isinstance(part, list | tuple | set | frozenset))
    return texts + 100 * lists if isinstance(state, dict) else texts
