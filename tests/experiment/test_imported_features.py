"""Features that were made elsewhere, in a run: wrong ids are refused before anything is embedded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teachtext.data.feature_import import import_features
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.run import run
from teachtext.experiment.workspace import Workspace
from teachtext.files import content_hash

Tiny = Callable[..., RunConfig]
IDS = [f"v{number}" for number in range(9)]


def features(ids: list[str]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {video_id: rng.normal(size=(2, 4)).astype(np.float32) for video_id in ids}


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    captions = {video_id: [f"somebody does thing {video_id}", f"thing {video_id} is done"] for video_id in IDS}
    (folder / "captions.json").write_text(json.dumps(captions))
    (folder / "splits.json").write_text(json.dumps({"train": IDS[:5], "val": IDS[5:7], "test": IDS[7:]}))
    return folder


@pytest.fixture
def workspace(captioned: Path, tmp_path: Path, tiny: Tiny) -> Callable[..., Workspace]:
    def make(**expert: Any) -> Workspace:
        dataset = {"path": str(captioned), "missing_videos": "keep"}
        return Workspace(tiny(tmp_path, dataset=dataset, experts=[{"name": "clip", **expert}]))

    return make


def test_features_of_other_videos_are_refused_before_captions_are_embedded(
    workspace: Callable[..., Workspace], tmp_path: Path
):
    np.savez(tmp_path / "x.npz", **features(["w1", "w2"]))
    space = workspace(file="x.npz")
    with pytest.raises(InputError, match=r"x\.npz describes none of the 9 videos of films \(it names 'w1', 'w2'; the "):
        run(space.config)
    assert not (space.config.folder / "features").exists()


def test_a_split_without_features_is_refused_before_captions_are_embedded(
    workspace: Callable[..., Workspace], tmp_path: Path
):
    np.savez(tmp_path / "x.npz", **features(IDS[:7]))
    space = workspace(file="x.npz")
    with pytest.raises(InputError, match="no video of split 'test' has features: give those of 'v7'"):
        run(space.config)
    assert not (space.config.folder / "features" / "text").exists()


def test_a_ready_store_of_other_videos_is_refused(captioned: Path, tmp_path: Path, tiny: Tiny):
    np.savez(tmp_path / "x.npz", **features(["w1", "w2"]))
    import_features(tmp_path / "x.npz", tmp_path / "ready" / "video" / "clip")
    dataset = {"path": str(captioned), "missing_videos": "keep", "features": "ready"}
    with pytest.raises(InputError, match=r"clip describes none of the 9 videos of films \(it names 'w1', 'w2'; the "):
        run(tiny(tmp_path, dataset=dataset, experts=["clip"]))
    assert not (tmp_path / "run" / "features" / "text").exists()


def test_what_is_missing_and_what_is_more_is_noted(workspace: Callable[..., Workspace], tmp_path: Path):
    np.savez(tmp_path / "x.npz", **features([f"{video_id}.mp4" for video_id in [*IDS[:8], "w"]]))
    space = workspace(file="x.npz")
    space.features.extract(space.listed_dataset)
    assert space.features.notes == [
        "x.npz: no features of 1 of 9 videos ('v8')",
        "x.npz: 1 items describe no video of films ('w.mp4')",
    ]
    assert space.features.expert("clip").ids == [*IDS[:8], "w.mp4"]


def test_a_changed_source_is_imported_beside_the_former_one(workspace: Callable[..., Workspace], tmp_path: Path):
    path = tmp_path / "x.npz"
    arrays = features(IDS)
    np.savez(path, ids=IDS, clip=np.stack(list(arrays.values())))
    former = workspace(file="x.npz", pool=False)
    former.features.extract(former.listed_dataset)
    # the provenance of stores that were imported before other containers could be
    provenance = {"npz": "x.npz", "key": "clip", "pool": False, "hash": content_hash(path)}
    store = FeatureFile(former.config.folder / "features" / "video" / "clip")
    assert store.provenance == provenance and set(store.sources.values()) == {provenance["hash"]}
    np.savez(path, ids=IDS, clip=np.stack([values + 1 for values in arrays.values()]))
    changed = workspace(file="x.npz", pool=False)
    changed.features.extract(changed.listed_dataset)
    assert changed.features.expert("clip").folder.name.startswith("clip-")
    np.testing.assert_allclose(changed.features.expert("clip").read("v3"), arrays["v3"] + 1, atol=2e-3)
    np.testing.assert_allclose(former.features.expert("clip").read("v3"), arrays["v3"], atol=2e-3)


def test_nan_is_said_of_a_file_alone(captioned: Path, tmp_path: Path, tiny: Tiny):
    with pytest.raises(InputError, match="'nan' is said of a feature file, give its 'file' too"):
        tiny(tmp_path, experts=[{"name": "motion", "nan": "missing"}])


def test_the_folder_of_a_denoising_is_that_before_nan_could_be_set(workspace: Callable[..., Workspace]):
    folders = [workspace(file="x.npz", nan=nan).denoising_folder for nan in ("refuse", "missing")]
    assert folders[0] == workspace(file="x.npz").denoising_folder != folders[1]
