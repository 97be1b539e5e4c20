"""LMDB: a value an id, each value the bytes of an `.npy` or `.npz` file, or of a pickle."""

from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

from teachtext.data.feature_import.content import MOST_BYTES, Content, LazyMapping
from teachtext.data.feature_import.numpy_files import read_npy_bytes, read_npz
from teachtext.data.feature_import.pickle_files import plain_content
from teachtext.data.restricted.tensors import read_pickled_tensors
from teachtext.errors import InputError
from teachtext.packages import load

DATA_FILE = "data.mdb"
# of the page at the beginning
MAGIC, MAGIC_AT = bytes.fromhex("dec0efbe"), 16
# of the header of a key in a page
_NODE_BYTES = 8
# what some writers keep beside the items
_ABOUT = frozenset({"keys", "__keys__", "__len__", "__length__", "length", "num_samples"})


def read_lmdb(path: Path, stack: ExitStack) -> Content:
    """Read an LMDB database: its folder, or its data file."""
    database = stack.enter_context(
        load("lmdb:open", "features", path=str(path), subdir=path.is_dir(), readonly=True, lock=False, create=False)
    )
    transaction = stack.enter_context(database.begin())
    names: dict[str, bytes] = {}
    about: list[str] = []
    most = (path / DATA_FILE if path.is_dir() else path).stat().st_size // _NODE_BYTES
    for number, key in enumerate(_keys(transaction)):
        # pages of a damaged tree may lead back to themselves
        if number >= most:
            raise InputError(f"{path} has more than {most:,} keys, too many for its size", "copy or make it again")
        name = key.decode(errors="backslashreplace")
        if name in _ABOUT:
            about.append(name)
        else:
            names[name] = key
    inner = stack.enter_context(ExitStack())

    def read(name: str) -> Content:
        # one value is in use at a time
        inner.close()
        return _value(transaction.get(names[name]), path, f"{path}: '{name}'", inner)

    notes = [f"{path.name}: left out, entries about the database: {', '.join(about)}"] if about else []
    return LazyMapping(list(names), read, items=True, notes=notes)


def _keys(transaction: Any) -> Iterator[bytes]:
    yield from transaction.cursor().iternext(keys=True, values=False)


def _value(data: bytes, path: Path, where: str, stack: ExitStack) -> Content:
    if len(data) > MOST_BYTES:
        raise InputError(f"{where} is {len(data):,} bytes", f"give each item at most {MOST_BYTES / 2**30:g} GiB")
    if data.startswith(b"\x93NUMPY"):
        return read_npy_bytes(data, path, where, stack)
    if data.startswith(b"PK\x03\x04"):
        return read_npz(path, stack, file=BytesIO(data))
    if data.startswith(b"\x80"):
        return plain_content(read_pickled_tensors(BytesIO(data), path), path, where)
    raise InputError(
        f"{where} is {len(data):,} bytes that begin with {data[:8]!r}, neither .npy nor .npz nor a pickle",
        "write each value as the bytes of an .npy file, so that its type and shape are known",
    )
