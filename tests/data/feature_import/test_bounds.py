"""Small files that claim much: refused in bounded time, and before the disk fills."""

import itertools

import numpy as np
import pytest

from teachtext.data.feature_import import import_features, importing, open_features, writing
from teachtext.errors import InputError


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(importing, "_apart", lambda _, work: work())


def test_groups_that_are_linked_twice_are_refused(tmp_path):
    """Thirty levels with two links each would be a billion datasets."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["last/v"] = np.ones((2, 3), np.float32)
        below = file["last"]
        for level in range(30):
            group = file.create_group(f"level {level}")
            group["a"] = group["b"] = below
            below = group
    with pytest.raises(InputError, match=r"x\.h5: '.*' and '.*' are one group: link each group once"):
        open_features(tmp_path / "x.h5")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        group = file.create_group("a")
        group["b"] = file["/"]
    with pytest.raises(InputError, match=r"y\.h5: '.*' and '' are one group"):
        open_features(tmp_path / "y.h5")


def test_a_dataset_may_be_linked_twice(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.ones((2, 3), np.float32)
        file["b"] = file["a"]
    assert import_features(tmp_path / "x.h5", tmp_path / "made").ids == ["a", "b"]


@pytest.fixture
def few_free_bytes(monkeypatch):
    """The bound of a small file, so that it is reached soon."""
    monkeypatch.setattr(writing, "_FREE_BYTES", 1 << 20)


def test_features_that_were_never_written_are_refused_before_the_disk_fills(tmp_path, few_free_bytes):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for number in range(30):
            file.create_dataset(f"v{number}", shape=(250, 1000), dtype=np.float32, chunks=(100, 1000))
    size = (tmp_path / "x.h5").stat().st_size
    assert size < 50_000
    with pytest.raises(InputError, match=rf"x\.h5 has {size:,} bytes, and its features would take more than [\d,]+"):
        import_features(tmp_path / "x.h5", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_packed_zeros_are_refused_before_the_disk_fills(tmp_path, few_free_bytes):
    zeros = np.zeros((500, 1000), np.float16)
    np.savez_compressed(tmp_path / "x.npz", **{f"v{number}": zeros for number in range(4)})
    with pytest.raises(InputError, match=r"x\.npz has [\d,]+ bytes, and its features would take more than"):
        import_features(tmp_path / "x.npz", tmp_path / "made")
    assert not (tmp_path / "made").exists()
    np.savez(tmp_path / "y.npz", **{f"v{number}": zeros for number in range(4)})
    assert len(import_features(tmp_path / "y.npz", tmp_path / "made")) == 4


def test_a_tree_whose_pages_are_linked_often_ends(tmp_path):
    """Four levels of pages, each of which leads a hundred times to the next: far more keys than bytes."""
    lmdb = pytest.importorskip("lmdb")
    path = tmp_path / "x.mdb"
    with (
        lmdb.open(str(path), map_size=1 << 24, subdir=False) as database,
        database.begin(write=True) as transaction,
    ):
        for number in range(20_000):
            transaction.put(f"{number:020}".encode(), bytes(9))
    data, page = bytearray(path.read_bytes()), 4096

    def number_at(place: int, length: int) -> int:
        return int.from_bytes(data[place : place + length], "little")

    pages = range(2 * page, len(data), page)
    branches, leaves = ([begin for begin in pages if number_at(begin + 10, 2) & kind] for kind in (1, 2))
    # the page with most children; a header of 16 bytes, then the places of the children
    root = max(branches, key=lambda begin: number_at(begin + 12, 2))
    whole, children = bytes(data[root : root + page]), (number_at(root + 12, 2) - 16) // 2
    assert children > 50
    levels = [root, *leaves[:4]]
    for level, below in itertools.pairwise(levels):
        data[level : level + page] = (level // page).to_bytes(8, "little") + whole[8:]
        for child in range(children):
            place = level + number_at(level + 16 + 2 * child, 2)
            data[place : place + 6] = (below // page).to_bytes(6, "little")
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.mdb has more than [\d,]+ keys, too many for its size"):
        open_features(path)
