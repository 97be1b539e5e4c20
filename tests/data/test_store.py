import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.passages import Passage
from teachtext.data.removal import remove_items
from teachtext.data.store import FeatureFile, shards_of
from teachtext.errors import InputError
from teachtext.files import atomic


def write(folder, items, *, dim=3, provenance=None, **settings):
    with FeatureWriter(folder, provenance=provenance or {"encoder": "test"}, dim=dim, **settings) as writer:
        for item_id, values in items.items():
            writer.add(item_id, values, source=f"hash of {item_id}")
    return FeatureFile(folder, verify=True)


items = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.integers(0, 4).flatmap(
        lambda rows: arrays(np.float16, (rows, 3), elements=st.floats(-100, 100, width=16, allow_subnormal=False))
    ),
    min_size=1,
    max_size=9,
)


@settings(deadline=None, max_examples=40)
@given(items, st.integers(1, 4))
def test_what_is_written_is_read(tmp_path_factory, items, shard_items):
    file = write(tmp_path_factory.mktemp("store"), items, shard_items=shard_items)
    assert sorted(file.ids) == sorted(items)
    for item_id, values in items.items():
        assert file.rows_of(item_id) == len(values)
        np.testing.assert_array_equal(file.read(item_id), values)
        assert len(file.read(item_id, max_rows=2)) == min(2, len(values))


def test_an_unknown_item_reads_as_missing(tmp_path):
    file = write(tmp_path, {"a": np.ones((1, 3))})
    assert "b" not in file
    assert file.read("b").shape == (0, 3)


def test_the_last_shard_counts(tmp_path):
    write(tmp_path, {"a": np.zeros((1, 3)), "b": np.zeros((1, 3))})
    file = write(tmp_path, {"a": np.ones((2, 3))})
    assert len(file) == 2
    np.testing.assert_array_equal(file.read("a"), np.ones((2, 3)))
    np.testing.assert_array_equal(file.read("b"), np.zeros((1, 3)))


def test_a_stop_by_hand_keeps_what_is_done_and_an_error_does_not(tmp_path):
    for kind, kept in ((KeyboardInterrupt, 1), (RuntimeError, 0)):
        folder = tmp_path / kind.__name__
        with pytest.raises(kind), FeatureWriter(folder, provenance={}, dim=1) as writer:
            writer.add("a", np.ones((1, 1)))
            raise kind
        assert len(shards_of(folder)) == kept
        assert not list(folder.glob(".*")), "a temporary file was left behind"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[np.nan, 0, 0]]), "NaN"),
        (np.array([[1e6, 0, 0]]), "beyond float16"),
        (np.ones((1, 4)), r"not \(rows, 3\)"),
        (np.ones(3), r"not \(rows, 3\)"),
    ],
)
def test_bad_values_are_refused_when_written(tmp_path, values, message):
    writer = FeatureWriter(tmp_path, provenance={}, dim=3)
    with pytest.raises(InputError, match=message):
        writer.add("a", values)


def test_a_changed_byte_does_not_match_the_checksum(tmp_path):
    write(tmp_path, {"a": np.ones((4, 3))})
    path = shards_of(tmp_path)[0]
    raw = bytearray(path.read_bytes())
    # the values follow the header; where exactly is in the header
    (header_length,) = struct.unpack("<Q", raw[:8])
    begin = json.loads(raw[8 : 8 + header_length])["values"]["data_offsets"][0]
    raw[8 + header_length + begin] ^= 1
    path.write_bytes(raw)
    FeatureFile(tmp_path)
    with pytest.raises(InputError, match=r"part-00000.*checksum"):
        FeatureFile(tmp_path, verify=True)


@pytest.mark.parametrize("keep", [0, 7, 60, -1])
def test_a_truncated_shard_is_refused(tmp_path, keep):
    write(tmp_path, {"a": np.ones((4, 3))})
    path = shards_of(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"part-00000.*extract its features again"):
        FeatureFile(tmp_path)


def test_shards_of_other_settings_do_not_mix(tmp_path):
    write(tmp_path, {"a": np.ones((1, 3))})
    with pytest.raises(InputError, match="other settings"):
        write(tmp_path, {"b": np.ones((1, 3))}, provenance={"encoder": "other"})


def test_two_folders_of_one_encoder_are_read_as_one(tmp_path):
    first = write(tmp_path / "first", {"a": np.ones((1, 3))})
    write(tmp_path / "second", {"b": 2 * np.ones((1, 3))})
    joined = first.joined_with(tmp_path / "second")
    assert joined.ids == ["a", "b"] and joined.read("b").tolist() == [[2, 2, 2]]
    assert first.ids == ["a"] and joined.checksum() != first.checksum()
    write(tmp_path / "other", {"c": np.ones((1, 3))}, provenance={"encoder": "other"})
    with pytest.raises(InputError, match=r"other was made with other settings than .*first .*: delete"):
        first.joined_with(tmp_path / "other")


def test_the_checksum_follows_sources_and_settings(tmp_path):
    first = write(tmp_path / "first", {"a": np.ones((1, 3)), "b": np.ones((1, 3))})
    same = write(tmp_path / "same", {"b": np.ones((1, 3)), "a": np.ones((1, 3))})
    other = write(tmp_path / "other", {"a": np.ones((1, 3))})
    assert first.checksum() == same.checksum() != other.checksum()


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    """/dev/full answers every write as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with pytest.raises(InputError, match="the disk is full: free some space"), atomic(tmp_path / "file") as temporary:
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_bytes(b"x" * 100_000)
    assert not list(tmp_path.iterdir())


def timed(folder, items, **settings):
    with FeatureWriter(folder, provenance={"encoder": "test"}, dim=3, **settings) as writer:
        for item_id, (values, times, passages) in items.items():
            writer.add(item_id, values, times=times, passages=passages)
    return FeatureFile(folder, verify=True)


def test_times_and_passages_are_read_as_they_were_written(tmp_path):
    hello, bye = Passage(0.5, 1.25, "Hello \u2028 \u4f60"), Passage(2, 2.5, "bye")
    items = {
        "a": (np.ones((2, 3)), np.array([[0.5, 1.25], [2, 2.5]]), [hello, bye]),
        "b": (np.zeros((0, 3)), np.zeros((0, 2)), []),
        "c": (np.ones((1, 3)), np.array([[0, 1]]), [bye]),
        "d": (None, None, None),
    }
    for shard_items in (1, 2, 9):
        file = timed(tmp_path / str(shard_items), items, shard_items=shard_items)
        assert file.times("a").tolist() == [[0.5, 1.25], [2, 2.5]] and file.times("a").dtype == np.float32
        assert file.times("c").tolist() == [[0, 1]]
        assert file.times("b") is None and file.times("unknown") is None
        assert file.passages() == {"a": [hello, bye], "c": [bye]}


def test_passages_of_a_replaced_item_are_gone(tmp_path):
    times, said = np.array([[0, 1]]), Passage(0, 1, "before")
    timed(tmp_path, {"a": (np.ones((1, 3)), times, [said]), "b": (np.ones((1, 3)), times, [said])})
    file = timed(tmp_path, {"a": (np.ones((1, 3)), times, [Passage(0, 1, "after")]), "b": (None, None, None)})
    assert file.passages() == {"a": [Passage(0, 1, "after")]}


def test_files_without_times_have_none(tmp_path):
    file = write(tmp_path, {"a": np.ones((2, 3))})
    assert file.times("a") is None and file.passages() == {}


@pytest.mark.parametrize("times", [np.zeros((1, 2)), np.zeros((2, 1)), np.full((2, 2), np.nan)])
def test_bad_times_are_refused(tmp_path, times):
    writer = FeatureWriter(tmp_path, provenance={}, dim=3)
    with pytest.raises(InputError, match="give every row the seconds at which it begins and ends"):
        writer.add("a", np.ones((2, 3)), times=times)


def test_a_changed_time_does_not_match_the_checksum(tmp_path):
    timed(tmp_path, {"a": (np.ones((1, 3)), np.array([[1, 2]]), None)})
    path = shards_of(tmp_path)[0]
    raw = bytearray(path.read_bytes())
    (header_length,) = struct.unpack("<Q", raw[:8])
    raw[8 + header_length + json.loads(raw[8 : 8 + header_length])["times"]["data_offsets"][0]] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"part-00000.*checksum"):
        FeatureFile(tmp_path, verify=True)


@pytest.mark.parametrize(
    "line", ['{"id": "a"', '{"id": "a", "start_s": 0, "end_s": 1}', "[1]", '{"id": "a", "start_s": "x"}']
)
def test_damaged_passages_are_an_error_with_a_mend(tmp_path, line):
    file = timed(tmp_path, {"a": (np.ones((1, 3)), np.array([[0, 1]]), [Passage(0, 1, "x")])})
    (tmp_path / "part-00000.jsonl").write_text(line)
    with pytest.raises(
        InputError, match=r"part-00000.jsonl is not a whole file of passages .*extract the features again"
    ):
        file.passages()


def test_equal_contents_are_equal_files(tmp_path):
    files = []
    for name in ("first", "second"):
        write(tmp_path / name, {"a": np.ones((2, 3)), "é": np.zeros((1, 3))})
        files.append((tmp_path / name / "part-00000.safetensors").read_bytes())
    header = json.loads(files[0][8 : 8 + int.from_bytes(files[0][:8], "little")])
    assert list(header["__metadata__"]) == sorted(header["__metadata__"]) and files[0] == files[1]


def test_removed_items_leave_neither_features_nor_words(tmp_path):
    folder = tmp_path / "speech"
    said = {name: [Passage(0.0, 1.0, f"secret {name}")] for name in "abcde"}
    with FeatureWriter(folder, provenance={"encoder": "test"}, dim=3, shard_items=2) as writer:
        for number, name in enumerate("abcde"):
            values, times = np.full((1, 3), number + 1.0), np.array([[0.0, 1.0]])
            writer.add(name, values, source=f"source {name}", times=times, passages=said[name])
    assert remove_items(folder, ids=["a"], sources=["source e"]) == 2
    after = FeatureFile(folder, verify=True)
    assert after.ids == ["b", "c", "d"] and after.passages() == {name: said[name] for name in "bcd"}
    for number, name in enumerate("bcd", start=2):
        assert np.array_equal(after.read(name), np.full((1, 3), number)) and after.sources[name] == f"source {name}"
        assert np.array_equal(after.times(name), [[0.0, 1.0]])
    assert remove_items(folder, ids=["a"]) == 0
    left = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"secret a" not in left and b"secret e" not in left and b"secret b" in left
    assert sorted(path.name for path in folder.iterdir()) == [
        f"part-0000{number}.{ending}" for number in range(2) for ending in ("jsonl", "safetensors")
    ]


def check_many(file, item_ids):
    """Check that several items are read at once as they are read one by one."""
    for most in (None, 1, 2):
        rows, counts = file.read_many(item_ids, max_rows=most)
        items = [file.read(item_id, max_rows=most) for item_id in item_ids]
        assert counts.tolist() == [len(item) for item in items]
        np.testing.assert_array_equal(rows, np.concatenate(items))


@pytest.mark.parametrize("holds", [True, False])
def test_held_values_are_those_of_the_files(tmp_path, holds):
    first, second = np.arange(6.0).reshape(3, 2), np.ones((2, 2))
    file = write(tmp_path, {"a": first, "b": None}, dim=2)
    assert file.value_bytes == 12
    if holds:
        file.hold()
    write(tmp_path, {"c": second}, dim=2)
    file.refresh()
    for read in (file, pickle.loads(pickle.dumps(file))):
        assert read.read("a").tolist() == first.tolist() and read.read("a", max_rows=1).tolist() == [[0.0, 1.0]]
        assert read.read("c").tolist() == second.tolist() and not len(read.read("b")) and not len(read.read("d"))
        check_many(read, ["a"]), check_many(read, ["c", "b", "a", "d", "a"]), check_many(read, ["b"])
        # from now on all shards are held
        read.hold() if holds else None
        check_many(read, ["c", "b", "a", "d", "a"])
    file.read("a")[:] = 7
    assert file.read("a").tolist() == first.tolist()
    (tmp_path / "part-00000.safetensors").unlink()
    if holds:
        assert file.read("a").tolist() == first.tolist()
    else:
        with pytest.raises(InputError, match="can no longer be read"):
            file.read("a")
