"""What `teachtext search` prints for people, and for other programs."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import LONG, ODD_NAMES

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
COMMAND = str(Path(sys.executable).parent / "teachtext")


def results(printed: str) -> list[dict[str, Any]]:
    return list(json.loads(printed)["results"])


def test_a_query_needs_no_quotes(teachtext_here: Command, odd_index: Path):
    quoted = teachtext_here("search", "yoga stretching", "--index", odd_index, "--json")
    spread = teachtext_here("search", "yoga", "--index", odd_index, "stretching", "--json")
    assert quoted.returncode == spread.returncode == 0 and len(results(quoted.stdout)) == 3
    assert results(spread.stdout) == results(quoted.stdout)
    other = teachtext_here("search", "stretching", "yoga", "--index", odd_index, "--json", "-k", "1")
    assert len(results(other.stdout)) == 1, "options stay options among words"


def test_a_word_with_a_dash_stands_after_two_dashes(teachtext_here: Command, odd_index: Path):
    assert teachtext_here("search", "yoga", "-z", "--index", odd_index).returncode == 2
    after = teachtext_here("search", "--index", odd_index, "--json", "--", "yoga", "-z")
    assert results(after.stdout) == results(teachtext_here("search", "yoga -z", "--index", odd_index, "--json").stdout)


def test_a_table_in_a_pipe_has_no_lines_and_breaks_no_names(teachtext_here: Command, odd_index: Path):
    said = teachtext_here("search", "a ball", "--index", odd_index)
    assert said.returncode == 0 and not set(said.stdout) & set("│┃─━┏┡└|+")
    # weights are random, so that the search may say before the rows that nothing is like the query
    head, *lines = said.stdout[said.stdout.index("   video") :].splitlines()
    assert len(lines) == 4 and head.split() == ["video", "score", "why", "at", "words"]
    assert sum(LONG in line for line in lines) == 1 and sum("two\\nlines" in line for line in lines) == 1
    assert "3 videos, exact" in lines[-1]


def test_a_table_in_a_terminal_is_drawn(odd_index: Path):
    controller, terminal = pty.openpty()
    running = subprocess.Popen([COMMAND, "search", "a", "ball", "--index", odd_index], stdout=terminal)
    os.close(terminal)
    shown = b""
    while True:
        try:
            piece = os.read(controller, 2**16)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(controller)
    assert running.wait() == 0 and "┃" in shown.decode()


def test_paths_survive_with_a_nul_after_each(odd_clips: Path, odd_index: Path):
    arguments = [COMMAND, "search", "a", "ball", "--index", odd_index, "-0"]
    printed = subprocess.run(arguments, capture_output=True, check=True)
    *paths, rest = printed.stdout.split(b"\0")
    assert sorted(paths) == sorted(os.fsencode(odd_clips.resolve() / name) for name in ODD_NAMES)
    assert rest == b"" and printed.stderr == b""
    counted = subprocess.run(
        ["xargs", "-0", "-n", "1", "stat", "-c", "%s"], input=printed.stdout, capture_output=True, check=True
    )
    assert [int(size) for size in counted.stdout.split()] == [Path(os.fsdecode(path)).stat().st_size for path in paths]


def test_paths_a_line_each_say_which_hold_a_line_break(odd_clips: Path, odd_index: Path):
    arguments = [COMMAND, "search", "a", "ball", "--index", odd_index, "--paths"]
    printed = subprocess.run(arguments, capture_output=True, check=True)
    assert os.fsencode(odd_clips.resolve() / ODD_NAMES[1]) in printed.stdout.split(b"\n")
    assert b"print them with -0" in printed.stderr and b"two\\nlines" in printed.stderr


def test_files_that_are_gone_are_named_and_not_printed(teachtext_here: Command, odd_clips: Path, odd_index: Path):
    path = odd_clips / ODD_NAMES[0]
    hidden = path.rename(odd_clips.parent / "elsewhere")
    try:
        said = teachtext_here("search", "a ball", "--index", odd_index, "-k", "9", "--null")
    finally:
        hidden.rename(path)
    assert said.stdout.count("\0") == 2 and "plain.mp4" not in said.stdout
    assert "files that are gone" in said.stderr and "plain.mp4" in said.stderr


def test_nothing_that_is_found_prints_no_path(teachtext_here: Command, odd_index: Path):
    said = teachtext_here("search", "a ball", "--index", odd_index, "--paths", "--where", "tag=other")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "Nothing was found.\n")


@pytest.mark.parametrize("option", ["--paths", "-0"])
def test_json_and_paths_exclude_each_other(teachtext_here: Command, odd_index: Path, option: str):
    said = teachtext_here("search", "a ball", "--index", odd_index, "--json", option)
    assert said.returncode == 2 and "exclude each other" in said.stderr and said.stdout == ""
