"""`teachtext search --open`, `--playlist` and `--cut`."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlparse

import pytest
from clips import ODD_NAMES

from teachtext.cli.play import open_result, write_clips, write_playlist
from teachtext.errors import InputError, Unwritable
from teachtext.search.answer import SearchResult
from teachtext.search.places import Place
from teachtext.search.types import Item, Moment
from teachtext.video.playback import is_playable

Command = Callable[..., Any]
COMMAND = str(Path(sys.executable).parent / "teachtext")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the opener is that of Linux")


def result(path: Path, **facts: Any) -> SearchResult:
    path.touch()
    item = Item(id=f"v/{path.name}", content="", made="", added_s=0, size=1, duration_s=12.4)
    return SearchResult(item=item, path=path, has_file=True, score=0.5, why={}, **facts)


def place(start_s: float) -> Place:
    return Place(start_s=start_s, end_s=start_s + 2, at_s=start_s + 1, score=0.4, why={})


def test_a_playlist_starts_where_the_words_are(tmp_path: Path):
    spoken = result(tmp_path / "a b.mp4", moments=[Moment(3.25, 4.0, "speech", "ball")])
    odd = result(tmp_path / "two\nlines.mp4", places=[place(8.5), place(0.0)])
    gone = replace(spoken, has_file=False)
    assert write_playlist([spoken, odd, gone], tmp_path / "list.m3u") == 2
    assert (tmp_path / "list.m3u").read_text().splitlines() == [
        "#EXTM3U",
        "#EXTINF:12,v/a b.mp4",
        "#EXTVLCOPT:start-time=3.25",
        str(tmp_path / "a b.mp4"),
        "#EXTINF:12,v/two\\nlines.mp4",
        "#EXTVLCOPT:start-time=8.50",
        odd.path.as_uri(),
    ]


@pytest.mark.slow
def test_a_playlist_of_a_search_names_every_file(
    teachtext_here: Command, odd_clips: Path, odd_index: Path, tmp_path: Path
):
    said = teachtext_here("search", "a ball", "--index", odd_index, "--playlist", tmp_path / "list.m3u", "--paths")
    assert said.returncode == 0 and "3 of 3 results in" in said.stderr
    lines = [line for line in (tmp_path / "list.m3u").read_text().splitlines() if not line.startswith("#")]
    # the folder has a byte that is not UTF-8, so all are addresses
    paths = {os.fsdecode(unquote_to_bytes(urlparse(line).path)) for line in lines}
    assert paths == {str(odd_clips.resolve() / name) for name in ODD_NAMES}


@linux
@pytest.mark.slow
def test_a_result_is_opened_by_the_player_of_the_system(odd_clips: Path, odd_index: Path, tmp_path: Path):
    opener = tmp_path / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{tmp_path}/opened"\n')
    opener.chmod(0o755)
    arguments = [COMMAND, "search", "a", "ball", "--index", odd_index, "-0", "--open", "2"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    said = subprocess.run(arguments, capture_output=True, check=True, env=environment)
    assert (tmp_path / "opened").read_bytes() == said.stdout.split(b"\0")[1]


@linux
def test_what_cannot_be_opened_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one = result(tmp_path / "a.mp4")
    for number in (0, 2):
        with pytest.raises(InputError, match=f"no result {number}, of 1"):
            open_result([one], number)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="'xdg-open' cannot be started"):
        open_result([one], 1)
    (tmp_path / "xdg-open").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "xdg-open").chmod(0o755)
    with pytest.raises(InputError, match="could not open"):
        open_result([one], 1)
    one.path.unlink()
    with pytest.raises(InputError, match="is gone"):
        open_result([one], 1)


@pytest.mark.slow
def test_results_become_clips(teachtext_here: Command, odd_clips: Path, odd_index: Path, tmp_path: Path):
    arguments = ("search", "a ball", "--index", odd_index, "--cut", tmp_path / "cut", "--paths")
    said = teachtext_here(*arguments)
    assert said.returncode == 0 and f"3 of 3 results in {tmp_path / 'cut'}" in said.stderr
    files = sorted((tmp_path / "cut").iterdir())
    assert [file.name[:3] for file in files] == ["01 ", "02 ", "03 "]
    assert all(is_playable(file) for file in files)
    assert files == sorted(files) and teachtext_here(*arguments).returncode == 0
    assert sorted((tmp_path / "cut").iterdir()) == files


def test_results_without_a_clip_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = result(tmp_path / "a.mp4", places=[place(1.0)])
    gone = replace(broken, has_file=False)
    with pytest.raises(InputError, match="no file can be used: 2 were set aside"):
        write_clips([broken, gone], tmp_path / "cut")
    shown = capsys.readouterr().err
    assert "a.mp4 is empty" in shown and "the file of v/a.mp4 is gone" in shown
    assert not list((tmp_path / "cut").iterdir())


def test_a_folder_that_cannot_be_written_to_ends_the_cutting(tmp_path: Path):
    (tmp_path / "cut").touch()
    with pytest.raises(Unwritable):
        write_clips([result(tmp_path / "a.mp4", places=[place(1.0)])], tmp_path / "cut")
