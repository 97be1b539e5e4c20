"""`teachtext index --watch`."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip, write_model
from processes import PATIENCE_S

from teachtext.cli.watch import Watcher

Start = Callable[..., "subprocess.Popen[str]"]


class Clock:
    def __init__(self) -> None:
        self.now = time.time() + 1000

    def __call__(self) -> float:
        return self.now


def test_a_growing_file_waits_until_it_is_still(tmp_path: Path):
    clock = Clock()
    watcher = Watcher(tmp_path, still_s=10, clock=clock)
    (tmp_path / "old.mp4").write_bytes(b"1")
    first = watcher.look()
    assert [*first.still] == ["old.mp4"] and not first.growing, "its date is old"
    indexed = first.still
    grown = tmp_path / "sub" / "new.mp4"
    grown.parent.mkdir()
    for size in range(1, 5):
        grown.write_bytes(b"x" * size)
        clock.now += 8
        view = watcher.look()
        assert view.growing == ["sub/new.mp4"] and not view.differs(indexed)
    clock.now += 9
    assert watcher.look().growing == ["sub/new.mp4"]
    clock.now += 2
    view = watcher.look()
    assert not view.growing and view.differs(indexed) and not view.differs(view.still)
    indexed = view.still
    grown.write_bytes(b"y" * 99)
    assert not watcher.look().differs(indexed), "an indexed file that grows again is left alone"
    grown.unlink()
    assert watcher.look().differs(indexed), "a file that is gone"


def test_subtitles_that_come_or_change_are_something_to_index(tmp_path: Path):
    clock = Clock()
    watcher = Watcher(tmp_path, still_s=10, clock=clock)
    (tmp_path / "a.mp4").write_bytes(b"1")
    indexed = watcher.look().still
    for text in ("x", "xx"):
        (tmp_path / "a.en.srt").write_text(text)
        assert not watcher.look().differs(indexed), "it may be half written"
        clock.now += 11
        assert watcher.look().differs(indexed)
        indexed = watcher.look().still
    (tmp_path / "b.srt").write_text("of no video")
    clock.now += 11
    assert not watcher.look().differs(indexed)


def test_a_file_that_was_just_written_grows_at_the_first_look(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"1")
    (tmp_path / "notes.txt").write_bytes(b"1")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    os.utime(tmp_path / "a.mp4", (time.time() + 9999,) * 2)
    view = Watcher(tmp_path, still_s=10).look()
    assert view.growing == ["a.mp4"] and not view.still
    assert not Watcher(tmp_path / "none").look().still


@pytest.mark.slow
def test_a_file_that_comes_is_indexed_and_ctrl_c_stops(start: Start, tmp_path: Path):
    for package in ("av", "cv2", "lancedb", "wordllama"):
        pytest.importorskip(package)
    videos, place = tmp_path / "videos", tmp_path / "index"
    os.utime(write_clip(videos / "first.mp4", 1), (1, 1))
    process = start("index", videos, "--index", place, "--model", write_model(tmp_path / "model"), "--watch")
    lines: list[str] = []

    def wait_for(words: str) -> None:
        assert process.stdout is not None
        end = time.monotonic() + PATIENCE_S
        while not (lines and words in lines[-1]):
            lines.append(process.stdout.readline())
            assert lines[-1] and time.monotonic() < end, lines

    try:
        wait_for("watching the folder")
        write_clip(videos / "sub" / "second.mp4", 2)
        wait_for("1 added, 0 updated, 0 renamed, 1 unchanged; 2 videos in")
        (videos / "first.mp4").rename(videos / "other.mp4")
        wait_for("0 added, 0 updated, 1 renamed, 1 unchanged; 2 videos in")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130 and "Traceback" not in said
    assert said.splitlines()[-1].startswith("teachtext: stopped"), lines
    assert any("1 added, 0 updated, 0 renamed, 0 unchanged; 1 video in" in line for line in lines)


@pytest.mark.slow
def test_a_growing_file_stays_as_it_is_in_an_index(tmp_path: Path):
    for package in ("av", "cv2", "lancedb", "wordllama"):
        pytest.importorskip(package)
    from teachtext.learning.trained_model import TrainedModel
    from teachtext.search.indexing import index_folder
    from teachtext.search.stores import open_store

    videos, store = tmp_path / "videos", open_store(tmp_path / "index")
    model: Any = TrainedModel(write_model(tmp_path / "model"))
    for number in range(2):
        write_clip(videos / f"{number}.mp4", number)
    index_folder(videos, store, model, tmp_path / "features", growing=["1.mp4"])
    assert [item.id for item in store.catalog()] == ["videos/0.mp4"]
    index_folder(videos, store, model, tmp_path / "features")
    (videos / "1.mp4").write_bytes(b"half a file")
    done = index_folder(videos, store, model, tmp_path / "features", growing=["1.mp4"], remove_missing=True)
    assert not done.failed and not done.gone and store.count() == 2
