"""What video files say of themselves: facts and text tracks."""

from pathlib import Path

import pytest

pytest.importorskip("av")
from subtitle_tracks import write_video

from teachtext.video.about import About, read_about

CUES = [(0.5, 1.0, "<i>Hello</i> you"), (1.0, 1.5, "Grüße")]


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "mov_text"), ("mov", "mov_text"), ("mkv", "subrip"), ("mkv", "ass"), ("mkv", "webvtt")],
)
def test_text_tracks_are_read_without_being_decoded(tmp_path: Path, ending: str, codec: str):
    path = write_video(tmp_path / f"a.{ending}", tracks={codec: CUES}, facts={"title": "Our  trip", "artist": "Anna"})
    about = read_about(path)
    assert about.facts == {"title": "Our trip", "artist": "Anna"} and not about.notes
    assert [cue.text for cue in about.cues] == ["Hello you", "Grüße"]
    assert about.cues[0][:2] == pytest.approx((0.5, 1.0), abs=0.02)


def test_several_tracks_are_joined_and_equal_cues_are_one(tmp_path: Path):
    path = write_video(tmp_path / "a.mkv", tracks={"subrip": CUES, "ass": [*CUES, (1.5, 1.8, "more")]})
    assert [cue.text for cue in read_about(path).cues] == ["Hello you", "Grüße", "more"]


def test_a_track_of_pictures_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_video(tmp_path / "a.mkv", tracks={"subrip": CUES})
    monkeypatch.setattr("teachtext.video.about._codec", lambda stream: "hdmv_pgs_subtitle")
    assert read_about(path).notes == [f"{path}: 1 subtitle tracks without text (hdmv_pgs_subtitle) cannot be searched"]


def test_a_file_that_is_no_video_says_nothing(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    assert read_about(tmp_path / "a.mp4") == About() == read_about(tmp_path / "gone.mp4")


def test_a_long_comment_is_cut(tmp_path: Path):
    path = write_video(tmp_path / "a.mkv", facts={"comment": "word " * 9999, "encoder": "x", "TITLE": "Upper"})
    facts = read_about(path).facts
    assert facts["title"] == "Upper" and len(facts["comment"]) == 2000 and "encoder" not in facts
