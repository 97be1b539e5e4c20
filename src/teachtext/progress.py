"""How long work tells where it is, without knowing who listens."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as `progress(what, done, total)` from the process that was started by the user."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
