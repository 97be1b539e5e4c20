"""The contract of every container: damaged files are refused in a sentence, whatever they do to the reader."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from feature_files import WRITERS
from halves import slow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teachtext.data.feature_import import import_features
from teachtext.data.feature_import.containers import CONTAINERS
from teachtext.data.store import FeatureFile
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
@pytest.mark.parametrize("name", [*(name for name in CONTAINERS if name not in NATIVE), *slow(NATIVE)])
def test_a_damaged_container_is_refused_in_a_sentence(tmp_path, name, harm):
    source = damaged(WRITERS[name](tmp_path, features()), tmp_path / "damaged", harm)
    with pytest.raises(InputError, match="damaged"):
        import_features(source, tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [".npy", "pickle", *slow(sorted({*CONTAINERS} - {*NATIVE, ".npy", "pickle"}))])
@given(place=st.integers(0, 10**6), data=st.binary(min_size=1, max_size=8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_changed_bytes_end_in_a_store_or_in_a_sentence(tmp_path, name, place, data):
    with TemporaryDirectory(dir=tmp_path) as folder:
        source = WRITERS[name](Path(folder), features())

        def harm(whole: bytes) -> bytes:
            start = place % len(whole)
            return whole[:start] + data + whole[start + len(data) :]

        changed = damaged(source, Path(folder) / "damaged", harm)
        try:
            file = import_features(changed, Path(folder) / "made")
        except InputError:
            return
        assert FeatureFile(file.folder, verify=True)


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("seed", [0, *slow([1, 2])])
def test_changed_bytes_of_a_library_in_c_end_in_a_store_or_in_a_sentence(tmp_path, name, seed):
    rng = np.random.default_rng(seed)
    source = WRITERS[name](tmp_path, features())

    def harm(whole: bytes) -> bytes:
        changed = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 12_000), 30):
            changed[place] = rng.integers(256)
        return bytes(changed)

    changed = damaged(source, tmp_path / "damaged", harm)
    try:
        file = import_features(changed, tmp_path / "made")
    except InputError:
        return
    assert FeatureFile(file.folder, verify=True)
