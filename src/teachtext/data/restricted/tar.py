"""Reads tar files that others made: no header fills the memory, no archive goes on for ever or unpacks to any size."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from teachtext.errors import InputError

CHUNK_BYTES = 2**20
_GZIP = b"\x1f\x8b"
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
_MEND = "do not unpack it; get the archive from its authors"


def is_tar(head: bytes) -> bool:
    """Return whether bytes begin as a tar or .tar.gz file does: with a header whose checksum is right."""
    try:
        if head.startswith(_GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, tarfile.BLOCKSIZE)
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, zlib.error):
        return False
    return True


class TarContent:
    """The content of a file in a tar.

    Attributes:
        size: number of bytes.
    """

    def __init__(self, content: IO[bytes], path: Path, size: int) -> None:
        self.size = size
        self._content = content
        self._path = path

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes; none at the end.

        Raises:
            InputError: the tar ends before the file does.
        """
        with _damage_named(self._path):
            return self._content.read(size)


def tar_files(path: Path) -> Iterator[tuple[str, TarContent]]:
    """Yield the files of a .tar or .tar.gz with their names; each is to be read before the next.

    Names have slashes, and lead nowhere but into the folder that they are unpacked to.

    Raises:
        InputError: the archive is damaged, has a member that leaves its folder, or is a link or a device, or becomes
            far larger than it is.
    """
    with _damage_named(path), path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
        file.seek(0)
        yield from _packed_files(file, path) if is_packed else _plain_files(file, path)


def _plain_files(file: IO[bytes], path: Path) -> Iterator[tuple[str, TarContent]]:
    # a header of a negative size could lead back to itself
    most = path.stat().st_size // tarfile.BLOCKSIZE + 1
    with tarfile.open(fileobj=cast("IO[bytes]", _Bounded(file, path)), mode="r:") as tar:
        for number, member in enumerate(tar):
            if number > most:
                raise InputError(f"{path} has more members than bytes", _MEND)
            yield from _files(tar, member, path)


def _packed_files(file: IO[bytes], path: Path) -> Iterator[tuple[str, TarContent]]:
    with gzip.GzipFile(fileobj=file) as plain:
        unpacked = Unpacked(plain, path.stat().st_size)
        with tarfile.open(fileobj=cast("IO[bytes]", unpacked), mode="r|", tarinfo=CheckedHeader) as tar:
            for member in tar:
                unpacked.count_member()
                yield from _files(tar, member, path)
        # gzip checks its checksum at the end of the file, after the last member
        while unpacked.read(CHUNK_BYTES):
            pass


def _files(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Iterator[tuple[str, TarContent]]:
    """Yield a member if it is a file."""
    # otherwise all headers are kept
    tar.members = []  # type: ignore[attr-defined]
    name = checked_name(member, path)
    if member.size < 0:
        raise InputError(f"{path}: member {name[:200]!r} has {member.size:,} bytes", _MEND)
    content = tar.extractfile(member) if member.isfile() else None
    if content is not None:
        yield name, TarContent(content, path, member.size)


def checked_name(member: tarfile.TarInfo, archive: Path) -> str:
    """Return the path of a member in the folder that it is unpacked to.

    Raises:
        InputError: the member leaves its folder, or is a link, a device or the like.
    """
    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or "\0" in member.name:
        raise InputError(f"{archive}: member {member.name[:200]!r} would leave its folder", _MEND)
    if not (member.isdir() or (member.isfile() and not member.issparse())):
        raise InputError(f"{archive}: member {member.name[:200]!r} is a link, a device or the like, not a file", _MEND)
    return "/".join(parts)


class Unpacked:
    """The unpacked bytes of a packed archive, at most so many as its size allows.

    Args:
        plain: the open archive.
        packed_size: bytes of the archive.
    """

    def __init__(self, plain: gzip.GzipFile, packed_size: int) -> None:
        self._plain = plain
        self._left = _FREE_BYTES + _BYTES_A_BYTE * packed_size
        self._members_left = _FREE_MEMBERS + packed_size // _BYTES_A_MEMBER

    def read(self, size: int = -1) -> bytes:
        """Read some bytes; raise ReadError for an archive that becomes too large."""
        data = self._plain.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise tarfile.ReadError("it would become far larger than it is")
        return data

    def count_member(self) -> None:
        """Count a member; raise ReadError for an archive of too many."""
        self._members_left -= 1
        if self._members_left < 0:
            raise tarfile.ReadError("it holds far more members than its size allows")


class CheckedHeader(tarfile.TarInfo):
    """A header whose length is checked before it is read into memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _LONG_HEADERS and self.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse member")
        member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return member


class _Bounded:
    """A file of which only small parts are read at once: `tarfile` reads whatever length a header states."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self.file = file
        self.path = path
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK_BYTES:
            raise InputError(f"{self.path} has a header of {size:,} bytes", _MEND)
        return self.file.read(size)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is not a whole tar file ({error})", "copy it again") from error
