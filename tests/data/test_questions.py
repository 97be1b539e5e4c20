import json
from pathlib import Path
from typing import Any

import pytest

from teachtext.data.check import check_folder
from teachtext.data.folder import load_folder
from teachtext.data.protocol import Protocol
from teachtext.errors import InputError

SPLITS = {"train": ["a"], "val": ["b"], "test": ["c", "d"], "questions": ["e", "f"]}
ASKED = {"e#0": {"kind": "sound", "among": ["e", "f"]}, "c#1": {"kind": "colour", "among": ["d", "c", "f"]}}


def make(folder: Path, entries: Any = ASKED, *, splits: dict[str, list[str]] | None = SPLITS) -> Path:
    (folder / "videos").mkdir(exist_ok=True)
    for video in "abcdef":
        (folder / "videos" / f"{video}.mp4").write_bytes(video.encode())
    captions = {video: [f"{video} is seen", "a dog barks at a cat"] for video in "abcdef"}
    (folder / "captions.json").write_text(json.dumps(captions))
    if splits is not None:
        (folder / "splits.json").write_text(json.dumps(splits))
    (folder / "questions.json").write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return folder


def test_questions_are_captions_asked_among_a_few_videos(tmp_path: Path) -> None:
    dataset = load_folder(make(tmp_path), protocol=Protocol(max_words=3))
    assert [(q.caption.id, q.caption.text, q.kind, list(q.among)) for q in dataset.questions] == [
        ("e#0", "e is seen", "sound", ["e", "f"]),
        ("c#1", "a dog barks", "colour", ["d", "c", "f"]),
    ]
    assert dataset.splits["questions"] == ["e", "f"]
    assert "questions" not in dataset.protocol.splits


def test_a_folder_without_the_file_asks_nothing(tmp_path: Path) -> None:
    (make(tmp_path) / "questions.json").unlink()
    assert load_folder(tmp_path).questions == []
    assert "questions" not in dict(check_folder(tmp_path).facts)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("[", "not valid JSON"),
        ([], "is not an object"),
        ({"e#7": ASKED["e#0"]}, "there is no caption 'e#7'"),
        ({"e#0": ["e", "f"]}, "'e#0' needs 'kind' and 'among'"),
        ({"e#0": ASKED["e#0"] | {"right": "e"}}, "'e#0' needs 'kind' and 'among', and nothing else"),
        ({"e#0": {"kind": "", "among": ["e", "f"]}}, "needs a word for its 'kind'"),
        ({"e#0": {"kind": 3, "among": ["e", "f"]}}, "needs a word for its 'kind'"),
        ({"e#0": {"kind": "x", "among": "ef"}}, "needs a list of video ids"),
        ({"e#0": {"kind": "x", "among": ["e", 3]}}, "needs a list of video ids"),
        ({"e#0": {"kind": "x", "among": ["e", "e"]}}, "two or more different videos"),
        ({"e#0": {"kind": "x", "among": ["e"]}}, "two or more different videos"),
        ({"e#0": {"kind": "x", "among": ["c", "f"]}}, "not asked among its own video 'e'"),
        ({"e#0": {"kind": "x", "among": ["e", "ghost"]}}, "names video 'ghost', which is not there"),
    ],
)
def test_what_is_no_question_is_refused_and_told_by_check(tmp_path: Path, entries: Any, message: str) -> None:
    folder = make(tmp_path, entries)
    with pytest.raises(InputError, match=r"questions\.json") as caught:
        load_folder(folder)
    assert message in str(caught.value)
    if entries != "[":
        assert any(message in finding.what for finding in check_folder(folder).findings if finding.level == "error")


@pytest.mark.parametrize(("split", "video"), [("train", "a"), ("val", "b")])
def test_nobody_is_asked_about_what_was_learned_or_selected_on(tmp_path: Path, split: str, video: str) -> None:
    folder = make(tmp_path, {"e#0": {"kind": "x", "among": ["e", video]}})
    with pytest.raises(InputError, match=rf"asks 'e#0' about video '{video}' of split '{split}'.*list them apart"):
        load_folder(folder)


def test_a_test_split_that_stands_in_for_the_training_split_may_be_asked_about(tmp_path: Path) -> None:
    protocol = Protocol(train="test", select=None)
    assert len(load_folder(make(tmp_path), protocol=protocol).questions) == len(ASKED)


def test_questions_about_videos_that_are_left_out_are_left_out(tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "videos" / "d.mp4").unlink()
    dataset = load_folder(folder, missing_videos="drop")
    assert [question.caption.id for question in dataset.questions] == ["e#0"]
    assert "left out, questions about videos that cannot be used: 1" in dataset.notes
    assert len(load_folder(folder, missing_videos="keep").questions) == 2


def test_check_counts_questions_and_lets_them_repeat(tmp_path: Path) -> None:
    entries = {f"{video}#1": {"kind": "x", "among": ["c", "d", "e", "f"]} for video in "cdef"}
    report = check_folder(make(tmp_path, entries))
    assert ("questions", "x 4") in report.facts
    shared = [finding for finding in report.findings if "under several videos" in finding.what]
    assert len(shared) == 1, "those of a and b are no questions"
    assert report.sound
    entries |= {f"{video}#1": {"kind": "y", "among": ["e", "f", "a", "b"]} for video in "ab"}
    assert not any("under several" in each.what for each in check_folder(make(tmp_path, entries)).findings)
