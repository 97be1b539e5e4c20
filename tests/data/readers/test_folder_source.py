"""Folders as people have them: which files belong together, which lists are used, and what is said about the rest."""

import json
import pickle

import pytest

from teachtext.data.check import check_folder
from teachtext.data.folder import load_folder, read_raw
from teachtext.data.protocol import Protocol
from teachtext.data.readers.folder_source import read_source
from teachtext.data.readers.importing import import_source
from teachtext.errors import InputError


def fill(folder, files, videos=()):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    for name in videos:
        path = folder / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def captions(ids):
    return {f"video{i}": [f"a man walks {i}"] for i in ids}


def msrvtt(ids, splits):
    return {
        "videos": [{"video_id": f"video{i}", "split": split} for i, split in zip(ids, splits, strict=True)],
        "sentences": [{"video_id": f"video{i}", "caption": f"caption {k} of {i}"} for k in (0, 1) for i in ids],
    }


VIDEOS = [f"video{i}.mp4" for i in range(4)]
LISTS = {"train_list.txt": "video0\nvideo1\n", "val_list.txt": "video2\n", "test_list.txt": "video3\n"}
SPLITS = {"train": ["video0", "video1"], "val": ["video2"], "test": ["video3"]}


@pytest.mark.parametrize(
    "lists",
    [
        LISTS,
        {"splits/train.txt": "video0\nvideo1\n", "splits/valid.txt": "video2\n", "splits/test.txt": "video3\n"},
        {"train.csv": "video_id\nvideo0\nvideo1\n", "val.csv": "video_id\nvideo2\n", "test.csv": "video_id\nvideo3\n"},
        {
            "Train.csv": "video_id,label\nvideo0,3\nvideo1,4\n",
            "dev.csv": "name\nvideo2",
            "TEST.csv": "clip;x\nvideo3;1",
        },
        {"train_ids.json": ["video0", "video1"], "val_ids.json": ["video2"], "test_ids.json": ["video3"]},
        {"train.txt": "video0, video1", "val.txt": "video2", "test.txt": "video3"},
        {"split.json": {"train": ["video0", "video1"], "validation": ["video2"], "test": ["video3"]}},
        {"trainlist.txt": "video0.mp4\nvideo1.mp4\n", "vallist.txt": "video2.mp4\n", "testlist.txt": "video3.mp4"},
    ],
)
def test_split_lists_beside_the_captions_are_used_and_said(tmp_path, lists):
    folder = fill(tmp_path, {"captions.json": captions(range(4)), **lists}, VIDEOS)
    dataset = load_folder(folder)
    assert dataset.splits == SPLITS
    assert any(note.startswith("splits from ") and all(name in note for name in lists) for note in dataset.notes)
    report = check_folder(folder)
    assert report.sound and not report.findings
    assert any(name == "note" and "splits from" in text for name, text in report.facts)


def test_a_splits_file_goes_before_lists_which_are_named(tmp_path):
    splits = {"train": ["video0"], "val": ["video1"], "test": ["video2", "video3"]}
    folder = fill(tmp_path, {"captions.json": captions(range(4)), "splits.json": splits, **LISTS}, VIDEOS)
    dataset = load_folder(folder)
    assert dataset.splits == splits
    note = "splits.json is used, and not the splits of lists or captions beside it (train 2, val 1, test 1)"
    assert note in dataset.notes
    assert any(finding.what == note for finding in check_folder(folder).findings)
    fill(tmp_path, {"splits.json": SPLITS})
    assert not check_folder(folder).findings


def test_lists_without_a_split_in_their_name_are_named(tmp_path):
    lists = {"my_ids.txt": "video0\nvideo1\n", "requirements.txt": "numpy\ntorch\n", "notes.txt": "buy milk, and tea\n"}
    folder = fill(tmp_path, {"captions.json": captions(range(4)), **lists}, VIDEOS)
    whats = [finding.what for finding in check_folder(folder).findings]
    assert [what for what in whats if "not used" in what] == [
        f"{tmp_path.name}: 1 files beside the captions are not used: my_ids.txt (2 videos)"
    ]


def test_unknown_videos_of_a_list_are_counted_and_named(tmp_path):
    lists = {"train.txt": "video0\nvideo1\nghost1\nghost2\n", "val.txt": "video2\n", "test.txt": "video3\n"}
    folder = fill(tmp_path, {"captions.json": captions(range(4)), **lists}, VIDEOS)
    report = check_folder(folder)
    assert not report.sound
    assert any("2 videos of" in f.what and "'ghost1', 'ghost2'" in f.what for f in report.findings)
    assert "split 'train': 2 of 4 videos can be used" in load_folder(folder, missing_videos="drop").notes


def test_two_lists_of_one_split_are_refused_unless_they_agree(tmp_path):
    folder = fill(tmp_path, {"captions.json": captions(range(4)), **LISTS, "test.csv": "video_id\nvideo2\n"}, VIDEOS)
    with pytest.raises(InputError, match=r"test.csv \(1 videos\) and test_list.txt \(1 videos\) are both lists of"):
        load_folder(folder)
    fill(tmp_path, {"test.csv": "video_id\nvideo3\n"})
    assert load_folder(folder).splits == SPLITS


def test_msrvtt_has_its_splits_and_those_of_1k_a(tmp_path):
    files = {
        "MSRVTT_data.json": msrvtt(range(4), ["train", "train", "validate", "test"]),
        "MSRVTT_train.9k.csv": "video_id\nvideo0\nvideo1\nvideo2\n",
        "MSRVTT_train.7k.csv": "video_id\nvideo0\nvideo1\n",
        "MSRVTT_JSFUSION_test.csv": "key,vid_key,video_id,sentence\nret0,msr3,video3,Caption 1 of  3\n",
    }
    folder = fill(tmp_path, files, [f"all/{name}" for name in VIDEOS])
    assert load_folder(folder).splits == SPLITS
    one_k = {"protocol": Protocol(select=None, test_captions="chosen"), "chosen_file": "chosen-1k-a.json"}
    dataset = load_folder(folder, splits_file="splits-1k-a.json", **one_k)
    assert dataset.splits == {"train": ["video0", "video1", "video2"], "test": ["video3"]}
    assert [(query.id, query.text) for query in dataset.queries_of("test")] == [("video3#1", "caption 1 of 3")]
    assert read_source(folder).annotations.splits["1k-a-7k"] == {"train": ["video0", "video1"], "test": ["video3"]}
    with pytest.raises(InputError, match=r"splits-1k-b.json does not exist: .* splits-1k-a.json, splits.json"):
        load_folder(folder, splits_file="splits-1k-b.json")
    assert not check_folder(folder).findings


def test_queries_that_are_not_captions_of_their_video_are_named(tmp_path):
    files = {
        "MSRVTT_data.json": msrvtt(range(4), ["train", "train", "validate", "test"]),
        "MSRVTT_JSFUSION_test.csv": "key,vid_key,video_id,sentence\nret0,msr3,video3,something else\n",
    }
    remarks = read_source(fill(tmp_path, files)).annotations.remarks
    assert any("1 queries are not captions of their video (video3)" in remark.what for remark in remarks)


def test_lists_of_the_authors_have_families(tmp_path):
    files = {
        "raw.json": captions(range(6)),
        "train_list.txt": "video0\nvideo1\n",
        "val_list.txt": "video2\n",
        "test_list.txt": "video3\nvideo4\n",
        "train_list_jsfusion.txt": "video0\nvideo1\nvideo2\n",
        "val_list_jsfusion.txt": "video3\n",
        "train_list_miech.txt": "video0\n",
        "test_list_miech.txt": "video4\n",
    }
    assert read_source(fill(tmp_path, files)).annotations.splits == {
        "main": {"train": ["video0", "video1"], "val": ["video2"], "test": ["video3", "video4"]},
        "1k-a": {"train": ["video0", "video1", "video2"], "test": ["video3"]},
        "1k-b": {"train": ["video0"], "test": ["video4"]},
    }


def test_files_with_a_split_in_their_name_are_one_data_set(tmp_path):
    files = {f"annotations/msvd_{split}.json": captions(ids) for split, ids in (("train", (0, 1)), ("test", (3,)))}
    files["annotations/msvd_val.json"] = captions((2,))
    reading = read_source(fill(tmp_path, files))
    assert reading.annotations.splits == {"main": SPLITS}
    assert sorted(caption.id for caption in reading.annotations.captions) == [f"video{i}#0" for i in range(4)]
    two = {"train_val_videodatainfo.json": msrvtt((0, 1, 2), ["train", "train", "validate"])}
    two["test_videodatainfo.json"] = msrvtt((3,), ["test"])
    other = tmp_path / "other"
    other.mkdir()
    reading = read_source(fill(other, two))
    assert reading.annotations.splits == {"main": SPLITS}
    assert len(reading.annotations.captions) == 8


def test_other_captions_of_the_same_videos_are_left_out_and_named(tmp_path):
    files = {"train.json": captions((0, 1)), "val_1.json": captions((2, 3))}
    files["val_2.json"] = {"video2": ["in other words"], "video3": ["as well"]}
    reading = read_source(fill(tmp_path, files))
    assert reading.annotations.splits["main"] == {"train": ["video0", "video1"], "val1": ["video2", "video3"]}
    assert len(reading.annotations.captions) == 4
    assert any(
        remark.is_loss and remark.what.startswith("val_2.json describes videos of another file")
        for remark in reading.annotations.remarks
    )


def test_captions_of_several_kinds_are_not_guessed(tmp_path):
    fill(tmp_path, {"a.json": captions((0,)), "b.csv": "video,text\nvideo0,a dog\n"})
    with pytest.raises(InputError, match=r"has 2 files of captions: a.json, b.csv: give the one"):
        read_source(tmp_path)
    assert read_source(tmp_path / "b.csv").annotations.captions[0].text == "a dog"
    assert read_source(tmp_path, "caption-map").annotations.captions[0].text == "a man walks 0"
    with pytest.raises(InputError, match=r"b.csv is not captions by video"):
        read_source(tmp_path / "b.csv", "caption-map")
    with pytest.raises(InputError, match=r"unknown format 'csv'.*delimited"):
        read_source(tmp_path, "csv")


def test_a_folder_without_captions_says_what_is_there(tmp_path):
    with pytest.raises(
        InputError, match=r"has no captions file: there is no text, csv or json file: write .* captions"
    ):
        read_source(tmp_path)
    fill(tmp_path, {"data.json": {"a": {"b": 1}}, "x.txt": "some prose\n"})
    with pytest.raises(InputError, match=r"there is data.json, x.txt; .*data.json is in no known .*the keys a.*write"):
        read_source(tmp_path)


def test_a_test_file_alone_is_a_test_set(tmp_path):
    fill(tmp_path, {"MSRVTT_JSFUSION_test.csv": "key,vid_key,video_id,sentence\nret0,msr3,video3,a dog\n"})
    assert read_source(tmp_path).annotations.splits == {"main": {"test": ["video3"]}}


def test_a_file_is_a_data_set_with_the_videos_beside_it(tmp_path):
    folder = fill(tmp_path, {"my captions.tsv": "clip\ttext\nvideo0.mp4\ta dog\nvideo3\ta cat\n"}, VIDEOS)
    raw = read_raw(folder / "my captions.tsv")
    assert [caption.video_id for caption in raw.captions] == ["video0", "video3"]
    assert raw.captions_name == "my captions.tsv"


def test_what_was_mended_is_told_by_check_and_by_the_data_set(tmp_path):
    folder = fill(
        tmp_path, {"captions.csv": "video,text\n" + "".join(f"video{i},a man, {i}\n" for i in range(4))}, VIDEOS
    )
    fill(folder, LISTS)
    rows = "line 2, line 3, line 4 and 1 more"
    what = f"captions.csv: 4 rows have more cells than the header; captions were put together ({rows})"
    assert any(finding.what == what for finding in check_folder(folder).findings)
    assert what in load_folder(folder).notes


def test_teachclip_names_its_splits_behind_the_set(tmp_path):
    files = {
        "msrvtt10ktrain/TextData/msrvtt10ktrain.caption.txt": "video0#enc#0 a dog\nvideo1#enc#0 a cat\n",
        "msrvtt10ktrain/VideoSets/msrvtt10ktrain.txt": "video0\nvideo1\n",
        "msrvtt10kval/TextData/msrvtt10kval.caption.txt": "video2#enc#0 a tree\n",
        "msrvtt10ktest/TextData/msrvtt10ktest.caption.txt": "video3#enc#0 a man\n",
    }
    assert read_source(fill(tmp_path, files)).annotations.splits == {"main": SPLITS}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("form", ["txt", "json", "pkl"])
def test_lists_with_the_other_ids_of_msvd_are_understood(tmp_path, form, turned):
    fill(
        tmp_path,
        {"raw.json": captions(range(4)), **{name: text.replace("video", "vid") for name, text in LISTS.items()}},
    )
    pairs = [(f"vid{i}", f"video{i}") if turned else (f"video{i}", f"vid{i}") for i in range(4)]
    path = tmp_path / f"dict_youtube_mapping.{form}"
    if form == "txt":
        path.write_text("".join(f"{key} {value}\n" for key, value in pairs))
    else:
        path.write_bytes(pickle.dumps(dict(pairs)) if form == "pkl" else json.dumps(dict(pairs)).encode())
    annotations = read_source(tmp_path).annotations
    assert annotations.splits == {"main": SPLITS}
    assert not any(remark.is_loss for remark in annotations.remarks)


def test_lists_of_other_data_sets_beside_a_file_are_not_its_lists(tmp_path):
    fill(tmp_path, {"mine.json": captions(range(4)), "splits/train.txt": "video0\n", "splits/test.txt": "video1\n"})
    fill(tmp_path / "other", {"train.txt": "video2\n", "test.txt": "video3\n"})
    annotations = read_source(tmp_path / "mine.json").annotations
    assert annotations.splits["main"] == {"train": ["video0"], "test": ["video1"]}
    assert not any("other" in remark.what for remark in annotations.remarks)


@pytest.mark.parametrize(
    "names",
    [
        [
            "data/train-00000-of-00002-3e0f2a.csv",
            "data/train-00001-of-00002-99ab12.csv",
            "data/test.csv",
        ],
        ["train_part1.csv", "train_part2.csv", "test.csv"],
        ["train_1.csv", "train_2.csv", "test.csv"],
    ],
)
def test_files_that_are_parts_of_a_split_are_joined(tmp_path, names):
    files = {name: f"video_id,caption\nvideo{i},a man walks {i}\n" for i, name in enumerate(names)}
    annotations = read_source(fill(tmp_path, files)).annotations
    assert annotations.splits == {"main": {"train": ["video0", "video1"], "test": ["video2"]}}
    assert len(annotations.captions) == 3


def test_lists_in_parts_are_joined(tmp_path):
    parts = {
        "train_part1.txt": "video0\n",
        "train_part2.txt": "video1\n",
        "val.txt": "video2\n",
        "test.txt": "video3\n",
    }
    assert read_source(fill(tmp_path, {"c.json": captions(range(4)), **parts})).annotations.splits == {"main": SPLITS}


def test_captions_that_a_repeated_file_has_beyond_the_others_are_counted(tmp_path):
    rows = [f"video{i},a man walks {i}" for i in range(4)]
    files = {"all.csv": rows, "test.csv": [rows[2], rows[3], "video9,a new video"]}
    fill(tmp_path, {name: "\n".join(["video_id,caption", *lines]) for name, lines in files.items()})
    remarks = [remark.what for remark in read_source(tmp_path).annotations.remarks if remark.is_loss]
    assert remarks == [
        "test.csv repeats the captions of another file; 1 further captions of it were left out (video9#0)"
    ]


def test_captions_with_the_other_ids_of_msvd_find_their_videos(tmp_path):
    mapping = "".join(f"AbC{i}_1_{i} video{i}\n" for i in range(4))
    fill(tmp_path, {"raw.json": captions(range(4)), "youtube_mapping.txt": mapping, **LISTS})
    fill(tmp_path, {}, [f"AbC{i}_1_{i}.avi" for i in range(4)])
    dataset = load_folder(tmp_path)
    assert dataset.splits == {split: [f"AbC{name[-1]}_1_{name[-1]}" for name in ids] for split, ids in SPLITS.items()}
    assert "ids read as those of files: 4 with another name ('video0' is 'AbC0_1_0')" in dataset.notes
    imported = import_source(tmp_path, tmp_path / "out")
    assert imported.counts["videos"] == 4
    assert load_folder(tmp_path / "out").splits == dataset.splits
