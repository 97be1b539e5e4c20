"""The layouts in which people keep features, beyond one array an id."""

import io
import json
import pickle
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from teachtext.data.feature_import import import_features, import_notes, importing, open_features
from teachtext.errors import InputError

RNG = np.random.default_rng(0)
ARRAYS = {name: RNG.normal(size=(length, 4)).astype(np.float32) for name, length in (("a", 3), ("b", 1), ("c", 6))}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(importing, "_apart", lambda _, work: work())


@pytest.fixture
def imported(tmp_path):
    """Import a source and compare the rows of its items."""

    def check(source, expected=ARRAYS, **options):
        file = import_features(source, tmp_path / "made", **options)
        assert sorted(file.ids) == sorted(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(file.read(name), np.atleast_2d(values), rtol=1e-3, atol=1e-3)
        return file

    return check


def pickled(path, value):
    path.write_bytes(pickle.dumps(value))
    return path


def objects(arrays):
    ragged = np.empty(len(arrays), object)
    ragged[:] = list(arrays)
    return ragged


def test_ids_beside_arrays_of_different_lengths(tmp_path, imported):
    np.savez(tmp_path / "x.npz", ids=np.array(list(ARRAYS)), clip=objects(ARRAYS.values()))
    imported(tmp_path / "x.npz", expert="clip")


def test_padded_arrays_with_their_lengths(tmp_path, imported):
    padded = np.stack([np.pad(values, ((0, 6 - len(values)), (0, 0))) for values in ARRAYS.values()])
    np.savez(tmp_path / "x.npz", ids=list(ARRAYS), features=padded, lengths=[3, 1, 6])
    imported(tmp_path / "x.npz")


def test_zeros_without_lengths_are_kept_and_named(tmp_path, imported):
    padded = np.pad(ARRAYS["a"], ((0, 2), (0, 0)))
    arrays = {"a": padded, "b": ARRAYS["b"], "z": np.zeros((2, 4), np.float32)}
    np.savez(tmp_path / "x.npz", **arrays)
    imported(tmp_path / "x.npz", arrays)
    notes = import_notes(tmp_path / "made")
    assert notes[0] == "x.npz: items that hold only zeros: 1 ('z')"
    assert "items that end in rows of zeros" in notes[1] and notes[1].endswith("are given: 1 ('a')")


def test_padding_of_nan_is_left_out_by_choice(tmp_path, imported):
    padded = [np.pad(values, ((0, 6 - len(values)), (0, 0)), constant_values=np.nan) for values in ARRAYS.values()]
    np.savez(tmp_path / "x.npz", ids=list(ARRAYS), features=np.stack(padded))
    imported(tmp_path / "x.npz", nan="missing")
    assert import_notes(tmp_path / "made") == [
        "x.npz: rows with NaN or infinite values left out: 8, of 2 items ('a', 'b')"
    ]


@pytest.mark.parametrize("mark", [None, np.zeros((0, 4), np.float32)], ids=["none", "no rows"])
def test_an_item_without_rows_is_missing(tmp_path, imported, mark):
    file = imported(pickled(tmp_path / "x.pkl", {**ARRAYS, "d": mark}), {**ARRAYS, "d": np.zeros((0, 4))})
    assert file.rows_of("d") == 0
    assert import_notes(tmp_path / "made") == ["x.pkl: items without rows: 1 ('d')"]


def test_a_single_nan_is_missing_by_choice_alone(tmp_path, imported):
    path = pickled(tmp_path / "x.pkl", {"first": float("nan"), **ARRAYS})
    with pytest.raises(InputError, match=r"x\.pkl: item 'first' holds NaN"):
        import_features(path, tmp_path / "made")
    imported(path, {**ARRAYS, "first": np.zeros((0, 4))}, nan="missing")


@pytest.mark.parametrize(
    "times", [np.array([0.0, 2.0, 5.0]), np.array([[0, 2], [2, 5], [5, 8]])], ids=["begin", "both"]
)
def test_times_of_rows(tmp_path, times):
    folder = tmp_path / "clips"
    folder.mkdir()
    np.savez(folder / "a.npz", features=ARRAYS["a"], timestamps=times)
    file = import_features(folder, tmp_path / "made")
    np.testing.assert_allclose(file.times("a"), [[0, 2], [2, 5], [5, 8]])
    np.savez(folder / "b.npz", features=ARRAYS["b"])
    with pytest.raises(InputError, match="item 'a' has times, item 'b' has none"):
        import_features(folder, tmp_path / "other")
    np.savez(folder / "b.npz", features=ARRAYS["b"], timestamps=[1.0, 2.0])
    with pytest.raises(InputError, match=r"item 'b' has times of shape \(2,\) for 1 rows"):
        import_features(folder, tmp_path / "other")


def test_a_dict_of_records(tmp_path, imported):
    records = {name: {"features": values, "fps": 25.0, "title": "x"} for name, values in ARRAYS.items()}
    imported(pickled(tmp_path / "x.pkl", records))


def test_a_pickle_of_tensors(tmp_path, imported):
    # with bfloat16, and a part of a larger tensor
    whole = torch.zeros(9, 6)
    whole[1:7, :4] = torch.from_numpy(ARRAYS["c"])
    tensors = {name: torch.from_numpy(values) for name, values in ARRAYS.items()} | {"c": whole[1:7, :4]}
    imported(pickled(tmp_path / "x.pkl", tensors | {"half": torch.ones(2, 4).to(torch.bfloat16)}),
             ARRAYS | {"half": np.ones((2, 4), np.float32)})  # fmt: skip


def test_saved_files_are_told_by_their_content(tmp_path, imported):
    folder = tmp_path / "clips"
    folder.mkdir()
    pickled(folder / "a.pt", torch.from_numpy(ARRAYS["a"]))
    torch.save(torch.from_numpy(ARRAYS["b"]), folder / "b.pkl")
    torch.save(torch.from_numpy(ARRAYS["c"]), folder / "c.pickle", _use_new_zipfile_serialization=False)
    imported(folder)


def test_a_list_of_records(tmp_path, imported):
    imported(pickled(tmp_path / "x.pkl", [{"video_id": name, "feature": values} for name, values in ARRAYS.items()]))


def test_lists_of_numbers(tmp_path, imported):
    imported(pickled(tmp_path / "x.pkl", {name: values.tolist() for name, values in ARRAYS.items()}))


@pytest.mark.parametrize("key", ["clip", "sound"])
def test_several_experts_in_one_file(tmp_path, imported, key):
    others = {name: values[:, :2] for name, values in ARRAYS.items()}
    by_expert = pickled(tmp_path / "by-expert.pkl", {"clip": ARRAYS, "sound": others})
    by_video = {name: {"clip": ARRAYS[name], "sound": others[name]} for name in ARRAYS}
    expected = ARRAYS if key == "clip" else others
    imported(by_expert, expected, key=key)
    shutil.rmtree(tmp_path / "made")
    imported(pickled(tmp_path / "by-video.pkl", by_video), expected, expert=key)
    for path in (by_expert, tmp_path / "by-video.pkl"):
        with pytest.raises(InputError, match=r"give 'key', one of clip, sound"):
            open_features(path)


def test_groups_of_hdf5(tmp_path, imported):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, values in ARRAYS.items():
            file.create_dataset(f"{name}/c3d_features", data=values, compression="gzip")
    imported(tmp_path / "x.h5")


@pytest.mark.parametrize("others", [{}, {"vggish": 3.0}])
def test_groups_in_groups_of_hdf5(tmp_path, imported, others):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, values in ARRAYS.items():
            file.create_dataset(f"{name}/resnet/features", data=values)
            for other, value in others.items():
                file.create_dataset(f"{name}/{other}/features", data=np.full((2, 3), value))
    if others:
        with pytest.raises(InputError, match="give 'key', one of resnet, vggish"):
            imported(tmp_path / "x.h5")
    imported(tmp_path / "x.h5", key="resnet" if others else None)


def test_columns_of_hdf5(tmp_path, imported):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["video_ids"] = list(ARRAYS)
        file["features"] = np.stack([values[0] for values in ARRAYS.values()])
    imported(tmp_path / "x.h5", {name: values[0] for name, values in ARRAYS.items()})


@pytest.mark.parametrize("link", ["soft", "external", "storage"])
def test_hdf5_that_leads_to_another_file_is_refused(tmp_path, link):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["a"] = ARRAYS["a"]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        if link == "storage":
            file.create_dataset("a", (3, 4), "f4", external=[(str(tmp_path / "secret.h5"), 0, 48)])
        else:
            file["a"] = h5py.SoftLink("/a") if link == "soft" else h5py.ExternalLink(tmp_path / "secret.h5", "/a")
    with pytest.raises(InputError, match=r"x\.h5: 'a' (is a link|lies in another file)"):
        import_features(tmp_path / "x.h5", tmp_path / "made")


def test_hdf5_that_claims_to_be_a_giant_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("a", (1 << 24, 1 << 12), "f4", chunks=(1024, 1024))
    with pytest.raises(InputError, match=r"x\.h5: 'a' has shape .*256.0 GiB for one item"):
        import_features(tmp_path / "x.h5", tmp_path / "made")


def test_hdf5_that_claims_to_have_billions_of_ids_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("ids", (1 << 32,), "S64", chunks=(1 << 20,))
        file["features"] = ARRAYS["a"]
    with pytest.raises(InputError, match=r"x\.h5: 'ids' has 4,294,967,296 texts or lists"):
        import_features(tmp_path / "x.h5", tmp_path / "made")


def test_values_of_lmdb_in_other_formats(tmp_path, imported):
    lmdb = pytest.importorskip("lmdb")
    npz = io.BytesIO()
    np.savez_compressed(npz, features=ARRAYS["a"])
    values = {"a": npz.getvalue(), "b": pickle.dumps({"features": ARRAYS["b"]}), "c": pickle.dumps(ARRAYS["c"])}
    with lmdb.open(str(tmp_path / "x")) as database, database.begin(write=True) as transaction:
        for name, data in {**values, "__keys__": pickle.dumps(list(values))}.items():
            transaction.put(name.encode(), data)
    imported(tmp_path / "x")
    assert open_features(tmp_path / "x").notes == ["x: left out, entries about the database: __keys__"]
    with lmdb.open(str(tmp_path / "x")) as database, database.begin(write=True) as transaction:
        transaction.put(b"raw", ARRAYS["a"].tobytes())
    with pytest.raises(InputError, match=r"x: 'raw' is 48 bytes.*write each value as the bytes of an \.npy file"):
        import_features(tmp_path / "x", tmp_path / "other")


def test_bfloat16(tmp_path, imported):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    tensors = {name: torch.from_numpy(values).to(torch.bfloat16) for name, values in ARRAYS.items()}
    expected = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    torch.save(tensors, tmp_path / "x.pt")
    imported(tmp_path / "x.pt", expected)
    save_file(tensors, tmp_path / "x.safetensors")
    shutil.rmtree(tmp_path / "made")
    imported(tmp_path / "x.safetensors", expected)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.complex64])
def test_values_that_are_no_floats_are_refused(tmp_path, dtype):
    np.savez(tmp_path / "x.npz", a=np.ones((2, 3), dtype))
    with pytest.raises(InputError, match=rf"x\.npz: item 'a' holds {np.dtype(dtype).name}, not floats"):
        import_features(tmp_path / "x.npz", tmp_path / "made")


def test_axes_of_length_one_may_lead_and_others_may_not(tmp_path, imported):
    imported(pickled(tmp_path / "x.pkl", {name: values[None] for name, values in ARRAYS.items()}))
    path = pickled(tmp_path / "y.pkl", {"a": np.ones((2, 3, 4), np.float32)})
    with pytest.raises(InputError, match=r"item 'a' has shape \(2, 3, 4\), not \(rows, D\)"):
        import_features(path, tmp_path / "other")


def test_a_folder_names_what_it_leaves_out(tmp_path, imported):
    folder = tmp_path / "clips"
    (folder / "day 1").mkdir(parents=True)
    for name, values in ARRAYS.items():
        np.save(folder / "day 1" / f"{name}.mp4.npy", values)
    (folder / "._a.mp4.npy").write_bytes(b"of a Mac")
    (folder / "readme.txt").write_text("x")
    (folder / "loop").symlink_to(folder)
    imported(folder)
    assert open_features(folder).notes == ["clips: left out, files of other kinds: 1 (.txt 1; 'readme.txt')"]
    np.savez(folder / "day 1" / "a.mp4.npz", x=ARRAYS["a"])
    with pytest.raises(InputError, match=r"a\.mp4\.npy and .*a\.mp4\.npz both describe 'day 1/a\.mp4'"):
        open_features(folder)


def test_two_names_of_one_video_are_refused(tmp_path):
    path = pickled(tmp_path / "x.pkl", {"a.mp4": ARRAYS["a"], "a.avi": ARRAYS["b"]})
    with pytest.raises(InputError, match=r"x\.pkl: 'a\.mp4' and 'a\.avi' both stand for 'a'"):
        open_features(path, ids=["a"])
    with pytest.raises(InputError, match=r"'x' may stand for 'one/x', 'two/x'"):
        open_features(pickled(tmp_path / "y.pkl", {"x": ARRAYS["a"]}), ids=["one/x", "two/x"])


def test_objects_packed_into_gigabytes_are_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", header.getvalue() + bytes(80 << 20))
    with pytest.raises(InputError, match=r"x\.npz: 'a' unpacks .* bytes to .*: save it without compression"):
        import_features(tmp_path / "x.npz", tmp_path / "made")


def test_other_files_are_named_by_what_they_begin_with(tmp_path):
    (tmp_path / "x.csv").write_text("id,f0\n")
    with pytest.raises(InputError, match=r"x\.csv is not a file of features \(it begins with b'id,f0.n'\): give a"):
        open_features(tmp_path / "x.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty has no feature files; it holds nothing"):
        open_features(tmp_path / "empty")


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = ARRAYS["a"]
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"'h5py' is not installed: pip install 'teachtext\[features\]'"):
        open_features(tmp_path / "x.h5")


@pytest.mark.slow
def test_memory_stays_bounded(tmp_path):
    """A folder, and columns that are larger than the memory that may be used, are read item by item."""
    values = np.zeros((600, 40, 1024), np.float32)
    values[:, :, 0] = np.arange(600)[:, None] % 7 + 1
    np.savez(tmp_path / "x.npz", ids=[f"v{number}" for number in range(600)], clip=values)
    script = """
import json, resource, sys
from pathlib import Path
from teachtext.data.feature_import import import_features
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
file = import_features(Path(sys.argv[1]), Path(sys.argv[2]))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([len(file), (after - before) / 1024]))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "x.npz"), str(tmp_path / "made")]
    count, mebibytes = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert count == 600
    # the array takes 94 MiB; a shard takes three times its size while it is written
    assert mebibytes < 90
