import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from teachtext.data.feature_import import import_features, import_notes
from teachtext.data.store import FeatureFile, shards_of
from teachtext.errors import InputError

IDS = np.array(["v1", "v0", "ü 2"])


def made(path, **arrays):
    np.savez(path, **({"ids": IDS} | arrays))
    return path


def import_npz(path, key, folder, *, pool=True):
    return import_features(path, folder, key=key, pool=pool)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "given.npz"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store" / "given"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("pool", [True, False])
def test_one_row_an_item(path, folder, dtype, pool):
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    file = import_npz(made(path, rgb=values), "rgb", folder, pool=pool)
    assert file.ids == ["v1", "v0", "ü 2"]
    assert file.dim == 4
    for item, row in zip(file.ids, values, strict=True):
        np.testing.assert_allclose(file.read(item), row[None], rtol=1e-3)
    FeatureFile(folder, verify=True)


def test_sequences_are_pooled_or_kept(path, tmp_path):
    # halves of large numbers: their sum is beyond float16, their mean is not
    values = np.random.default_rng(0).uniform(20_000, 30_000, size=(3, 5, 2)).astype(np.float16)
    made(path, audio=values, other=np.zeros((3, 1)))
    pooled = import_npz(path, "audio", tmp_path / "pooled")
    kept = import_npz(path, "audio", tmp_path / "kept", pool=False)
    for item, rows in zip(["v1", "v0", "ü 2"], values, strict=True):
        np.testing.assert_allclose(pooled.read(item), rows.astype(np.float64).mean(axis=0)[None], rtol=1e-3)
        np.testing.assert_array_equal(kept.read(item), rows)
    assert kept.rows_of("v0") == 5


@pytest.mark.parametrize(
    "ids",
    [np.array([7, 8, 9]), np.array([b"7", b"8", b"9"]), np.array(["7", "8", "9"])],
    ids=["numbers", "bytes", "text"],
)
def test_ids_are_read_as_text(path, folder, ids):
    file = import_npz(made(path, ids=ids, rgb=np.ones((3, 2))), "rgb", folder)
    assert file.ids == ["7", "8", "9"]


def test_a_second_call_opens_what_is_there(path, folder):
    made(path, rgb=np.ones((3, 2)))
    import_npz(path, "rgb", folder)
    before = [(shard, shard.stat().st_mtime_ns) for shard in shards_of(folder)]
    file = import_npz(path, "rgb", folder)
    np.testing.assert_array_equal(file.read("v0"), [[1, 1]])
    assert [(shard, shard.stat().st_mtime_ns) for shard in shards_of(folder)] == before


def test_another_file_key_or_pooling_is_not_mixed_in(path, folder):
    made(path, rgb=np.ones((3, 2)), flow=np.ones((3, 2)))
    import_npz(path, "rgb", folder)
    for key, pool in (("flow", True), ("rgb", False)):
        with pytest.raises(InputError, match="was imported from another file: delete that folder"):
            import_npz(path, key, folder, pool=pool)
    made(path, rgb=np.full((3, 2), 2.0), flow=np.ones((3, 2)))
    with pytest.raises(InputError, match="was imported from another file"):
        import_npz(path, "rgb", folder)
    np.testing.assert_array_equal(FeatureFile(folder).read("v0"), [[1, 1]])


def test_a_missing_key_tells_those_there_are(path, folder):
    made(path, rgb=np.ones((3, 2)), flow=np.ones((3, 2)))
    for key in ("RGB", "ids", ""):
        with pytest.raises(InputError, match=rf"given\.npz has no array '{key}' with 'ids': use one of rgb, flow$"):
            import_npz(path, key, folder)
    np.savez(path, rgb=np.ones((3, 2)))
    with pytest.raises(InputError, match="no array 'rgb' with 'ids'"):
        import_npz(path, "rgb", folder)


@pytest.mark.parametrize(
    "arrays",
    [
        {"rgb": np.ones((2, 4))},
        {"rgb": np.ones(3)},
        {"rgb": np.ones((3, 1, 1, 2))},
        {"rgb": np.ones((3, 2), np.int64)},
        {"rgb": np.ones((3, 2), np.complex64)},
        {"rgb": np.array([["a", "b"]] * 3)},
        {"rgb": np.ones((3, 2)), "ids": np.array(["a", "b"])},
        {"rgb": np.ones((3, 2)), "ids": np.array("abc")},
        {"rgb": np.ones((3, 2)), "ids": np.array(3)},
        {"rgb": np.ones((3, 2)), "ids": np.array([["a"], ["b"], ["c"]])},
    ],
)
def test_shapes_and_types_that_do_not_fit_are_refused(path, folder, arrays):
    with pytest.raises(InputError, match=r"given\.npz.*store floats of shape"):
        import_npz(made(path, **arrays), "rgb", folder)
    assert shards_of(folder) == []


def test_ids_that_stand_twice_are_refused(path, folder):
    with pytest.raises(InputError, match=r"given\.npz has repeated ids"):
        import_npz(made(path, ids=np.array(["a", "b", "a"]), rgb=np.ones((3, 2))), "rgb", folder)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(3, 2), (3, 4, 2)])
@pytest.mark.parametrize("pool", [True, False])
def test_values_that_are_no_numbers_are_refused(path, folder, bad, shape, pool):
    values = np.ones(shape)
    values[-1, -1] = bad
    with pytest.raises(InputError, match="item 'ü 2' holds NaN or infinite values"):
        import_npz(made(path, rgb=values), "rgb", folder, pool=pool)
    assert shards_of(folder) == []


@pytest.mark.parametrize("value", [1e6, 1e-6])
def test_values_that_half_precision_would_lose_are_stored_in_float32(path, folder, value):
    values = np.full((3, 2), value, np.float32) * np.array([[1], [1.01], [1.02]], np.float32)
    file = import_npz(made(path, rgb=values), "rgb", folder)
    np.testing.assert_array_equal([file.read(item)[0] for item in file.ids], values)
    assert file.read("v0").dtype == np.float32
    assert import_notes(folder) == ["stored in float32: half precision would lose some of the values"]


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("trapped", ["rgb", "ids"])
def test_arrays_of_objects_are_refused_and_not_executed(path, folder, tmp_path, trapped):
    sprung = tmp_path / "sprung"
    trap = np.array([Trap(sprung)] * 3, object)
    pickle.loads(pickle.dumps(trap))
    assert sprung.exists(), "the trap works"
    sprung.unlink()
    made(path, **({"rgb": np.ones((3, 2))} | {trapped: trap}))
    with pytest.raises(InputError, match=r"given\.npz holds '.*touch', which is not plain data; no code of it was run"):
        import_npz(path, "rgb", folder)
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match=r"given\.npz holds '.*touch', which is not plain data; no code of it was run"):
        import_npz(path, "rgb", folder)
    assert not sprung.exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def replace_by_one_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones((3, 2)))


def change_compressed_bytes(path):
    np.savez_compressed(path, ids=IDS, rgb=np.random.default_rng(0).normal(size=(3, 500)))
    with zipfile.ZipFile(path) as file:
        begin = file.getinfo("rgb.npy").header_offset
    raw = bytearray(path.read_bytes())
    raw[begin + 60 : begin + 100] = b"\xff" * 40
    path.write_bytes(raw)


def claim_a_giant(path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1000000000000000), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("giant.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize("harm", [truncate, empty, change_compressed_bytes])
def test_a_file_that_is_not_whole_is_refused(path, folder, harm):
    made(path, rgb=np.ones((3, 2)))
    harm(path)
    with pytest.raises(InputError, match=r"given\.npz is not a whole \.npz file .*copy or make it again"):
        import_npz(path, "rgb", folder)


def test_one_array_without_ids_is_refused(path, folder):
    replace_by_one_array(path)
    with pytest.raises(InputError, match=r"given\.npz holds no ids.*give a folder with one such file a video"):
        import_npz(path, "rgb", folder)


def test_an_array_that_claims_to_be_a_giant_is_refused(path, folder):
    made(path, rgb=np.ones((3, 2)))
    claim_a_giant(path)
    with pytest.raises(InputError, match=r"given\.npz is not a whole \.npz file"):
        import_npz(path, "giant", folder)


def test_a_missing_file_is_named(path, folder):
    with pytest.raises(InputError, match=r"given\.npz does not exist"):
        import_npz(path, "rgb", folder)
