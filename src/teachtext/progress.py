"""How long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """A listener, called in the process that the user started."""

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        """Receive the name of the work, the parts done and the number of all parts.

        A note is a short text about the work so far, such as the number of failures.
        """
        ...


def silent(what: str, done: int, total: int, note: str = "") -> None:
    """Ignore all progress."""
