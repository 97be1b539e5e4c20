"""What every registered format keeps: it is known by its content, and a dataset folder holds all that it says."""

import json

import pytest

from teachtext.data.readers.annotations import Annotations
from teachtext.data.readers.registry import FORMATS, formats_of, read_file
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.writing import write_annotations
from teachtext.errors import InputError
from teachtext.files import read_json

ALL = pytest.mark.parametrize("form", FORMATS.values(), ids=list(FORMATS))


@pytest.fixture
def example(form, tmp_path):
    folder = tmp_path / "example"
    folder.mkdir()
    return form.write_example(folder)


@ALL
def test_it_is_known_by_its_content_whatever_its_name(form, example):
    assert formats_of(SourceFile(example)) == [form]
    for name in ("a", "captions.dat", "train.csv", "x.json", "y.jsonl", "z.txt"):
        renamed = example.rename(example.with_name(name))
        assert formats_of(SourceFile(renamed)) == [form]
        example = renamed


@ALL
def test_the_dataset_folder_says_the_same(form, example, tmp_path):
    _, annotations = read_file(example)
    assert len({caption.video_id for caption in annotations.captions}) > 1
    out = tmp_path / "out"
    out.mkdir()
    write_annotations(annotations, out)
    _, again = read_file(out / "captions.jsonl")
    assert again.captions == annotations.captions
    for name, splits in annotations.splits.items():
        assert read_json(out / ("splits.json" if name == "main" else f"splits-{name}.json")) == splits
        assert set(splits) <= {"train", "val", "test"}
    for name, chosen in annotations.chosen.items():
        assert read_json(out / f"chosen-{name}.json") == chosen


@ALL
def test_it_is_read_alike_by_its_name(form, example):
    assert read_file(example, form.name) == read_file(example)
    assert all(remark.what for remark in read_file(example)[1].remarks)


@ALL
def test_foreign_files_are_not_recognised(form, tmp_path):
    contents = [
        b"",
        b"\n\n",
        b"\x00\x01\x02" * 100,
        b"PK\x03\x04" + bytes(200),
        b"# Read me\n\nThis is a text, with commas; and more.\n",
        b"<html><body>video, text</body></html>",
        b"{}",
        b"[]",
        b"[1, 2, 3]",
        b'"text"',
        b"null",
        b'{"a": 1, "b": {"c": []}}',
        b'{"train": ["v0"], "test": ["v1"]}',
        b"[[[[[[]]]]]]",
        b"video0\nvideo1\n",
        "naïve café\n".encode("latin-1"),
    ]
    for number, content in enumerate(contents):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(content)
        assert not form.recognises(SourceFile(path)), content
        with pytest.raises(InputError, match=rf"{number}\.bin"):
            read_file(path)
        with pytest.raises(InputError, match=rf"{number}\.bin"):
            read_file(path, form.name)


@ALL
def test_formats_of_certain_datasets_do_not_know_each_other(form, tmp_path):
    for other in FORMATS.values():
        folder = tmp_path / other.name
        folder.mkdir()
        source = SourceFile(other.write_example(folder))
        if other is not form and not form.is_general:
            assert not form.recognises(source), other.name


@ALL
def test_a_file_that_is_cut_off_or_damaged_ends_in_a_sentence(form, example):
    data = example.read_bytes()
    for end in range(0, len(data), max(1, len(data) // 25)):
        for damaged in (data[:end], data[:end] + b"\xff" + data[end + 1 :], data[:end] + b"\x00" + data[end:]):
            example.write_bytes(damaged)
            try:
                _, annotations = read_file(example)
            except InputError as error:
                assert str(example) in str(error)
            else:
                assert isinstance(annotations, Annotations)


@ALL
def test_what_is_shown_is_of_the_format(form, tmp_path):
    assert form.name == form.name.lower()
    assert form.title
    assert "\n" not in form.shows
    if form.shows.startswith("{"):
        path = tmp_path / "shown"
        path.write_text(form.shows)
        assert form.recognises(SourceFile(path)), json.loads(form.shows)
