"""A dataset folder from the files of the field: what is written, and what is said about it."""

import json
import os
from pathlib import Path

import pytest

from teachtext.data.check import check_folder
from teachtext.data.folder import load_folder
from teachtext.data.readers.importing import import_source
from teachtext.errors import InputError
from teachtext.files import read_json

MSVD = """\
VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description
abc,1,9,1,clean,5,English,A dog runs.
abc,1,9,2,clean,5,German,"Ein Hund, er rennt."
abc,1,9,3,clean,5,English,
d-f,0,5,4,clean,5,English,a cat
d-f,0,5,4,clean,5,Slovene,mačka
ghi,2,3,4,clean,5,English,a tree
"""
IDS = ("abc_1_9", "d-f_0_5", "ghi_2_3")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "MSVD"
    (folder / "YouTubeClips").mkdir(parents=True)
    for number, video_id in enumerate(IDS):
        (folder / "YouTubeClips" / f"{video_id}.avi").write_bytes(bytes([number]) * 9)
    (folder / "video_corpus.csv").write_text(MSVD, encoding="utf-8")
    for split, video_id in zip(("train", "val", "test"), IDS, strict=True):
        (folder / f"{split}_list.txt").write_text(f"{video_id}\n")
    return folder


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_folder_is_a_data_set_with_links_to_the_videos(source, tmp_path):
    out = tmp_path / "out"
    imported = import_source(source, out)
    assert imported.counts == {"captions": 3, "captioned videos": 3, "videos": 3}
    assert lines(out / "captions.jsonl") == [
        {"id": "abc_1_9#0", "video": "abc_1_9", "text": "A dog runs."},
        {"id": "d-f_0_5#0", "video": "d-f_0_5", "text": "a cat"},
        {"id": "ghi_2_3#0", "video": "ghi_2_3", "text": "a tree"},
    ]
    assert read_json(out / "splits.json") == {"train": ["abc_1_9"], "val": ["d-f_0_5"], "test": ["ghi_2_3"]}
    links = sorted((out / "videos").iterdir())
    assert [link.name for link in links] == [f"{video_id}.avi" for video_id in IDS]
    assert all(link.is_symlink() and link.read_bytes() for link in links)
    said = [remark.what for remark in imported.remarks if remark.is_loss]
    assert said == [
        "1 empty captions were left out (abc_1_9#2)",
        "2 captions in other languages than 'en' were left out (de 1, sl 1)",
    ]
    dataset = load_folder(out)
    assert dataset.splits == load_folder(source).splits
    assert dataset.captions == load_folder(source).captions
    for folder in (source, out):
        report = check_folder(folder)
        assert report.sound and set(said) <= {finding.what for finding in report.findings}
        assert set(said) <= set(load_folder(folder).notes)


def test_all_languages_and_copies_can_be_had(source, tmp_path):
    out = tmp_path / "out"
    imported = import_source(source / "video_corpus.csv", out, language=None, videos="copy")
    assert imported.counts["captions"] == 5
    assert [entry.get("language") for entry in lines(out / "captions.jsonl")] == [None, "de", None, "sl", None]
    assert not any(path.is_symlink() for path in (out / "videos").iterdir())
    german = import_source(source, tmp_path / "de", language="de", videos="none")
    assert german.counts == {"captions": 1, "captioned videos": 1, "videos": 0}
    assert not (tmp_path / "de" / "videos").exists()


def test_an_import_leaves_nothing_where_it_fails(source, tmp_path):
    (source / "video_corpus.csv").write_text("video,text\nabc,\n")
    for out in (tmp_path / "out", tmp_path / "deep" / "out"):
        with pytest.raises(InputError, match="has no caption that can be used"):
            import_source(source, out)
        assert not out.exists()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("x")
    (source / "video_corpus.csv").write_text(MSVD)
    with pytest.raises(InputError, match="exists and is not empty"):
        import_source(source, tmp_path / "used")
    with pytest.raises(InputError, match="nowhere does not exist"):
        import_source(tmp_path / "nowhere", tmp_path / "out")


def test_published_sizes_are_recognised(tmp_path):
    sizes = {"train": 1200, "val": 100, "test": 670}
    names = iter(range(10_000))
    ids = {split: [f"vid{next(names)}" for _ in range(size)] for split, size in sizes.items()}
    (tmp_path / "raw.json").write_text(json.dumps({name: ["a dog"] for split in ids.values() for name in split}))
    for split, listed in ids.items():
        (tmp_path / f"{split}_list.txt").write_text("\n".join(listed))
    imported = import_source(tmp_path, tmp_path / "out")
    note = "splits 'main' (train 1,200, val 100, test 670) have the sizes of MSVD: 'benchmark: msvd' fits"
    assert note in [remark.what for remark in imported.remarks]
    assert ("note", note) in check_folder(tmp_path / "out").facts


def test_captions_without_a_video_and_videos_without_a_caption_are_named(source, tmp_path):
    (source / "YouTubeClips" / "ghi_2_3.avi").rename(source / "YouTubeClips" / "other.avi")
    (source / "YouTubeClips" / "jkl.heic").write_bytes(b"x")
    out = tmp_path / "out"
    remarks = {remark.what: remark for remark in import_source(source, out).remarks}
    absent = f"1 captioned videos have no file in {source} (ghi_2_3)"
    mute = "1 videos have neither caption nor split, and were left out (other)"
    assert remarks[absent].is_loss and mute in remarks
    assert any("files without the ending of a video" in what and "jkl.heic" in what for what in remarks)
    # the folder says by itself which files it lacks
    assert absent not in (out / "import.json").read_text() and mute in (out / "import.json").read_text()
    assert any("without a file" in finding.what for finding in check_folder(out).findings)
    assert absent not in [remark.what for remark in import_source(source, tmp_path / "none", videos="none").remarks]


def test_an_import_into_the_source_leaves_the_source_as_it_was(source, tmp_path):
    before = load_folder(source)
    imported = import_source(source, source / "out")
    assert imported.counts["captions"] == 3
    again = load_folder(source)
    assert (again.captions, again.splits) == (before.captions, before.splits)
    assert import_source(source, source / "again").counts == imported.counts


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "captions.csv").write_text("video,text\nv0,a dog\n")
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null")):
        for read in (lambda path: import_source(path, tmp_path / "out"), check_folder):
            with pytest.raises(InputError, match="is a pipe or a device"):
                read(path)
