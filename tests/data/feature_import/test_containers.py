"""The contract of every container: what is written in it stands in the store."""

import numpy as np
import pytest
from feature_files import WRITERS

from teachtext.data.feature_import import import_features, importing, open_features
from teachtext.data.feature_import.containers import CONTAINERS, container_of
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError

NAMES = ["v1", "v0", "caf\u00e9 2", "vid.3", "7"]


def sequences(dtype=np.float32, names=NAMES, dim=6):
    rng = np.random.default_rng(0)
    # of lengths that differ; one has as many rows as there are items
    return {
        name: rng.normal(size=(length, dim)).astype(dtype) for name, length in zip(names, (3, 1, 9, 5, 2), strict=True)
    }


def vectors(dtype=np.float32):
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=4).astype(dtype) for name in NAMES}


def same(file: FeatureFile, arrays):
    assert sorted(file.ids) == sorted(arrays)
    for name, values in arrays.items():
        expected = np.atleast_2d(values)
        assert file.read(name).shape == expected.shape
        np.testing.assert_allclose(file.read(name).astype(np.float64), expected, rtol=1e-3, atol=1e-3)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Read everything in this process: a process for each of these tests takes long (see `test_damaged.py`)."""
    monkeypatch.setattr(importing, "_apart", lambda _, work: work())


def test_every_container_has_a_writer():
    assert WRITERS.keys() == CONTAINERS.keys()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("arrays", [sequences, vectors])
@pytest.mark.parametrize("name", CONTAINERS)
def test_what_is_written_is_read(tmp_path, name, arrays, dtype):
    features = arrays(dtype)
    source = WRITERS[name](tmp_path, features)
    assert container_of(source).name == name
    same(import_features(source, tmp_path / "made"), features)
    FeatureFile(tmp_path / "made", verify=True)


@pytest.mark.parametrize("name", CONTAINERS)
def test_rows_are_pooled_in_float32(tmp_path, name):
    features = sequences()
    file = import_features(WRITERS[name](tmp_path, features), tmp_path / "made", pool=True)
    same(file, {item: values.mean(axis=0) for item, values in features.items()})


@pytest.mark.parametrize("name", CONTAINERS)
def test_ids_are_those_of_the_dataset(tmp_path, name):
    """Endings, folders and decomposed accents name the same videos."""
    features = sequences(names=["clips/v1", "v0.mp4", "cafe\u0301 2", "vid.3", "other"])
    source = WRITERS[name](tmp_path, features)
    ids = ["v1", "v0", "caf\u00e9 2", "vid.3.mkv", "absent"]
    opened = open_features(source, ids=ids)
    assert opened.match.matched == 4
    assert [opened.match.others, opened.match.missing] == [["other"], ["absent"]]
    assert opened.notes == [
        f"{source.name}: no features of 1 of 5 videos ('absent')",
        f"{source.name}: 1 items describe no video of the dataset ('other')",
    ]
    file = opened.store(tmp_path / "made")
    same(file, dict(zip([*ids[:4], "other"], features.values(), strict=True)))


@pytest.mark.parametrize("name", CONTAINERS)
def test_features_of_other_videos_are_refused_before_anything_is_written(tmp_path, name):
    source = WRITERS[name](tmp_path, vectors())
    with pytest.raises(InputError, match=r"of films \(it names '.*; the videos are 'a', 'b'\)"):
        import_features(source, tmp_path / "made", ids=["b", "a"], dataset="films")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name != "feature store"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_values_are_left_out_by_choice_alone(tmp_path, name, bad):
    features = sequences()
    features["v1"][1, 2] = features["v0"][0, 0] = bad
    source = WRITERS[name](tmp_path, features)
    with pytest.raises(InputError, match=r"item 'v[01]' holds NaN or infinite values.*nan: missing"):
        import_features(source, tmp_path / "made")
    assert not (tmp_path / "made").exists()
    file = import_features(source, tmp_path / "made", nan="missing")
    same(file, {**features, "v1": features["v1"][[0, 2]], "v0": np.zeros((0, 6))})


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name != "feature store"])
def test_widths_that_differ_are_named(tmp_path, name):
    features = {**vectors(), "w": np.ones(7, np.float32)}
    with pytest.raises(InputError, match=r"item '.*' has [47] columns, item '.*' has [47]: give each expert a file"):
        import_features(WRITERS[name](tmp_path, features), tmp_path / "made")


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_second_call_opens_the_store_and_another_source_is_refused(tmp_path, name):
    source = WRITERS[name](tmp_path, vectors())
    import_features(source, tmp_path / "made")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "made").iterdir()}
    same(import_features(source, tmp_path / "made"), vectors())
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "made").iterdir()} == before
    with pytest.raises(InputError, match="was imported from another file: delete that folder"):
        import_features(source, tmp_path / "made", pool=True)
