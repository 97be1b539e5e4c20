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

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")

from clips import write_clip, write_model

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
COMMAND = str(Path(sys.executable).parent / "teachtext")
LONG = "a name that is far longer than the eighty columns of an old terminal, and that goes on and on.mp4"
NAMES = ["plain.mp4", f"with spaces/{LONG}", "two\nlines/'quoted' é.mp4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a byte in its path that is not UTF-8."""
    folder = tmp_path_factory.mktemp("odd") / os.fsdecode(b"dis\xffc") / "clips"
    try:
        for seed, name in enumerate(NAMES):
            write_clip(folder / name, seed)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no names that are not UTF-8")
    return folder


@pytest.fixture(scope="module")
def place(teachtext: Command, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("index")
    model = write_model(made / "model")
    said = teachtext("index", folder, "--index", made / "index", "--model", model, "--tag", "toy")
    assert said.returncode == 0, said.stderr
    return made / "index"


def results(printed: str) -> list[dict[str, Any]]:
    return list(json.loads(printed)["results"])


def test_a_query_needs_no_quotes(teachtext_here: Command, place: Path):
    quoted = teachtext_here("search", "yoga stretching", "--index", place, "--json")
    spread = teachtext_here("search", "yoga", "--index", place, "stretching", "--json")
    assert quoted.returncode == spread.returncode == 0 and len(results(quoted.stdout)) == 3
    assert results(spread.stdout) == results(quoted.stdout)
    other = teachtext_here("search", "stretching", "yoga", "--index", place, "--json", "-k", "1")
    assert len(results(other.stdout)) == 1, "options stay options among words"


def test_a_word_with_a_dash_stands_after_two_dashes(teachtext_here: Command, place: Path):
    assert teachtext_here("search", "yoga", "-z", "--index", place).returncode == 2
    after = teachtext_here("search", "--index", place, "--json", "--", "yoga", "-z")
    assert results(after.stdout) == results(teachtext_here("search", "yoga -z", "--index", place, "--json").stdout)


def test_a_table_in_a_pipe_has_no_lines_and_breaks_no_names(teachtext_here: Command, place: Path):
    said = teachtext_here("search", "a ball", "--index", place)
    assert said.returncode == 0 and not set(said.stdout) & set("│┃─━┏┡└|+")
    lines = said.stdout.splitlines()
    assert len(lines) == 5 and lines[0].split() == ["video", "score", "why", "at", "words"]
    assert sum(LONG in line for line in lines) == 1 and sum("two\\nlines" in line for line in lines) == 1
    assert "3 videos, exact" in lines[-1]


def test_a_table_in_a_terminal_is_drawn(place: Path):
    controller, terminal = pty.openpty()
    running = subprocess.Popen([COMMAND, "search", "a", "ball", "--index", place], stdout=terminal)
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


def test_paths_survive_with_a_nul_after_each(folder: Path, place: Path):
    arguments = [COMMAND, "search", "a", "ball", "--index", place, "-0"]
    printed = subprocess.run(arguments, capture_output=True, check=True)
    *paths, rest = printed.stdout.split(b"\0")
    assert sorted(paths) == sorted(os.fsencode(folder.resolve() / name) for name in NAMES)
    assert rest == b"" and printed.stderr == b""
    counted = subprocess.run(
        ["xargs", "-0", "-n", "1", "stat", "-c", "%s"], input=printed.stdout, capture_output=True, check=True
    )
    assert [int(size) for size in counted.stdout.split()] == [Path(os.fsdecode(path)).stat().st_size for path in paths]


def test_paths_a_line_each_say_which_hold_a_line_break(folder: Path, place: Path):
    arguments = [COMMAND, "search", "a", "ball", "--index", place, "--paths"]
    printed = subprocess.run(arguments, capture_output=True, check=True)
    assert os.fsencode(folder.resolve() / NAMES[1]) in printed.stdout.split(b"\n")
    assert b"print them with -0" in printed.stderr and b"two\\nlines" in printed.stderr


def test_files_that_are_gone_are_named_and_not_printed(teachtext_here: Command, folder: Path, place: Path):
    path = folder / NAMES[0]
    hidden = path.rename(folder.parent / "elsewhere")
    try:
        said = teachtext_here("search", "a ball", "--index", place, "-k", "9", "--null")
    finally:
        hidden.rename(path)
    assert said.stdout.count("\0") == 2 and "plain.mp4" not in said.stdout
    assert "files that are gone" in said.stderr and "plain.mp4" in said.stderr


def test_nothing_that_is_found_prints_no_path(teachtext_here: Command, place: Path):
    said = teachtext_here("search", "a ball", "--index", place, "--paths", "--where", "tag=other")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "Nothing was found.\n")


@pytest.mark.parametrize("option", ["--paths", "-0"])
def test_json_and_paths_exclude_each_other(teachtext_here: Command, place: Path, option: str):
    said = teachtext_here("search", "a ball", "--index", place, "--json", option)
    assert said.returncode == 2 and "exclude each other" in said.stderr and said.stdout == ""
