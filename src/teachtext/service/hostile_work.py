"""Work on a video that may be hostile, in a process of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import write_error


@contextmanager
def hostile_work(target: Path, problem: str) -> Iterator[None]:
    """Let searches come first, and turn whatever fails into one sentence.

    Args:
        target: the file that is written.
        problem: says that the video cannot be used, where a library fails.

    Raises:
        Unwritable: the disk is full.
        InputError: the work raises it, or a library fails.
    """
    os.setpriority(os.PRIO_PROCESS, 0, 10)
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise write_error(target, error) from error
    except Exception as error:
        # a hostile file can trip any library below
        raise InputError(f"{problem} ({type(error).__name__})", "convert it yourself") from error
