"""Unpacks the relevant members of a .tar.gz in one pass. Every member is checked, because archives are untrusted."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Any

from teachtext.data.restricted.standins import COPY_AGAIN
from teachtext.data.restricted.tar import checked_name
from teachtext.errors import InputError
from teachtext.files import atomic
from teachtext.progress import Progress

_CHUNK = 1 << 20
_DAMAGES = (tarfile.TarError, EOFError, OSError, zlib.error)
# a few megabytes can be packed so that they fill a disk; features hardly shrink, and texts to a tenth
_FREE_BYTES, _BYTES_A_BYTE = 256 << 20, 100
_FREE_MEMBERS, _BYTES_A_MEMBER = 10_000, 1_000
# headers that hold long names, and what else no header of 512 bytes can hold
_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_LONGEST_HEADER = 1 << 16


def unpack(path: Path, folder: Path, is_relevant: Callable[[str], bool], progress: Progress) -> str:
    """Unpack the relevant files of an archive.

    Args:
        path: a .tar.gz.
        folder: of the unpacked files, which keep their paths.
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
            unpacked: Any = _Unpacked(plain, path.stat().st_size)
            with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_Header) as tar:
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


class _Unpacked:
    """The unpacked bytes of an archive, at most so many as its size allows."""

    def __init__(self, plain: gzip.GzipFile, packed_size: int) -> None:
        self._plain = plain
        self._left = _FREE_BYTES + _BYTES_A_BYTE * packed_size
        self._members_left = _FREE_MEMBERS + packed_size // _BYTES_A_MEMBER

    def read(self, size: int = -1) -> bytes:
        data = self._plain.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError("it would become far larger than it is")
        return data

    def count_member(self) -> None:
        self._members_left -= 1
        if self._members_left < 0:
            raise tarfile.ReadError("it holds far more members than its size allows")


class _Header(tarfile.TarInfo):
    """A header whose length is checked before it is read into memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _LONG_HEADERS and self.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse member")
        member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return member


def _write(target: Path, member: IO[bytes] | None, archive: Path) -> None:
    assert member is not None, "a file has contents"
    with atomic(target) as temporary, temporary.open("wb") as file:
        for chunk in _chunks(member, archive):
            file.write(chunk)


def _chunks(member: IO[bytes], archive: Path) -> Iterator[bytes]:
    # a failure of reading comes from the archive, not from the disk of the target
    try:
        while chunk := member.read(_CHUNK):
            yield chunk
    except _DAMAGES as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> InputError:
    return InputError(f"{archive} is not a whole .tar.gz ({error})", COPY_AGAIN)
