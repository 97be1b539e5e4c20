"""Unfinished files and folders: each has a name that no other writer can have, and a lock while it is written.

The lock is of the kernel and ends with the process. A file of such a name without a lock is therefore what a killed
process has left. Ids of processes would not show that: in containers that share a disk, every process may have id 1.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# `.<name>.<16 hexadecimal digits>.tmp`; older releases wrote the id of their process instead
_NAME = re.compile(r"\..*\.([0-9a-f]{16}|[0-9]{1,10})\.tmp", re.DOTALL)
# The name of a file has at most 255 bytes, on some encrypted disks 143.
_NAME_BYTES = 100
_NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """Yield the path of a new, locked, empty file beside `path`. Unless it was renamed, it is removed in the end.

    Raises:
        OSError: the file cannot be made.
    """
    temporary, descriptor = _make(path, _make_file)
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()
        os.close(descriptor)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """Yield the path of a new, locked, empty folder beside `path`. Unless it was renamed, it is removed in the end.

    Raises:
        OSError: the folder cannot be made.
    """
    temporary, descriptor = _make(path, _make_folder)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(folder: Path, name: str = "") -> None:
    """Remove the unfinished files that killed processes have left in a folder.

    A file is left alone if somebody holds its lock, if it belongs to another user, or if the disk knows no locks.

    Args:
        folder: is not searched in depth.
        name: the name that the files would have got; by default any. Folders are removed only with their name.
    """
    start = f".{_shown(name)}." if name else "."
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = entry.name.startswith(start) and _NAME.fullmatch(entry.name)
            if match and not (match[1].isdecimal() and len(match[1]) < 16 and _is_alive(int(match[1]))):
                _remove_dead(Path(entry.path), folders=bool(name))


def lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; return False if another process holds it, or has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises:
        OSError: the disk is full, or fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _make(path: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Make a file or folder of a new name beside `path`, and lock it; return its path and its descriptor."""
    while True:
        temporary = path.with_name(f".{_shown(path.name)}.{secrets.token_hex(8)}.tmp")
        try:
            descriptor = make(temporary)
        except FileNotFoundError:
            # a process has taken the new folder for a leftover before it was opened
            if path.parent.is_dir():
                continue
            raise
        with suppress(OSError):
            # waits for a process that has taken the new file for a leftover, and removes it
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if temporary.stat().st_ino == os.fstat(descriptor).st_ino:
                return temporary, descriptor
        os.close(descriptor)


def _make_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)


def _make_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def _remove_dead(path: Path, *, folders: bool) -> None:
    """Remove a leftover of this user, unless a process holds its lock."""
    with suppress(OSError):
        status = path.lstat()
        is_folder = folders and stat.S_ISDIR(status.st_mode)
        if status.st_uid != os.geteuid() or not (is_folder or stat.S_ISREG(status.st_mode)):
            return
        descriptor = os.open(path, (os.O_RDONLY if is_folder else os.O_RDWR) | os.O_NOFOLLOW)
        try:
            if not lock(descriptor) or os.fstat(descriptor).st_ino != path.lstat().st_ino:
                return
            if is_folder:
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(descriptor)


def _shown(name: str) -> str:
    return os.fsencode(name)[:_NAME_BYTES].decode(errors="ignore")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
