"""Bounds of caption files, and JSON in every shape: a sentence, never more."""

import gzip
import json
import os
import tarfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.data.readers import source as source_module
from teachtext.data.readers.folder_source import read_source
from teachtext.data.readers.registry import formats_of, read_file
from teachtext.data.readers.source import SourceFile
from teachtext.errors import InputError


def test_a_file_of_a_gigabyte_ends_in_a_sentence_at_once(tmp_path):
    for name, start in (("c.csv", b"video,text\nv0,a dog\n"), ("c.json", b'{"v0": ["a dog"]}'), ("c.bin", b"\x80\x04")):
        path = tmp_path / name
        path.write_bytes(start)
        os.truncate(path, 2**30)
        began = time.process_time()
        with pytest.raises(InputError, match=rf"{name} has 1,024 MiB, and caption files may have 512 MiB"):
            read_file(path)
        assert time.process_time() - began < 5


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_deep_nesting_ends_in_a_sentence(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"c\.json (is nested too deeply|is in no known)"):
        read_file(path)
    path.write_text('{"video": "a", "text": "b"}\n' + text)
    with pytest.raises(InputError, match=r"c\.json, line 2 is not valid JSON"):
        read_file(path)


def test_a_document_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "MOST_MEMORY", 10_000)
    path = tmp_path / "c.json"
    path.write_text("[" + "[]," * 1000 + "[]]")
    with pytest.raises(InputError, match=r"has so many parts that reading it needs about"):
        read_file(path)


def test_a_key_that_stands_twice_is_not_lost(tmp_path):
    path = tmp_path / "c.json"
    path.write_text('{"v0": ["a dog"], "v1": ["a cat"], "v0": ["a tree"]}')
    with pytest.raises(InputError, match="has an object with the key 'v0' twice: keep one of the two"):
        read_file(path)


def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path):
    path = tmp_path / "raw-captions.pkl"
    path.write_bytes(b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(InputError, match=r"holds 'os\.system', which is not plain data; no code of it was run"):
        read_file(path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("a dog runs"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["video", "text", "caption", "v0", "sentences", "videos", "train"]), inner)
    ),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(_JSON, min_size=1, max_size=3), st.sampled_from(["\n", ""]))
def test_any_json_is_read_or_ends_in_a_sentence(tmp_path_factory, values, end):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text("\n".join(json.dumps(value) for value in values) + end)
    assert all(form.is_general or form.recognises(SourceFile(path)) for form in formats_of(SourceFile(path)))
    try:
        _, annotations = read_file(path)
    except InputError as error:
        assert str(path) in error.problem and error.mend
    else:
        assert all(caption.video_id and isinstance(caption.text, str) for caption in annotations.captions)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60) | st.text(st.sampled_from('video,text\n\r"; \t{}[]:01#|é'), max_size=80).map(str.encode))
def test_any_bytes_are_read_or_end_in_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        read_file(path)
    except InputError as error:
        assert str(path) in error.problem and error.mend


@pytest.mark.parametrize(
    ("name", "data", "what", "mend"),
    [
        ("MSRVTT_data.json.gz", gzip.compress(b"{}", mtime=0), "it is packed with gzip", "unpack it"),
        ("MSRVTT.zip", b"PK\x03\x04" + bytes(200), "it is a zip archive", "unpack it"),
        ("captions.xlsx", b"PK\x03\x04 xl/workbook.xml" + bytes(200), "it is a workbook", "save the sheet as CSV"),
        (
            "a.csv",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "a pointer of Git LFS",
            "git lfs",
        ),
        (
            "a.csv",
            b"<!DOCTYPE html>\n<html></html>\n",
            "it is a web page",
            "download the file itself",
        ),
        ("a.json", b'{"v0": ["a dog"],}', "it is not valid JSON", "copy it again, or correct that place"),
        ("train.txt", b"video0\nvideo1\n", "it is a list of 2 ids without captions", "give the file with"),
    ],
)
def test_a_file_that_holds_no_captions_says_what_it_is(tmp_path, name, data, what, mend):
    (tmp_path / name).write_bytes(data)
    for source in (tmp_path, tmp_path / name):
        with pytest.raises(InputError) as caught:
            read_source(source)
        assert name in caught.value.problem and what in caught.value.problem and mend in caught.value.mend


def test_a_tar_that_holds_no_captions_names_its_files(tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("a.mp4"))
        tar.addfile(tarfile.TarInfo("a.cls"))
    with pytest.raises(InputError, match=r"a tar without captions of its videos \(a\.mp4, a\.cls\)"):
        read_source(tmp_path)
