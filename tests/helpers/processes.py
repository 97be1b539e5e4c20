"""The processes of this machine that are alive, read from /proc, and how a test waits for another process."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

# Only a hang may exceed this limit. On a machine with ten other jobs a whole run of the tests has taken six minutes.
PATIENCE_S = 1200.0

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


class Process(NamedTuple):
    pid: int
    group: int
    command: str


def processes() -> Iterator[Process]:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            command = (path / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if fields[0] != "Z":
            yield Process(int(path.name), int(fields[2]), command)


def processes_of(group: int) -> list[Process]:
    return [process for process in processes() if process.group == group]


def wait_until(condition: Callable[[], bool], failure: str, *, poll_s: float = 0.02) -> None:
    """Return once the condition is true; fail with the message after `PATIENCE_S` seconds."""
    last = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < last, failure
        time.sleep(poll_s)
