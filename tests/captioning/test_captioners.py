"""A contract that every captioner keeps, and the file of captions, which comes from anywhere."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from clips import write_clip

from teachtext.captioning.caption_file import VideoCaptions, read_event_captions, write_event_captions
from teachtext.captioning.captioner import Captioner, Event, EventCaption
from teachtext.captioning.captioners import CAPTIONERS, Place, check_captioner, identity_of_captioner, open_captioner
from teachtext.data.types import Video
from teachtext.errors import InputError
from teachtext.playground.build import GENERATOR_VERSION
from teachtext.playground.scenes import sample_scenes

SCENES = sample_scenes(12, 3)
EVENTS = [Event(0.0, 1.5), Event(1.5, 3.0)]


def line(**changes: object) -> str:
    return json.dumps({"video": "play0001", "start": 0.0, "end": 1.5, "text": "a dog runs", **changes})


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A folder with the record of a playground, and a file of captions."""
    record = {"settings": {"seed": 3}, "scenes": {scene.video: asdict(scene) for scene in SCENES}}
    (tmp_path / "playground.json").write_text(json.dumps(record))
    (tmp_path / "captions.jsonl").write_text(line() + "\n\n" + line(start=1.5, end=3.0, text="a dog sleeps") + "\n")
    return tmp_path


@pytest.fixture(params=sorted(CAPTIONERS))
def captioner(request: pytest.FixtureRequest, dataset: Path) -> Captioner:
    if request.param == "hf":
        pytest.skip("needs transformers and a video: test_hf_captioner.py")
    # a new kind of captioner needs a spec here
    specs = {"file": "file:captions.jsonl", "playground": "playground"}
    return open_captioner(check_captioner(specs[request.param], dataset), Place(dataset))


def test_every_captioner_captions_events_and_has_a_name(captioner: Captioner):
    captions = captioner.caption(Video("play0001"), EVENTS)
    assert [event for event, _ in captions] == EVENTS and all(text for _, text in captions)
    assert captions == captioner.caption(Video("play0001"), EVENTS)
    assert captioner.name.startswith("the ") and json.dumps(captioner.settings)
    assert captioner.remarks(["play0001"]) in ([], ())


def test_the_grammar_says_what_a_stretch_shows(dataset: Path):
    grammar = open_captioner("playground", Place(dataset))
    assert grammar.settings == {"generator": GENERATOR_VERSION, "seed": 3}
    with pytest.raises(InputError, match="'other' is no video of this playground"):
        grammar.caption(Video("other"), EVENTS)


@pytest.mark.parametrize("record", ["{}", '{"scenes": {"a": {"other": 1}}, "settings": {"seed": 0}}', '{"scenes": []}'])
def test_a_damaged_playground_is_refused(dataset: Path, record: str):
    (dataset / "playground.json").write_text(record)
    with pytest.raises(InputError, match="does not hold the scenes of a playground"):
        open_captioner("playground", Place(dataset))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("words", "unknown captioner 'words'"),
        ("file", "'file' is not the whole name of a captioner: write file:PATH"),
        ("playground:x", "write playground"),
        ("hf:", "write hf:MODEL"),
    ],
)
def test_a_spec_that_is_none_is_refused(spec: str, problem: str):
    with pytest.raises(InputError, match=problem):
        check_captioner(spec, Path())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "line 1 is no JSON"),
        (line() + "\n" + "[" * 100_000, "line 2 is no JSON"),
        ("[]", "line 1 has not the keys"),
        ('{"video": "a"}', "line 1 has not the keys"),
        (line(score=1), "line 1 has not the keys"),
        (line(video=""), "line 1 has a video or a text that is none"),
        (line(text=None), "line 1 has a video or a text that is none"),
        (line(start="soon"), "line 1 has a time that is no number"),
        (line(end=True), "line 1 has a time that is no number"),
        (line(start=-1), "line 1 is of the time from -1 to 1.5 s"),
        (line(start=2), "line 1 is of the time from 2 to 1.5 s"),
        (line(start=float("nan")), "line 1 is of the time from nan"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str, problem: str):
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=problem):
        open_captioner(f"file:{tmp_path / 'a.jsonl'}", Place(tmp_path))


def test_times_may_be_left_out_and_captions_of_other_videos_are_named(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"video": "a", "text": "a dog"}\n{"video": "b", "text": "a cat"}\n')
    captioner = open_captioner(f"file:{path}", Place(tmp_path))
    assert captioner.caption(Video("a"), ()) == [EventCaption(Event(0.0, None), "a dog")]
    (note,) = captioner.remarks(["a"])
    assert note == "left out, captions of the file a.jsonl of videos that are not trained on: 1 ('b')"


def test_captions_after_the_end_of_their_video_are_left_out_and_named(tmp_path: Path):
    pytest.importorskip("av")
    clip = write_clip(tmp_path / "a.mp4", 0)
    path = tmp_path / "a.jsonl"
    path.write_text(line(video="a", end=1.0) + "\n" + line(video="a", start=99.0, end=100.0) + "\n")
    captioner = open_captioner(f"file:{path}", Place(tmp_path))
    assert captioner.caption(Video("a", clip), ()) == [EventCaption(Event(0.0, 1.0), "a dog runs")]
    assert captioner.remarks(["a"]) == ["left out, captions of the file a.jsonl that end after their video: 1 ('a')"]
    # a video that cannot be opened has no length
    (tmp_path / "b.mp4").write_bytes(b"no video")
    path.write_text(line(video="b", start=99.0, end=100.0) + "\n")
    assert len(open_captioner(f"file:{path}", Place(tmp_path)).caption(Video("b", tmp_path / "b.mp4"), ())) == 1


def test_captions_are_read_as_they_were_written(tmp_path: Path):
    captions = {
        "a": VideoCaptions([EventCaption(Event(0.0, 1.25), "a “dog”\u2028runs\n"), EventCaption(Event(2.0, None), "")]),
        "b": VideoCaptions([EventCaption(Event(0.0, 3.0), "a cat")], "0123"),
    }
    path = tmp_path / "a.jsonl"
    write_event_captions(path, {**captions, "none": VideoCaptions(())})
    read = read_event_captions(path)
    assert {name: read[name] for name in captions} == captions
    # a video without captions was captioned too
    assert read["none"].captions == [EventCaption(Event(0.0, None), "")]


def test_the_identity_of_a_file_is_that_of_its_content(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(line())
    before = identity_of_captioner(f"file:{path}")
    path.write_text(line(text="a cat runs"))
    assert identity_of_captioner(f"file:{path}") != before
    assert identity_of_captioner("playground") == "playground"
