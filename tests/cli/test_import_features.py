"""`teachtext data import-features`: every container through the real command, for videos and for captions."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from feature_files import WRITERS

from teachtext.data.store import FeatureFile

Command = Callable[..., subprocess.CompletedProcess[str]]
IDS = ["a", "b", "c", "d"]
RNG = np.random.default_rng(0)
VIDEOS = {name: RNG.normal(size=(length, 6)).astype(np.float32) for name, length in zip(IDS, (3, 1, 7, 2), strict=True)}
CAPTIONS = {f"{name}#{number}": RNG.normal(size=5).astype(np.float32) for name in IDS for number in range(2)}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "videos").mkdir(parents=True)
    for name in IDS:
        (folder / "videos" / f"{name}.mp4").write_bytes(name.encode())
    (folder / "captions.json").write_text(json.dumps({name: [f"first of {name}", f"of {name}"] for name in IDS}))
    return folder


def holds(store: Path, expected: dict[str, np.ndarray]) -> None:
    file = FeatureFile(store, verify=True)
    assert sorted(file.ids) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(file.read(name), np.atleast_2d(values), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("container", WRITERS)
def test_each_container_becomes_a_store(teachtext: Command, dataset: Path, tmp_path: Path, container: str):
    # with endings, as people name them
    source = WRITERS[container](tmp_path, {f"{name}.mp4": values for name, values in VIDEOS.items()})
    out = tmp_path / "features" / "video" / "mine"
    said = teachtext("data", "import-features", source, "--out", out, "--dataset", dataset)
    assert said.returncode == 0, said.stderr
    holds(out, VIDEOS)
    text = " ".join(said.stdout.split())
    assert f"4 items of 1 to 7 rows, 6 wide, from {container}, in {out}" in text and "note:" not in text
    assert f"import {source.name}: 4 of 4" in said.stderr
    pooled = teachtext("data", "import-features", source, "--out", tmp_path / "pooled", "--pool")
    assert pooled.returncode == 0 and "4 items of 1 row(s) each" in pooled.stdout
    holds(tmp_path / "pooled", {name: values.mean(axis=0) for name, values in VIDEOS.items()})


def test_features_of_captions_get_the_ids_of_captions(teachtext_here: Command, dataset: Path, tmp_path: Path):
    source = WRITERS["HDF5"](tmp_path, {**CAPTIONS, "e#0": np.ones(5, np.float32)})
    out = tmp_path / "features" / "text" / "mine"
    arguments = ("data", "import-features", source, "--out", out, "--captions")
    refused = teachtext_here(*arguments)
    assert refused.returncode == 2 and "'--captions' needs the ids of captions: give the '--dataset'" in refused.stderr
    said = teachtext_here(*arguments, "--dataset", dataset)
    assert said.returncode == 0, said.stderr
    holds(out, {**CAPTIONS, "e#0": np.ones(5)})
    assert f"note: {source.name}: 1 items describe no caption of films ('e#0')" in " ".join(said.stdout.split())
    assert f"import {source.name}: 9 of 9" in said.stderr


@pytest.mark.parametrize("captions", [False, True], ids=["videos", "captions"])
def test_wrong_ids_are_named_and_nothing_is_written(
    teachtext_here: Command, dataset: Path, tmp_path: Path, captions: bool
):
    source = WRITERS[".npz"](tmp_path, {"x1": np.ones(3, np.float32), "x2": np.ones(3, np.float32)})
    option, what, ids = (["--captions"], "captions", "'a#0'") if captions else ([], "videos", "'a'")
    said = teachtext_here("data", "import-features", source, "--out", tmp_path / "out", "--dataset", dataset, *option)
    assert said.returncode == 2 and len(said.stderr.splitlines()) == 1
    assert f"{source} describes none of the {8 if captions else 4} {what} of films" in said.stderr
    assert f"it names 'x1', 'x2'; the {what} are {ids}, " in said.stderr
    assert not (tmp_path / "out").exists()


def test_missing_ids_are_counted_and_named(teachtext_here: Command, dataset: Path, tmp_path: Path):
    source = WRITERS["pickle"](tmp_path, {name: VIDEOS[name] for name in "ab"})
    said = teachtext_here("data", "import-features", source, "--out", tmp_path / "out", "--dataset", dataset)
    assert said.returncode == 0, said.stderr
    assert f"note: {source.name}: no features of 2 of 4 videos ('c', 'd')" in said.stdout
    holds(tmp_path / "out", {name: VIDEOS[name] for name in "ab"})
