"""The processes of this machine that are alive, as /proc tells of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

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
