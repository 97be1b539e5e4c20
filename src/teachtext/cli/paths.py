"""Paths of videos for other programs: a line each, or a NUL after each."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from teachtext.data.video_files import printable
from teachtext.errors import InputError, first_of


def check_output(*, as_json: bool, paths: bool, null: bool) -> None:
    """Raise InputError where both JSON and paths are asked for."""
    if as_json and (paths or null):
        raise InputError(f"--json and {'--null' if null else '--paths'} exclude each other", "give one of them")


def print_paths(paths: Iterable[Path], *, null: bool) -> None:
    """Print the paths of the files that exist, and name the others on stderr. Bytes of names are printed as they are.

    Args:
        paths: to print, in order.
        null: a NUL follows each path, and not a line break.
    """
    listed = list(paths)
    existing = [path for path in listed if path.exists()]
    gone = [printable(str(path)) for path in listed if not path.exists()]
    sys.stdout.flush()
    end = b"\0" if null else b"\n"
    sys.stdout.buffer.write(b"".join(os.fsencode(path) + end for path in existing))
    sys.stdout.buffer.flush()
    broken = [printable(str(path)) for path in existing if not null and "\n" in str(path)]
    if gone:
        print(f"note: files that are gone: {first_of(gone)}", file=sys.stderr)
    if broken:
        print(f"note: paths that hold a line break, print them with -0: {first_of(broken)}", file=sys.stderr)
