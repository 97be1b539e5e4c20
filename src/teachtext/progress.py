"""How long work reports its progress."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Protocol

_LOOK_S = 0.2


class Progress(Protocol):
    """A listener, called in the process that the user started."""

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        """Receive the name of the work, the parts done and the number of all parts.

        A note is a short text about the work so far, such as the number of failures.
        """
        ...


def silent(what: str, done: int, total: int, note: str = "") -> None:
    """Ignore all progress."""


@contextmanager
def relayed(progress: Progress) -> Iterator[Progress]:
    """Yield a listener that can be pickled for another process; what it receives, `progress` receives here.

    `progress` is called in a thread of its own, and for the last time before the context ends.

    Example:
        >>> with relayed(lambda what, done, total, note: print(f"{what}: {done} of {total}")) as listener:
        ...     listener("read", 2, 2)
        read: 2 of 2
    """
    with TemporaryDirectory(prefix="teachtext-progress-") as folder:
        path = Path(folder) / "reports"
        path.touch()
        over = Event()

        def relay() -> None:
            with path.open(encoding="utf-8") as reports:
                last, pending = False, ""
                while not last:
                    last = over.wait(_LOOK_S)
                    *lines, pending = (pending + reports.read()).split("\n")
                    for line in lines:
                        progress(*json.loads(line))

        thread = Thread(target=relay, name="progress", daemon=True)
        thread.start()
        try:
            yield _Reports(path)
        finally:
            over.set()
            thread.join()


@dataclass(frozen=True)
class _Reports:
    """Appends what it receives to a file, a line each."""

    path: Path

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        with self.path.open("a", encoding="utf-8") as reports:
            reports.write(json.dumps([what, done, total, note]) + "\n")
