import json
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.files import content_hash
from teachtext.search import file_contents
from teachtext.search.file_contents import FileContents

LONG_AGO_S = 3600.0


@pytest.fixture
def settled(monkeypatch):
    """An hour has passed since the files were written: the status time of a file cannot be set by a test."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + int(LONG_AGO_S * 1e9))


def rewritten_unseen(path, content, state):
    """Write another content of the same size, and set the time back; only the status time tells."""
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def asked_twice(tmp_path, video, **options):
    first = FileContents(tmp_path / "kept.json")
    first.of(video)
    first.save(tmp_path)
    return FileContents(tmp_path / "kept.json", **options)


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path, settled, monkeypatch):
    video, read = tmp_path / "a.mp4", []
    video.write_bytes(b"pictures")
    again, reread = asked_twice(tmp_path, video), asked_twice(tmp_path, video, reread=True)
    monkeypatch.setattr(file_contents, "content_hash", lambda path: read.append(path) or content_hash(path))
    assert again.of(video) == content_hash(video) and not read
    assert reread.of(video) == content_hash(video) and read == [video]


def test_a_file_that_was_changed_with_its_time_set_back_is_read_again(tmp_path, settled):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"pictures")
    state = video.stat()
    again = asked_twice(tmp_path, video)
    rewritten_unseen(video, b"PICTURES", state)
    assert again.of(video) == content_hash(video)


def test_another_file_in_the_place_is_read(tmp_path, settled):
    video, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    video.write_bytes(b"pictures")
    again = asked_twice(tmp_path, video)
    other.write_bytes(b"PICTURES")
    other.replace(video)
    assert again.of(video) == content_hash(video)


def test_a_file_that_changed_just_now_is_not_kept(tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"pictures")
    asked_twice(tmp_path, video)
    assert not (tmp_path / "kept.json").exists()


def test_other_folders_stay_and_files_that_are_gone_do_not(tmp_path, settled):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        for name in ("a.mp4", "b.mp4"):
            (folder / name).write_bytes(name.encode())
    contents = FileContents(tmp_path / "kept.json")
    for folder in folders:
        contents = FileContents(tmp_path / "kept.json")
        for path in folder.iterdir():
            contents.of(path)
        contents.save(folder)
    contents = FileContents(tmp_path / "kept.json")
    contents.of(folders[0] / "a.mp4")
    contents.save(folders[0])
    kept = (tmp_path / "kept.json").read_text()
    assert [kept.count(f"{folder.name}/{name}.mp4") for folder in folders for name in "ab"] == [1, 0, 1, 1]


damage = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=16),
        lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["format", "files", "x"]), inner),
        max_leaves=12,
    ),
)


@given(damage)
def test_damaged_hashes_count_as_none(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("damaged")
    kept, video = folder / "kept.json", folder / "a.mp4"
    video.write_bytes(b"pictures")
    inside = json.dumps({"format": "teachtext-file-contents-1", "files": {str(video): value}}, default=repr)
    for content in (value if isinstance(value, bytes) else json.dumps(value).encode(), inside.encode()):
        kept.write_bytes(content)
        assert FileContents(kept).of(video) == content_hash(video)
