"""The one exception that users are meant to read."""

import difflib
from collections.abc import Sequence


class InputError(Exception):
    """Something a user gave is wrong: a file, a setting, a name.

    The command line prints it as one sentence and exits with code 2; library users catch it.

    Args:
        problem: what is wrong, naming the file or the setting.
        mend: what to do about it.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem.rstrip('.')}: {mend}")
        self.problem = problem
        self.mend = mend

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str]]:
        # raised in worker processes too: the default would rebuild it from the one joined sentence
        return type(self), (self.problem, self.mend)


class Unavailable(InputError):
    """What is asked for cannot be reached now: a store that is down, a disk that is full. It may be tried again."""


class NotFound(InputError):
    """There is nothing of the name that was given."""


def unknown(what: str, given: str, allowed: Sequence[str]) -> InputError:
    """Return the error for a name that is not one of those allowed."""
    close = difflib.get_close_matches(given, allowed, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return InputError(f"unknown {what} '{given}'", f"{hint}choose from {', '.join(allowed)}")
