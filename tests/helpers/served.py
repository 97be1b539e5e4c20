"""What a service is tested over."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HOST = "http://127.0.0.1"
SERVE = "from teachtext.cli.main import main; main()"
SCRIPT = "<script>alert(1)<&\"' .mp4"


class Made(NamedTuple):
    """An index of a few clips: where it is, its videos, its model."""

    place: Path
    videos: Path
    model: Path


def start(place: Path, *more: str, before: str = "") -> tuple[subprocess.Popen[str], str]:
    """Start a service of an index, in a process that first runs some Python; return the process and its address."""
    arguments = ["serve", "--index", str(place), "--port", "0", *more]
    process = subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{SERVE}", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = re.search(r"http://\S+", process.stdout.readline())
    assert told, "the address is printed once the socket is bound"
    return process, told.group()
