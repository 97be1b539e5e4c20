"""Unpacks the relevant members of a .tar.gz in one pass. Every member is checked, because archives are untrusted."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Any, cast

from teachtext.data.restricted.standins import COPY_AGAIN
from teachtext.data.restricted.tar import CheckedHeader, Unpacked, checked_name
from teachtext.errors import InputError
from teachtext.files import write_error
from teachtext.progress import Progress

_CHUNK = 1 << 20
_DAMAGES = (tarfile.TarError, EOFError, OSError, zlib.error)


def unpack(path: Path, folder: Path, is_relevant: Callable[[str], bool], progress: Progress) -> str:
    """Unpack the relevant files of an archive.

    Args:
        path: a .tar.gz.
        folder: a temporary folder of the unpacked files, which keep their paths.
        is_relevant: returns whether to unpack the member with this path, written with `/`.
        progress: is called with the read part of the archive, in MiB.

    Returns:
        The SHA-1 of the archive.

    Raises:
        InputError: the file is not a .tar.gz, or is truncated or damaged; any member leaves the folder, or is not a
            plain file or folder; or the disk is full.
    """
    try:
        source = _Source(path, progress)
        with BufferedReader(source, _CHUNK) as packed, gzip.GzipFile(fileobj=packed) as plain:
            unpacked = Unpacked(plain, path.stat().st_size)
            with tarfile.open(fileobj=cast("IO[bytes]", unpacked), mode="r|", tarinfo=CheckedHeader) as tar:
                for member in tar:
                    # the list of members would grow
                    tar.members.clear()  # type: ignore[attr-defined]
                    unpacked.count_member()
                    name = checked_name(member, path)
                    if member.isfile() and is_relevant(name):
                        _write(folder / name, tar.extractfile(member), path)
            # gzip checks its checksum at the end of the file, after the last member
            while unpacked.read(_CHUNK):
                pass
    except (*_DAMAGES, ValueError, RecursionError, MemoryError) as error:
        raise _damaged(path, error) from error
    return source.digest.hexdigest()


class _Source(RawIOBase):
    """The bytes of an archive, which are hashed when they are read."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.digest = hashlib.sha1(usedforsecurity=False)
        self._file = path.open("rb")
        self._name = f"read {path.name}"
        self._size = path.stat().st_size
        self._read = 0
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self.digest.update(memoryview(buffer)[:count])
        before, self._read = self._read, self._read + count
        if self._read // _CHUNK > before // _CHUNK or (count and self._read == self._size):
            self._progress(self._name, -(-self._read // _CHUNK), -(-self._size // _CHUNK))
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _write(target: Path, member: IO[bytes] | None, archive: Path) -> None:
    assert member is not None, "a file has contents"
    # not one by one whole or absent: the whole folder is removed where the import fails
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in _chunks(member, archive):
                file.write(chunk)
    except OSError as error:
        raise write_error(target, error) from error


def _chunks(member: IO[bytes], archive: Path) -> Iterator[bytes]:
    # a failure of reading comes from the archive, not from the disk of the target
    try:
        while chunk := member.read(_CHUNK):
            yield chunk
    except _DAMAGES as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> InputError:
    return InputError(f"{archive} is not a whole .tar.gz ({error})", COPY_AGAIN)
