"""The exceptions for users: one sentence with the problem and the mend."""

import difflib
from collections.abc import Sequence


class InputError(Exception):
    """A file, a setting or a name that a user gave is wrong.

    The command line prints the error as one sentence and exits with code 2. Library users catch the error.

    Args:
        problem: the mistake, with the name of the file or the setting.
        mend: the way to mend the mistake.

    Example:
        >>> str(InputError("a.mp4 is empty", "copy the file again"))
        'a.mp4 is empty: copy the file again'
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem.rstrip('.')}: {mend}")
        self.problem = problem
        self.mend = mend

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str]]:
        # Errors of worker processes are pickled. The default would rebuild an error from the joined sentence.
        return type(self), (self.problem, self.mend)


class Unavailable(InputError):
    """A resource cannot be reached now, such as a store that is down or a full disk. A later attempt may succeed."""


class Unwritable(Unavailable):
    """A file cannot be written: the disk is full, or the folder is read-only."""


class Busy(InputError):
    """Another process is at work on the same files. A later attempt may succeed."""


class NotFound(InputError):
    """No object has the given name."""


class ProcessesEnded(Exception):
    """One of several processes has failed, and all of them end. An empty message: another process has said why."""


def first_of(ids: Sequence[str], most: int = 3) -> str:
    """Name the first of some ids, and count the others.

    >>> first_of(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    shown = ", ".join(f"'{name}'" for name in ids[:most])
    return f"{shown} and {len(ids) - most:,} more" if len(ids) > most else shown


def counted(number: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "video"), counted(1200, "video")
    ('1 video', '1,200 videos')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def unknown(what: str, name: str, allowed: Sequence[str]) -> InputError:
    """Return the error for a name that is not allowed, with the closest allowed name."""
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return InputError(f"unknown {what} '{name}'", f"{hint}choose from {', '.join(allowed)}")
