import csv
import json

import pytest

from teachtext.data.check import check_folder
from teachtext.data.folder import load_folder
from teachtext.data.protocol import Caption, Protocol, queries
from teachtext.data.splits import automatic_splits, source_of
from teachtext.encoders.base import Limit
from teachtext.errors import InputError

CAPTIONS = {"a": ["a dog runs", "the dog is running"], "b": ["a cat sleeps"], "c": ["rain falls"]}
SPLITS = {"train": ["a"], "val": ["b"], "test": ["c"]}


def make(folder, *, captions=CAPTIONS, splits=SPLITS, videos=("a.mp4", "b.mp4", "c.avi"), form="json"):
    (folder / "videos").mkdir()
    for name in videos:
        (folder / "videos" / name).write_bytes(name.encode())
    if form == "json":
        (folder / "captions.json").write_text(json.dumps(captions))
    rows = [{"video": video, "text": text} for video, texts in captions.items() for text in texts]
    if form == "jsonl":
        (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if form == "csv":
        with (folder / "captions.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ["video", "text"])
            writer.writeheader()
            writer.writerows(rows)
    if splits is not None:
        (folder / "splits.json").write_text(json.dumps(splits))
    return folder


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_all_forms_of_captions_say_the_same(tmp_path, form):
    dataset = load_folder(make(tmp_path, form=form))
    assert [(c.id, c.video_id, c.text) for c in dataset.captions] == [
        ("a#0", "a", "a dog runs"),
        ("a#1", "a", "the dog is running"),
        ("b#0", "b", "a cat sleeps"),
        ("c#0", "c", "rain falls"),
    ]
    assert dataset.splits == SPLITS
    assert dataset.videos["c"].path == tmp_path / "videos" / "c.avi"


def test_protocols_make_queries():
    captions = [Caption("1", "a", "one two three"), Caption("2", "b", "four"), Caption("3", "a", "five")]
    assert [q.id for q in queries(captions, ["b", "a"], "separate")] == ["2", "1", "3"]
    assert [q.id for q in queries(captions, ["a"], "first")] == ["1"]
    fused = queries(captions, ["a"], "fused", max_words=3)
    assert [q.text for q in fused] == ["one two three"]
    fused = queries(captions, ["a"], "fused")
    assert [q.text for q in fused] == ["one two three five"]


def several_languages(folder):
    make(folder, captions={})
    (folder / "captions.json").unlink()
    texts = {"en": "a dog runs", "de": "ein Hund rennt", "fr": "un chien court"}
    rows = [
        {"id": f"{video}#0" if language == "en" else f"{video}#0.{language}", "video": video, "text": f"{text} {video}"}
        | {"language": language}
        for video in "abc"
        for language, text in texts.items()
    ]
    (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    entry = {"kind": "dogs", "among": ["b", "c"]}
    (folder / "questions.json").write_text(json.dumps({"c#0": entry, "c#0.de": entry}))
    (folder / "chosen.json").write_text(json.dumps({"a": "a#0", "b": "b#0.de", "c": "c#0"}))
    return folder


@pytest.mark.parametrize(("language", "texts"), [(None, "a dog runs"), ("en", "a dog runs"), ("de", "ein Hund rennt")])
def test_captions_of_one_language_are_used_and_the_others_counted(tmp_path, language, texts):
    protocol = Protocol(select=None)
    dataset = load_folder(several_languages(tmp_path), language=language, protocol=protocol)
    assert [caption.text for caption in dataset.captions] == [f"{texts} {video}" for video in "abc"]
    assert {caption.parallel_id for caption in dataset.captions} == {"a#0", "b#0", "c#0"}
    others = ", ".join(f"{name} 3" for name in ("en", "de", "fr") if name != (language or "en"))
    assert f"6 captions in other languages than '{language or 'en'}' were left out ({others})" in dataset.notes
    assert [question.caption.text for question in dataset.questions] == [f"{texts} c"]


def test_all_languages_are_used_where_that_is_asked_for(tmp_path):
    dataset = load_folder(several_languages(tmp_path), language="all", protocol=Protocol(select=None))
    assert len(dataset.captions) == 9 and len(dataset.questions) == 2
    assert not any("languages" in note for note in dataset.notes)
    assert dict(check_folder(tmp_path).facts)["languages"].startswith("en 3, de 3, fr 3 (a run uses the English ones;")


def test_a_language_without_captions_is_refused_with_those_that_are_there(tmp_path):
    several_languages(tmp_path)
    with pytest.raises(InputError, match=r"no caption in the language 'es'.*use one of de, en, fr, or 'all'"):
        load_folder(tmp_path, language="es")
    (tmp_path / "questions.json").unlink()
    with pytest.raises(InputError, match="names no caption of video 'b'"):
        load_folder(tmp_path, protocol=Protocol(captions="chosen"), chosen_file="chosen.json")


def test_a_folder_without_english_is_used_as_it_is(tmp_path):
    several_languages(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    kept = [row for row in rows if row["language"] != "en"]
    (tmp_path / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    (tmp_path / "questions.json").unlink()
    assert {caption.language for caption in load_folder(tmp_path).captions} == {"de", "fr"}


def test_without_splits_clips_of_one_source_stay_together():
    ids = [f"source{i}_{k}_{k + 5}" for i in range(40) for k in range(3)]
    splits = automatic_splits(ids, seed=1)
    assert sorted(v for part in splits.values() for v in part) == sorted(ids)
    owners = {}
    for split, part in splits.items():
        for video_id in part:
            assert owners.setdefault(source_of(video_id), split) == split
    assert 75 <= len(splits["train"]) <= 93
    assert splits == automatic_splits(reversed(ids), seed=1) != automatic_splits(ids, seed=2)


def test_a_folder_without_splits_is_split(tmp_path):
    captions = {f"v{i}": ["some words"] for i in range(20)}
    dataset = load_folder(make(tmp_path, captions=captions, splits=None, videos=[f"v{i}.mp4" for i in range(20)]))
    assert {split: len(ids) for split, ids in dataset.splits.items()} == {"train": 14, "val": 2, "test": 4}
    assert "70/10/20" in dataset.notes[0]


def test_missing_videos_are_refused_dropped_or_kept(tmp_path):
    splits = SPLITS | {"train": ["a", "gone"]}
    make(tmp_path, captions=CAPTIONS | {"gone": ["nobody knows"]}, splits=splits)
    with pytest.raises(InputError, match=r"1 videos without a file .*'gone'.*missing_videos: drop"):
        load_folder(tmp_path)
    dropped = load_folder(tmp_path, missing_videos="drop")
    assert dropped.splits["train"] == ["a"]
    assert dropped.listed["train"] == 2
    assert any(
        note.startswith("left out, captioned but without a file: 1") and "gone" in note for note in dropped.notes
    )
    kept = load_folder(tmp_path, missing_videos="keep")
    assert kept.videos["gone"].path is None
    assert kept.splits["train"] == ["a", "gone"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"captions": CAPTIONS | {"a": ["  "]}}, "empty caption"),
        ({"splits": SPLITS | {"val": ["a", "b"]}}, "'a' into both 'train' and 'val'"),
        ({"captions": {"a": {"b": 1}}}, "no known format of captions: an object with the keys a"),
        ({"captions": {"a": [3], "b": ["x"], "c": ["y"]}}, "needs 'video' and 'text'"),
        ({"splits": ["a"]}, "not an object of lists of ids"),
    ],
)
def test_bad_folders_are_refused_in_one_sentence(tmp_path, change, message):
    make(tmp_path, **change)
    with pytest.raises(InputError, match=message):
        load_folder(tmp_path)


def test_the_splits_of_a_protocol_are_needed_and_without_one_any_splits_do(tmp_path):
    make(tmp_path, splits={"train": ["a"], "test": ["c"]})
    with pytest.raises(InputError, match="no split 'val'"):
        load_folder(tmp_path, protocol=Protocol())
    assert len(load_folder(tmp_path).captions) == 4


def test_bad_files_are_refused(tmp_path):
    make(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        load_folder(tmp_path / "nowhere")
    (tmp_path / "captions.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="several captions files"):
        load_folder(tmp_path)
    (tmp_path / "captions.json").unlink()
    with pytest.raises(InputError, match=r"captions.jsonl, line 1"):
        load_folder(tmp_path)
    (tmp_path / "captions.jsonl").write_text('{"video": "a", "text": "x"}\nnot json\n')
    with pytest.raises(InputError, match=r"captions.jsonl, line 2 is not valid JSON"):
        load_folder(tmp_path)
    (tmp_path / "captions.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load_folder(tmp_path)
    (tmp_path / "captions.jsonl").unlink()
    (tmp_path / "captions.csv").write_text("movie,words\na,b\n")
    with pytest.raises(InputError, match="lacks a column"):
        load_folder(tmp_path)


def test_a_caption_of_5000_words_is_read_and_named(tmp_path):
    make(tmp_path, captions=CAPTIONS | {"b": ["word " * 5000]}, form="csv")
    assert len(load_folder(tmp_path).captions[2].text.split()) == 5000
    report = check_folder(tmp_path)
    assert report.sound
    assert any("more than 64 words" in finding.what for finding in report.findings)
    (tmp_path / "shorter").mkdir()
    make(tmp_path / "shorter", captions=CAPTIONS | {"a": ["word " * 64], "b": ["word " * 65]}, form="csv")
    [finding] = [each for each in check_folder(tmp_path / "shorter").findings if "words" in each.what]
    assert finding.what.startswith("1 captions of more than 64 words in captions.csv") and "'b#0'" in finding.what


def test_captions_that_an_encoder_cuts_are_counted_and_named(tmp_path):
    make(tmp_path, captions=CAPTIONS | {"b": ["a dog " * 4]})
    few = Limit(6, "words", lambda texts: [len(text.split()) for text in texts])
    report = check_folder(tmp_path, {"glove": few, "wordllama": None})
    assert report.sound and not report.whole
    [finding] = [each for each in report.findings if each.is_loss]
    assert finding.what == "1 captions that 'glove' cuts to their first 6 words ('b#0')"
    assert dict(report.facts)["glove"] == "reads 6 words"
    assert dict(report.facts)["wordllama"] == "reads texts of any length"
    assert check_folder(tmp_path, {"wordllama": None}).whole


def test_check_finds_what_is_wrong_and_how_to_mend_it(tmp_path):
    captions = {"a": ["same", "same", ""], "b": ["same"], "nofile": ["x"], "s_1_2": ["y"], "s_3_4": ["z"], "h": ["w"]}
    splits = {"train": ["a", "s_1_2", "h"], "val": ["b"], "test": ["s_3_4", "a", "unknown", "h"]}
    videos = ["a.mp4", "b.mp4", "s_1_2.mp4", "s_3_4.mp4", "s_3_4.avi", "uncaptioned.mp4", "h.mp4"]
    make(tmp_path, captions=captions, splits=splits, videos=videos)
    (tmp_path / "videos" / "h.mp4").write_bytes((tmp_path / "videos" / "a.mp4").read_bytes())
    (tmp_path / "videos" / "b.mp4").write_bytes(b"")
    report = check_folder(tmp_path)
    assert not report.sound
    findings = {
        finding.level: " | ".join(f.what for f in report.findings if f.level == finding.level)
        for finding in report.findings
    }
    for what in ["empty captions", "without a file in videos/ and in no split", "several video files", "zero bytes"]:
        assert what in findings["error"]
    for what in ["videos in several splits", "neither file nor caption"]:
        assert what in findings["error"]
    for what in [
        "repeat word for word",
        "under several videos",
        "without a caption",
        "same content",
        "sources whose clips",
    ]:
        assert what in findings["warning"]
    assert all(finding.mend for finding in report.findings)


def test_a_sound_folder_is_sound(tmp_path):
    report = check_folder(make(tmp_path))
    assert report.sound
    assert not report.findings
    facts = dict(report.facts)
    assert facts["videos with a file"] == "3"
    assert facts["splits"] == "train 1, val 1, test 1"


@pytest.mark.parametrize("place", ["videos/all", "videos", "."])
def test_videos_lie_in_folders_or_beside_the_captions(tmp_path, place):
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for video_id in CAPTIONS:
        (tmp_path / place / f"{video_id}.mp4").write_bytes(video_id.encode())
    (tmp_path / "captions.json").write_text(json.dumps(CAPTIONS))
    (tmp_path / "splits.json").write_text(json.dumps(SPLITS))
    dataset = load_folder(tmp_path)
    assert dataset.videos["a"].path == tmp_path / place / "a.mp4" and dataset.splits == SPLITS
    report = check_folder(tmp_path)
    assert not report.findings and dict(report.facts)["videos with a file"] == "3"


def test_captions_and_splits_with_endings_name_the_same_videos(tmp_path):
    captions = {"a.mp4": ["a dog runs"], "videos/b.MP4": ["a cat sleeps"], "c": ["rain falls"]}
    make(tmp_path, captions=captions, splits={"train": ["a"], "val": ["b.mp4"], "test": ["c.avi"]})
    (tmp_path / "chosen.json").write_text(json.dumps({"a.avi": "a.mp4#0"}))
    dataset = load_folder(tmp_path, chosen_file="chosen.json")
    assert {caption.id: caption.video_id for caption in dataset.captions} == {
        "a.mp4#0": "a", "videos/b.MP4#0": "b", "c#0": "c",
    }  # fmt: skip
    assert dataset.splits == SPLITS and dataset.chosen == {"a": "a.mp4#0"}
    assert dataset.notes == ["ids read as those of files: 3 with an ending, 1 with folders ('a.mp4' is 'a')"]
    report = check_folder(tmp_path)
    assert report.sound and report.whole and not report.findings
    assert dict(report.facts)["spelling"] == dataset.notes[0]


def test_what_is_left_out_of_the_videos_stands_in_the_notes_and_the_findings(tmp_path):
    make(tmp_path, videos=["a.mp4", "b.mp4", "b.mkv", "c.avi", "d.heic", ".e.mp4"])
    (tmp_path / "videos" / "gone.mp4").symlink_to("nowhere")
    notes = load_folder(tmp_path).notes
    assert notes == [
        "left out, files without the ending of a video: 1 (.heic 1; 'd.heic')",
        "left out, hidden files: 1 ('.e.mp4')",
        "left out, links that lead nowhere, pipes and devices: 1 ('gone.mp4')",
        "left out, second files of an id: 1 ('b.mp4')",
    ]
    report = check_folder(tmp_path)
    assert [finding.level for finding in report.findings] == ["warning", "warning", "warning", "error"]
    assert "'d.heic'" in report.findings[0].what and "b" in report.findings[3].what


def test_a_video_file_that_vanishes_is_named(tmp_path, monkeypatch):
    make(tmp_path)
    monkeypatch.setattr("teachtext.data.check.content_hash", lambda path: path.with_suffix(".gone").stat())
    report = check_folder(tmp_path)
    assert "3 video files that cannot be read ('a', 'b', 'c')" in report.findings[0].what
