"""Files and folders that are either whole or absent: written under a temporary name, then renamed."""

import errno
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from teachtext.errors import Busy, InputError, Unwritable
from teachtext.unfinished import remove_leftovers, sync, unfinished_file, unfinished_folder

_SAMPLE_BYTES = 256 * 1024
# A folder that other processes make and remove is made again so many times.
_ATTEMPTS = 100


_no_writing = ""


def refuse_writing(reason: str) -> None:
    """Refuse every file that this process is asked to write from now on.

    Args:
        reason: a clause for the error, such as "process 0 alone writes".
    """
    global _no_writing
    _no_writing = reason


def _check_may_write(path: Path) -> None:
    if _no_writing:
        raise InputError(f"{path} is not there, and {_no_writing}", "let all machines see the same folder")


@contextmanager
def atomic(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield the path of an empty file beside `path`; rename the file to `path` on success, remove it on any failure.

    The content is on the disk before the file has its name, so a loss of power leaves no half file. What killed
    processes have left of the same file is removed.

    Args:
        path: the file.
        durable: wait for the disk, which takes milliseconds; not worth while for a file that is easily made again.

    Raises:
        Unwritable: the disk is full or the folder cannot be written to. No file is left.
    """
    with _room_for(path), unfinished_file(path) as temporary:
        yield temporary
        _put_in_place(temporary, path, durable=durable)


@contextmanager
def atomic_elsewhere(path: Path) -> Iterator[Path]:
    """As `atomic`, for a writer that puts a file of its own in the place of the yielded path, and so breaks its lock.

    The path is in a locked folder beside `path`.

    Raises:
        Unwritable: the disk is full or the folder cannot be written to. No file is left.
    """
    with _room_for(path), unfinished_folder(path) as folder:
        temporary = folder / path.name
        yield temporary
        _put_in_place(temporary, path)


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    """Make the folder of a file that is about to be written, without what killed processes left of the file.

    Raises:
        Unwritable: writing fails.
    """
    _check_may_write(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent, path.name)
        yield
    except OSError as error:
        raise write_error(path, error) from error


def _put_in_place(temporary: Path, path: Path, *, durable: bool = True) -> None:
    """Rename a whole file; its content is on the disk first, unless that is not worth the wait."""
    if durable:
        sync(temporary)
    temporary.replace(path)
    if durable:
        sync(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `path`; rename the folder to `path` on success, remove it on any failure.

    Raises:
        InputError: `path` is a file or a folder with files.
        Unwritable: the disk is full, or the parent cannot be written to.
    """
    _check_may_write(path)
    target = path.absolute()
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} exists and is not empty", "give another folder, or delete this folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target.parent, target.name)
        with unfinished_folder(target) as temporary:
            yield temporary
            temporary.replace(path)
            sync(target.parent)
    except OSError as error:
        raise write_error(path, error) from error


def _is_no_folder(path: Path) -> bool:
    # One call: between two calls a folder may vanish or come.
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return path.is_symlink()


@contextmanager
def locked(folder: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a folder for this process alone. The lock ends with the process, even if the process is killed.

    Raises:
        Busy: another process holds the folder for more than `wait_s` seconds.
        Unwritable: the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    last = time.monotonic() + wait_s
    for attempt in range(_ATTEMPTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=max(0.0, last - time.monotonic()))
            break
        except Timeout as error:
            raise Busy(f"another process is at work in {folder}", "wait for it, or stop it") from error
        except OSError as error:
            # An empty folder is removed by its holder: it may be gone at one moment, and there again at the next.
            if not isinstance(error, (FileNotFoundError, FileExistsError)) or _is_no_folder(folder):
                raise write_error(folder, error) from error
            if attempt + 1 == _ATTEMPTS:
                raise Busy(f"another process is at work in {folder}", "wait for it, or stop it") from error
    try:
        yield
    finally:
        # The file is removed while the lock is held: a process that has opened the file notices, and makes another.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
            folder.rmdir()  # fails unless the folder is empty
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all. Characters outside UTF-8 (of odd file names) are escaped."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_bytes(path: Path, data: bytes | memoryview, *, durable: bool = True) -> None:
    """Write `data`, whole or not at all; see `atomic`."""
    with atomic(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def remove(path: Path) -> None:
    """Remove a file, if the file exists.

    Raises:
        InputError: the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def move(path: Path, target: Path) -> None:
    """Rename a file, and replace the target if it exists.

    Raises:
        InputError: the file cannot be renamed.
    """
    try:
        path.replace(target)
    except OSError as error:
        raise write_error(target, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all. NaN is refused: JSON has no NaN."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_text(path: Path) -> str:
    """Read a UTF-8 text file.

    Raises:
        InputError: the file is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "check the path and its permissions") from error
    except ValueError as error:
        raise InputError(f"{path} is not UTF-8 text ({error})", "repair it or write it anew") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing, unreadable or not JSON.
    """
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error})", "repair it or write it anew") from error


def parse_json(text: str | bytes) -> Any:
    """Read a JSON value from a text.

    Raises:
        ValueError: the text is not JSON, is nested too deeply, or does not fit into memory.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except MemoryError as error:
        raise ValueError("it does not fit into memory") from error


def fingerprint(value: Any) -> str:
    """Return a hash of a JSON value, 16 hex digits, independent of the order of keys.

    Example:
        >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]


def content_hash(path: Path) -> str:
    """Return a hash of a file's size, beginning, middle and end: cheap even for large files."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for start in sorted({0, max(0, size // 2 - _SAMPLE_BYTES // 2), max(0, size - _SAMPLE_BYTES)}):
            file.seek(start)
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def has_content(path: Path, content: str) -> bool:
    """Return whether a file is there, and still has the content of a hash by `content_hash`."""
    try:
        return content_hash(path) == content
    except OSError:
        return False


def version_of(stat: os.stat_result) -> tuple[int, ...]:
    """Return numbers that change when a file is replaced or written to."""
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def write_error(path: Path, error: OSError) -> Unwritable:
    """Return the error of a file that the operating system does not write, in one sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unwritable(f"{path} could not be written, the disk is full", "free some space and run again")
    reason = error.strerror or error
    return Unwritable(f"{path} could not be written ({reason})", "check the folder and its permissions")
