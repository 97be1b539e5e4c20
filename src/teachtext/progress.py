"""How long work tells where it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Called from the process that was started by the user."""

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        """Hear how much of some work is done; a note, such as what went wrong so far, comes only if there is one."""
        ...


def silent(what: str, done: int, total: int, note: str = "") -> None:
    """Tell nobody."""
