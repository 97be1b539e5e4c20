"""Folders as the authors of data sets publish them: which files belong together, and what their splits are."""

import io
import json
import pickle

import pytest

from teachtext.data.folder import load_folder
from teachtext.data.protocol import Protocol
from teachtext.data.readers.folder_source import read_source
from teachtext.data.readers.importing import import_source


def fill(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def said(reading):
    return "\n".join(remark.what for remark in reading.annotations.remarks)


def activitynet(*names):
    return {
        name: {"duration": 9, "timestamps": [[0, 1]] * 2, "sentences": [f"{name} a", f"{name} b"]} for name in names
    }


def test_activitynet(tmp_path):
    other = {"v_c": {"duration": 9, "timestamps": [[0, 1]], "sentences": ["in other words"]}}
    fill(
        tmp_path,
        {
            "captions/train.json": activitynet("v_a", "v_b"),
            "captions/val_1.json": activitynet("v_c"),
            "captions/val_2.json": other,
            "captions/train_ids.json": ["v_a", "v_b"],
            "captions/val_ids.json": ["v_c"],
            "captions/test_ids.json": ["v_d", "v_e"],
        },
    )
    reading = read_source(tmp_path / "captions")
    assert reading.form.name == "activitynet"
    assert reading.annotations.splits["main"]["train"] == ["v_a", "v_b"]
    assert reading.annotations.splits["main"]["val1"] == ["v_c"]
    assert [caption.text for caption in reading.annotations.captions if caption.video_id == "v_c"] == ["v_c a", "v_c b"]
    assert "val_ids.json repeats the videos of val_1.json" in said(reading)
    assert "1 files beside the captions are not used: test_ids.json (2 videos, none of them has a caption)" in said(
        reading
    )
    assert "val_2.json describes videos of another file in other words; it was left out" in said(reading)
    dataset = load_folder(
        tmp_path / "captions",
        missing_videos="keep",
        protocol=Protocol(captions="fused", select="val1", test="val1", max_words=49),
    )
    assert [query.text for query in dataset.queries_of("val1")] == ["v_c a v_c b"]


def test_didemo_with_files_that_were_converted(tmp_path):
    def entries(*names):
        return [{"video": name, "description": f"{name} {k}", "times": [[k, k]]} for k in (0, 1) for name in names]

    fill(
        tmp_path,
        {
            "train_data.json": entries("1@N0_2_3.mov", "4@N0_5_6.avi"),
            "val_data.json": entries("7@N0_8_9.3gp"),
            "test_data.json": entries("a@N0_b_c.m4v"),
            "videos/1@N0_2_3.mov.mp4": b"1",
            "videos/4@N0_5_6.mp4": b"2",
            "videos/7@N0_8_9.3gp": b"3",
            "videos/a@N0_b_c.mp4": b"4",
        },
    )
    dataset = load_folder(tmp_path, protocol=Protocol(captions="fused", max_words=48))
    assert dataset.splits == {"train": ["1@N0_2_3.mov", "4@N0_5_6"], "val": ["7@N0_8_9"], "test": ["a@N0_b_c"]}
    assert len(dataset.queries_of("train")) == 2 and dataset.videos["1@N0_2_3.mov"].path is not None


def test_lsmdc(tmp_path):
    def lines(movie):
        return "".join(f"{movie}_00.00.0{k}.000-00.00.09.000\t\t\t\t\tSOMEONE, {k}.\n" for k in (1, 2))

    fill(
        tmp_path,
        {
            "LSMDC16_annos_training.csv": lines("1_A"),
            "LSMDC16_annos_val.csv": lines("2_B"),
            "LSMDC16_challenge_1000_publictect.csv": lines("3_C"),
            "videos/1_A/1_A_00.00.01.000-00.00.09.000.avi": b"1",
        },
    )
    reading = read_source(tmp_path)
    assert reading.form.name == "lsmdc"
    assert {split: len(ids) for split, ids in reading.annotations.splits["main"].items()} == {
        "train": 2, "val": 2, "test": 2,
    }  # fmt: skip
    with_file = [video for video in load_folder(tmp_path, missing_videos="keep").videos.values() if video.path]
    assert [video.id for video in with_file] == ["1_A_00.00.01.000-00.00.09.000"]


def test_vatex_in_english(tmp_path):
    def entries(*names):
        return [{"videoID": name, "enCap": ["A.", "B."], "chCap": ["一。"]} for name in names]

    fill(
        tmp_path,
        {
            "vatex_training_v1.0.json": entries("a_000001_000011", "b_000001_000011"),
            "vatex_validation_v1.0.json": entries("c_000001_000011"),
            "vatex_public_test_english_v1.1.json": [{"videoID": "d_000001_000011", "enCap": ["C."]}],
            "vatex_private_test_without_annotations.json": [{"videoID": "e_000001_000011"}],
        },
    )
    imported = import_source(tmp_path, tmp_path / "out")
    assert imported.counts["captions"] == 7
    assert any("3 captions in other languages than 'en' were left out (zh 3)" in r.what for r in imported.remarks)
    assert load_folder(tmp_path / "out", missing_videos="keep").splits["test"] == ["d_000001_000011"]
    chinese = import_source(tmp_path, tmp_path / "zh", language="zh")
    assert chinese.counts["captions"] == 3
    # read where it stands, without an import
    for language, captions in ((None, 7), ("zh", 3), ("all", 10)):
        assert len(load_folder(tmp_path, missing_videos="keep", language=language).captions) == captions


def test_queryd_pickles_and_lists(tmp_path):
    captions = {f"video-{k}": [["she", "opens", "a", "door"], ["she", "leaves", str(k)]] for k in "abc"}
    fill(
        tmp_path,
        {
            "raw_captions_combined_filtered.pkl": pickle.dumps(captions),
            "times_captions_combined_filtered.pkl": pickle.dumps({k: [[0, 1.5], [2.0, 3.0]] for k in captions}),
            "confidence_captions_combined_filtered.pkl": pickle.dumps({k: [0.9, 0.8] for k in captions}),
            "train_list.txt": "video-a\n",
            "val_list.txt": "video-b\n",
            "test_list.txt": "video-c\n",
        },
    )
    reading = read_source(tmp_path)
    assert [caption.text for caption in reading.annotations.captions][:2] == ["she opens a door", "she leaves a"]
    assert reading.annotations.splits["main"] == {"train": ["video-a"], "val": ["video-b"], "test": ["video-c"]}


METADATA = {
    "jsonl": lambda rows: "".join(json.dumps({"file_name": name, "text": text}) + "\n" for name, text in rows),
    "csv": lambda rows: "file_name,text\n" + "".join(f'{name},"{text}"\n' for name, text in rows),
}


def parquet(rows):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as tables

    sink = io.BytesIO()
    names, texts = zip(*rows, strict=True)
    tables.write_table(pyarrow.table({"file_name": names, "text": texts}), sink)
    return sink.getvalue()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("root", ["", "data/"])
def test_a_video_folder_with_a_folder_for_each_split(tmp_path, form, root):
    write = {**METADATA, "parquet": parquet}[form]
    files = {}
    for split, folder in (("train", "train"), ("val", "validation"), ("test", "test")):
        rows = [("0001.mp4", f"one, of {split}"), ("0002.mp4", f"two of {split}")]
        files[f"{root}{folder}/metadata.{form}"] = write(rows)
        files |= {f"{root}{folder}/{name}": f"{split} {name}" for name, _ in rows}
    fill(tmp_path, files)
    dataset = load_folder(tmp_path)
    assert dataset.splits == {
        split: [f"{root}{folder}/0001", f"{root}{folder}/0002"]
        for split, folder in (("train", "train"), ("val", "validation"), ("test", "test"))
    }
    assert [query.text for query in dataset.queries_of("test")] == ["one, of test", "two of test"]
    video = dataset.videos[f"{root}test/0002"]
    assert video.path is not None and video.path.read_bytes() == b"test 0002.mp4"


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_video_folder_with_one_table_for_all_splits(tmp_path, form):
    names = ["train/1.mp4", "validation/1.mp4", "test/1.mp4"]
    table = {**METADATA, "parquet": parquet}[form]([(name, f"of {name}") for name in names])
    source = fill(tmp_path / "source", {f"metadata.{form}": table, **{name: name for name in names}})
    assert load_folder(source).splits == {"train": ["train/1"], "val": ["validation/1"], "test": ["test/1"]}
    assert "the splits are the folders before the names of the videos" in said(read_source(source))
    imported = import_source(source, tmp_path / "out")
    assert imported.counts["videos"] == 3
    assert load_folder(tmp_path / "out").splits == load_folder(source).splits


def test_a_table_of_videos_with_their_paths_and_no_bytes_of_them_is_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as tables

    columns = {
        "video": [{"bytes": b"x" * 9, "path": "a.mp4"}, {"bytes": None, "path": "b.mp4"}],
        "caption": ["a dog", "a cat"],
        "split": ["train", "test"],
    }
    tables.write_table(pyarrow.table(columns), tmp_path / "0000.parquet")
    reading = read_source(tmp_path)
    assert [(caption.video_id, caption.text) for caption in reading.annotations.captions] == [
        ("a.mp4", "a dog"), ("b.mp4", "a cat"),
    ]  # fmt: skip
    assert reading.annotations.splits["main"] == {"train": ["a.mp4"], "test": ["b.mp4"]}
