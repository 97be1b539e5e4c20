"""Progress where stderr is no terminal."""

import time

import pytest

from teachtext.cli import progress


def test_a_line_every_ten_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]):
    now = 100.0
    lines = progress.Lines(10.0, lambda: now)
    for second in range(0, 36, 3):
        now = 100.0 + second
        lines("videos", second, 36, "1 set aside")
    lines("videos", 36, 36, "1 set aside")
    now += 99
    lines.remind()
    lines("bank", 2, 2)
    assert capsys.readouterr().err.splitlines() == [
        "videos: 12 of 36, 1 set aside",
        "videos: 24 of 36, 1 set aside",
        "videos: 36 of 36, 1 set aside",
        "bank: 2 of 2",
    ]


def test_a_long_piece_of_work_is_said_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress.Lines.__init__, "__defaults__", (0.0, time.monotonic))
    with progress.shown() as listen:
        listen("videos", 1, 2)
        time.sleep(1.5)
    assert capsys.readouterr().err.splitlines().count("videos: 1 of 2") >= 2
