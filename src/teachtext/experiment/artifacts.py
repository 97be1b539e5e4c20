"""Files that are made once and then read: one naming rule and one policy for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from teachtext.errors import InputError
from teachtext.files import fingerprint, read_json, write_json

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Artifact(Generic[T]):
    """A value that is computed once, kept in a file, and read from then on.

    The name of the file carries a fingerprint of everything that the value depends on. A changed dependency gives
    another name, so a file is never stale. A damaged file is never replaced in silence: `read` raises InputError.

    Attributes:
        path: see `artifact_path`.
        build: computes the value.
        write: writes the value to a path, whole or not at all.
        read: reads the value; raises InputError where the file is damaged.
        stale: the reason why a value must be built again; empty for a good one. For dependencies that are too dear to
            stand in the name.
        on_built: is called after the value was written, with that reason or an empty string.
    """

    path: Path
    build: Callable[[], T]
    write: Callable[[Path, T], None]
    read: Callable[[Path], T]
    stale: Callable[[T], str] = lambda _: ""
    on_built: Callable[[str], None] = lambda _: None

    def get(self) -> T:
        """Return the value, built first where it is missing.

        Raises:
            InputError: the file is damaged.
        """
        if self.path.exists():
            value = self.read(self.path)
            reason = self.stale(value)
            if not reason:
                return value
        else:
            reason = ""
        self.write(self.path, self.build())
        self.on_built(reason)
        # the value as every later call reads it
        return self.read(self.path)


def artifact_path(folder: Path, name: str, key: Any, suffix: str) -> Path:
    """Return `folder/name-FINGERPRINT.suffix`, or without a name `folder/FINGERPRINT.suffix`.

    Args:
        folder: of the file.
        name: of the kind of value.
        key: everything that the value depends on and that the folder does not fix already, JSON-able.
        suffix: of the file's format, with its dot.

    >>> artifact_path(Path("model"), "test", ["a caption"], ".npz").name
    'test-0a113585b48bd024.npz'
    """
    return folder / f"{'-'.join(filter(None, [name, fingerprint(key)]))}{suffix}"


def json_artifact(path: Path, build: Callable[[], T], is_whole: Callable[[Any], bool], what: str) -> Artifact[T]:
    """Return an artifact that is kept as JSON.

    Args:
        path: of the file.
        build: computes a JSON-able value.
        is_whole: whether a value that was read has the expected form.
        what: the name of such a file, for messages.
    """

    def read(path: Path) -> Any:
        value = read_json(path)
        if not is_whole(value):
            raise InputError(f"{path} is not a whole file of {what}", "delete it and evaluate again")
        return value

    return Artifact(path=path, build=build, write=write_json, read=read)
