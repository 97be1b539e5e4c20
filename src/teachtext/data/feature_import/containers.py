"""The registry of containers, and which of them a file or folder is, judged by content and not by name."""

import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from teachtext.data.feature_import import hdf5, lmdb
from teachtext.data.feature_import.content import Content
from teachtext.data.feature_import.folders import read_folder, read_store
from teachtext.data.feature_import.hdf5 import read_hdf5
from teachtext.data.feature_import.lmdb import read_lmdb
from teachtext.data.feature_import.numpy_files import read_npy, read_npz
from teachtext.data.feature_import.parquet import read_parquet
from teachtext.data.feature_import.pickle_files import read_pickle_file, read_torch_file
from teachtext.data.feature_import.safetensors_files import read_safetensors
from teachtext.data.restricted.tensors import LEGACY_BEGIN
from teachtext.data.store import shards_of
from teachtext.errors import InputError

_HEAD_BYTES = 512


@dataclass(frozen=True)
class Container:
    """A format that holds features of many items.

    Attributes:
        name: of the format, for messages.
        endings: usual endings of its files; a file that is no known format is read by its ending.
        read: reads the content; the stack closes what stays open.
        recognises: whether a file or folder is one, from its path and first bytes (none of a folder).
        native: whether it is read with a library in C, which a damaged file may crash.
    """

    name: str
    endings: tuple[str, ...]
    read: Callable[[Path, ExitStack], Content]
    recognises: Callable[[Path, bytes], bool]
    native: bool = False


CONTAINERS: Mapping[str, Container] = {
    container.name: container
    for container in (
        Container("feature store", (), read_store, lambda path, _: bool(shards_of(path))),
        Container("LMDB", (".lmdb", ".mdb"), read_lmdb, lambda path, head: _is_lmdb(path, head), native=True),
        Container("parquet", (".parquet",), read_parquet, lambda path, head: _is_parquet(path, head), native=True),
        Container("folder of files", (), read_folder, lambda path, _: path.is_dir()),
        Container("PyTorch", (".pt", ".pth", ".bin"), read_torch_file, lambda path, head: _is_torch(path, head)),
        Container(".npz", (".npz",), read_npz, lambda _, head: head.startswith(b"PK\x03\x04")),
        Container(".npy", (".npy",), read_npy, lambda _, head: head.startswith(b"\x93NUMPY")),
        Container("HDF5", (".h5", ".hdf5", ".he5"), read_hdf5, lambda path, head: _is_hdf5(path, head), native=True),
        Container("safetensors", (".safetensors",), read_safetensors, lambda path, head: _is_safetensors(path, head)),
        Container("pickle", (".pkl", ".pickle", ".pck"), read_pickle_file, lambda _, head: _is_pickle(head)),
    )
}
"""Containers by name, in the order in which they are tried."""


def container_of(path: Path) -> Container:
    """Return the container that a file or folder is.

    Raises:
        InputError: the path does not exist, or is none of them.
    """
    if not path.exists():
        raise InputError(f"feature file {path} does not exist", "correct its path")
    head = b""
    if not path.is_dir():
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror})", "check its permissions") from error
    recognised = [container for container in CONTAINERS.values() if container.recognises(path, head)]
    named = [container for container in CONTAINERS.values() if path.suffix.lower() in container.endings]
    container = next(iter([*recognised, *([] if path.is_dir() else named)]), None)
    if container is None:
        seen = f"it begins with {head[:12]!r}" if head else "it is empty"
        raise InputError(
            f"{path} is not a file of features ({seen})",
            "give a folder with one file a video, or one of .npz, HDF5, parquet, .pt, .safetensors, LMDB, pickle",
        )
    return container


def _is_lmdb(path: Path, head: bytes) -> bool:
    return (path / lmdb.DATA_FILE).is_file() or head[lmdb.MAGIC_AT :].startswith(lmdb.MAGIC)


def _is_parquet(path: Path, head: bytes) -> bool:
    return head.startswith(b"PAR1") or (path.is_dir() and any(path.glob("*.parquet")))


def _is_torch(path: Path, head: bytes) -> bool:
    if head.startswith(LEGACY_BEGIN):
        return True
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == "data.pkl" for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _is_hdf5(path: Path, head: bytes) -> bool:
    if head.startswith(hdf5.SIGNATURE):
        return True
    # other formats may stand before it, as in the .mat files of MATLAB
    with ExitStack() as stack:
        file = None if path.is_dir() else stack.enter_context(path.open("rb"))
        return file is not None and any(
            file.seek(place) == place and file.read(8) == hdf5.SIGNATURE for place in (512, 1024, 2048)
        )


def _is_safetensors(path: Path, head: bytes) -> bool:
    if path.is_dir() or len(head) < 10 or head[8:9] != b"{":
        return False
    return int.from_bytes(head[:8], "little") <= path.stat().st_size


def _is_pickle(head: bytes) -> bool:
    # protocols 2 to 5 name themselves; protocol 0 writes a dict as "(d"
    return (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05") or head.startswith((b"(dp", b"(lp", b"}q"))
