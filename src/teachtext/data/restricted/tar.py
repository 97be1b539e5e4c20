"""Reads plain tar files that others made: no header fills the memory, no archive goes on for ever."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from teachtext.errors import InputError

CHUNK_BYTES = 2**20
_MEND = "do not unpack it; get the archive from its authors"


def is_tar(head: bytes) -> bool:
    """Return whether bytes begin as a tar file does: with a header whose checksum is right."""
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


class TarContent:
    """The content of a file in a tar."""

    def __init__(self, content: IO[bytes], path: Path) -> None:
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
    """Yield the files of a tar that is not compressed, with their names; each is to be read before the next.

    Names have slashes, and lead nowhere but into the folder that they are unpacked to.

    Raises:
        InputError: the archive is damaged, or has a member that leaves its folder, or is a link or a device.
    """
    with (
        _damage_named(path),
        path.open("rb") as file,
        tarfile.open(fileobj=cast("IO[bytes]", _Bounded(file, path)), mode="r:") as tar,
    ):
        # a header of a negative size could lead back to itself
        most = path.stat().st_size // tarfile.BLOCKSIZE + 1
        for number, member in enumerate(tar):
            if number > most:
                raise InputError(f"{path} has more members than bytes", _MEND)
            # otherwise all headers are kept
            tar.members = []  # type: ignore[attr-defined]
            name = checked_name(member, path)
            if member.size < 0:
                raise InputError(f"{path}: member {name[:200]!r} has {member.size:,} bytes", _MEND)
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                yield name, TarContent(content, path)


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
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is not a whole tar file ({error})", "copy it again") from error
