"""The code blocks of a Markdown page, and a folder to run them in."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from processes import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.(?:yaml|py|jsonl))\n")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, empty if it names none, and its text."""

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, without comments."""
        return [line for line in self.text.splitlines() if shlex.split(line, comments=True)]


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    return [Block(*match) for match in _BLOCK.findall(page.read_text(encoding="utf-8"))]


@dataclass(frozen=True)
class Sandbox:
    """A folder in which blocks run as a reader would run them."""

    folder: Path

    def run(self, block: Block) -> str:
        """Run a block as it stands, and return what it printed.

        A `yaml` block is written to the file that its first line names, and so is a `python` block that names one.
        """
        named = _FILE.match(block.text)
        if named:
            (self.folder / named[1]).write_text(block.text, encoding="utf-8")
        if block.language == "shell":
            return "".join(self._command(line) for line in block.commands)
        if block.language == "python" and not named:
            return self._done([sys.executable, "-c", block.text])
        return ""

    def _command(self, line: str) -> str:
        words = shlex.split(line, comments=True)
        return self._serve(words) if words[:2] == ["teachtext", "serve"] else self._done(words)

    def _done(self, words: list[str]) -> str:
        done = subprocess.run(words, cwd=self.folder, env=self._environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _serve(self, words: list[str]) -> str:
        """Start the service at a free port, wait until its page answers, and stop it."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([*words, "--port", str(port)], cwd=self.folder, env=self._environment())
        try:
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
                        return str(page.read().decode())
                except OSError:
                    time.sleep(0.5)
            raise AssertionError(f"{words} did not answer; exit code {process.poll()}")
        finally:
            process.terminate()
            process.wait()

    def _environment(self) -> dict[str, str]:
        scripts = str(Path(sys.executable).parent)
        return os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
