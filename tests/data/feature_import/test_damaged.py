"""The contract of every container: damaged files are refused in a sentence, whatever they do to the reader."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from feature_files import WRITERS

from teachtext.data.feature_import import import_features
from teachtext.data.feature_import.containers import CONTAINERS
from teachtext.errors import InputError

NATIVE = [name for name, container in CONTAINERS.items() if container.native]


def features():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(length, 6)).astype(np.float32) for name, length in (("a", 3), ("b", 40), ("c", 1))}


@pytest.mark.parametrize("name", NATIVE)
def test_a_library_in_c_reads_in_a_process_of_its_own(tmp_path, name):
    file = import_features(WRITERS[name](tmp_path, features()), tmp_path / "made", ids=["a", "b", "c"])
    np.testing.assert_allclose(file.read("b"), features()["b"], rtol=1e-3, atol=1e-3)


def damaged(source: Path, target: Path, harm) -> Path:
    """Copy a container, with the bytes of its largest file harmed."""
    if source.is_dir():
        shutil.copytree(source, target)
        path = max((file for file in target.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    else:
        path = target.with_suffix(source.suffix)
        shutil.copy(source, path)
    path.write_bytes(harm(path.read_bytes()))
    return target if source.is_dir() else path


@pytest.mark.parametrize(
    "harm",
    [lambda data: data[: len(data) // 2], lambda data: data[:20], lambda data: b"", lambda data: b"nothing\n" * 9],
    ids=["half", "beginning", "empty", "text"],
)
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_damaged_container_is_refused_in_a_sentence(tmp_path, name, harm):
    source = damaged(WRITERS[name](tmp_path, features()), tmp_path / "damaged", harm)
    with pytest.raises(InputError, match="damaged"):
        import_features(source, tmp_path / "made")
    assert not (tmp_path / "made").exists()
