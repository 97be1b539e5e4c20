"""Writes the same features into every container that can be imported."""

import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.data.feature_writer import FeatureWriter

Arrays = Mapping[str, NDArray[np.floating]]


def write_npy_folder(folder: Path, arrays: Arrays) -> Path:
    for name, values in arrays.items():
        path = folder / "npy" / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
    return folder / "npy"


def write_npz(folder: Path, arrays: Arrays) -> Path:
    np.savez(folder / "by-video.npz", **arrays)
    return folder / "by-video.npz"


def write_npy(folder: Path, arrays: Arrays) -> Path:
    np.save(folder / "dict.npy", dict(arrays), allow_pickle=True)
    return folder / "dict.npy"


def write_pickle(folder: Path, arrays: Arrays) -> Path:
    (folder / "dict.pickle").write_bytes(pickle.dumps(dict(arrays)))
    return folder / "dict.pickle"


def write_pickled_tensors(folder: Path, arrays: Arrays) -> Path:
    import torch

    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    (folder / "tensors.pickle").write_bytes(pickle.dumps(tensors))
    return folder / "tensors.pickle"


def write_torch(folder: Path, arrays: Arrays) -> Path:
    import torch

    torch.save({name: torch.from_numpy(values) for name, values in arrays.items()}, folder / "dict.pt")
    return folder / "dict.pt"


def write_safetensors(folder: Path, arrays: Arrays) -> Path:
    from safetensors.numpy import save_file

    save_file(dict(arrays), folder / "dict.safetensors")
    return folder / "dict.safetensors"


def write_hdf5(folder: Path, arrays: Arrays) -> Path:
    import h5py

    with h5py.File(folder / "features.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return folder / "features.h5"


def write_parquet(folder: Path, arrays: Arrays) -> Path:
    import pyarrow
    import pyarrow.parquet

    rows = [list(values) if values.ndim == 2 else values for values in arrays.values()]
    kinds = {"float16": pyarrow.float16(), "float32": pyarrow.float32(), "float64": pyarrow.float64()}
    kind = pyarrow.list_(kinds[next(iter(arrays.values())).dtype.name])
    if any(values.ndim == 2 for values in arrays.values()):
        kind = pyarrow.list_(kind)
    table = pyarrow.table({"video_id": list(arrays), "features": pyarrow.array(rows, kind)})
    folder.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(table, folder / "features.parquet", row_group_size=2)
    return folder / "features.parquet"


def write_lmdb(folder: Path, arrays: Arrays) -> Path:
    import lmdb

    with lmdb.open(str(folder / "lmdb"), map_size=1 << 24) as database, database.begin(write=True) as transaction:
        for name, values in arrays.items():
            data = io.BytesIO()
            np.save(data, values)
            transaction.put(name.encode(), data.getvalue())
    return folder / "lmdb"


def write_store(folder: Path, arrays: Arrays) -> Path:
    dim = next(iter(arrays.values())).shape[-1]
    with FeatureWriter(folder / "store", provenance={"by": "a test"}, dim=dim, dtype="float32") as writer:
        for name, values in arrays.items():
            writer.add(name, np.atleast_2d(values).astype(np.float32))
    return folder / "store"


WRITERS: Mapping[str, Callable[[Path, Arrays], Path]] = {
    "folder of files": write_npy_folder,
    ".npz": write_npz,
    ".npy": write_npy,
    "pickle": write_pickle,
    "PyTorch": write_torch,
    "safetensors": write_safetensors,
    "HDF5": write_hdf5,
    "parquet": write_parquet,
    "LMDB": write_lmdb,
    "feature store": write_store,
}
"""By the name of the container in `teachtext.data.feature_import.containers.CONTAINERS`."""
