"""Indexes whose shared-space model lies in another folder than before: the hash of its files says which model it is."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")
pytest.importorskip("lancedb")
pytest.importorskip("transformers")
pytest.importorskip("sentence_transformers")
import planted
from clips import write_model
from PIL import Image
from planted import SIGHTS, sight, write_sight

import teachtext
from teachtext.data.store import FeatureFile, shards_of
from teachtext.errors import InputError
from teachtext.files import fingerprint
from teachtext.search.manifest import read_manifest
from teachtext.search.stores import open_store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted.planted_clip(tmp_path_factory.mktemp("model") / "clip")


@pytest.fixture
def clip(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "models" / "clip"))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for words in SIGHTS[:2]:
        write_sight(tmp_path / "videos" / f"{words}.mp4", words)
    return tmp_path / "videos"


def move(folder: Path, place: Path) -> Path:
    """Move the folder of a model."""
    place.parent.mkdir(exist_ok=True)
    return folder.rename(place)


def counts(index: teachtext.Index) -> tuple[int, int, int]:
    """Return how many videos were added, updated and left alone."""
    assert index.indexed is not None
    return index.indexed.added, index.indexed.updated, index.indexed.unchanged


def feature_folders(place: Path) -> list[Path]:
    """Return the folders of an index that hold features of models of transformers."""
    return [path for path in (place / "features" / "video-normal").iterdir() if "-pooled-" in path.name]


def first(index: teachtext.Index, texts: Sequence[str]) -> list[str]:
    """Return the name of the video that comes first for each text."""
    return [index.search(text, k=1, by="model")[0].path.stem for text in texts]


def another_version(folder: Path) -> None:
    """Change a file of a model."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"transformers_version": "of another revision"}))


def test_a_model_that_was_moved_is_the_same_model_and_another_version_is_not(clip: Path, videos: Path, tmp_path: Path):
    place = tmp_path / "index"
    teachtext.index(videos, place=place, model=clip, workers=1).close()
    moved = move(clip, tmp_path / "others" / "my-clip")
    write_sight(videos / f"{SIGHTS[2]}.mp4", SIGHTS[2])
    with pytest.raises(InputError, match="clip any more: give the model's folder"):
        teachtext.index(videos, place=place, workers=1)
    index = teachtext.index(videos, place=place, model=moved, workers=1)
    assert counts(index) == (1, 0, 2) and first(index, SIGHTS[:3]) == list(SIGHTS[:3])
    Image.fromarray(sight(SIGHTS[1])).save(tmp_path / "photo.png")
    assert index.like(tmp_path / "photo.png", k=1)[0].path.stem == SIGHTS[1]
    index.close()
    [features] = feature_folders(place)
    # the features of the first two videos are those of the first run
    assert len(FeatureFile(features).sources) == 3 and len(shards_of(features)) == 2
    again = teachtext.index(videos, place=place, workers=1)
    assert counts(again) == (0, 0, 3)
    again.close()
    another_version(moved)
    with pytest.raises(InputError, match=r"the index was made by model 'my-clip' .*, not by another one of that name"):
        teachtext.index(videos, place=place, workers=1)


def test_of_two_models_each_may_have_moved(clip: Path, videos: Path, tmp_path: Path):
    pytest.importorskip("wordllama")
    place, student = tmp_path / "index", write_model(tmp_path / "student")
    teachtext.index(videos, place=place, model=[clip, student], workers=1, hub_correction=False).close()
    moved = [move(clip, tmp_path / "others" / "clip"), move(student, tmp_path / "others" / "student")]
    with pytest.raises(InputError, match=r"not by 'clip' .*: give all its models in this order: clip, student, or "):
        teachtext.open_index(place, model=moved[0])
    write_sight(videos / f"{SIGHTS[2]}.mp4", SIGHTS[2])
    index = teachtext.index(videos, place=place, model=moved, workers=1)
    assert counts(index) == (1, 0, 2) and len(feature_folders(place)) == 1
    result = index.search(SIGHTS[2], k=1, by="model")[0]
    assert result.path.stem == SIGHTS[2] and result.why.keys() == {"shared:pictures", "student:motion"}
    assert {each["folder" if "folder" in each else "model"] for each in index.searcher.model.identity["models"]} == {
        *map(str, moved)
    }


def test_a_copy_of_a_model_takes_over_its_features_also_after_a_stop(clip: Path, videos: Path, tmp_path: Path):
    place = tmp_path / "index"
    teachtext.index(videos, place=place, model=clip, workers=1).close()
    store, [before] = open_store(place), feature_folders(place)
    manifest = read_manifest(store)
    copy = Path(shutil.copytree(clip, tmp_path / "copy"))
    assert counts(teachtext.index(videos, place=place, model=copy, workers=1)) == (0, 0, 2)
    [after] = feature_folders(place)
    assert after != before
    # the run was stopped between the move of the features and the new manifest
    with store.writing():
        manifest.write(store)
    write_sight(videos / f"{SIGHTS[2]}.mp4", SIGHTS[2])
    index = teachtext.index(videos, place=place, model=copy, workers=1)
    assert counts(index) == (1, 0, 2) and feature_folders(place) == [after] and len(shards_of(after)) == 2
    assert first(index, SIGHTS[:3]) == list(SIGHTS[:3])


def test_features_at_both_places_are_joined(clip: Path, videos: Path, tmp_path: Path):
    """Two indexes with one folder of features: one of them came to know the model at its new place."""
    places, features = [tmp_path / "index-1", tmp_path / "index-2"], tmp_path / "features"
    teachtext.index(videos, place=places[0], features=features, model=clip, workers=1).close()
    moved = move(clip, tmp_path / "clip-2")
    write_sight(tmp_path / "more" / f"{SIGHTS[2]}.mp4", SIGHTS[2])
    teachtext.index(tmp_path / "more", place=places[1], features=features, model=moved, workers=1).close()
    write_sight(videos / f"{SIGHTS[3]}.mp4", SIGHTS[3])
    index = teachtext.index(videos, place=places[0], features=features, model=moved, workers=1)
    assert counts(index) == (1, 0, 2)
    assert first(index, [*SIGHTS[:2], SIGHTS[3]]) == [*SIGHTS[:2], SIGHTS[3]]
    [joined] = (path for path in (features / "video-normal").iterdir() if "-pooled-" in path.name)
    assert len(FeatureFile(joined, verify=True).sources) == 4 and len(shards_of(joined)) == 3


def test_two_models_that_changed_places_are_refused_in_a_sentence(clip: Path, videos: Path, tmp_path: Path):
    place, other = tmp_path / "index", Path(shutil.copytree(clip, tmp_path / "models" / "other"))
    another_version(other)
    teachtext.index(videos, place=place, model=[clip, other], workers=1, hub_correction=False).close()
    third = move(clip, tmp_path / "third")
    move(other, clip)
    move(third, other)
    write_sight(videos / f"{SIGHTS[2]}.mp4", SIGHTS[2])
    with pytest.raises(InputError, match=r"holds features made otherwise .*: delete that folder to make them again"):
        teachtext.index(videos, place=place, model=[other, clip], workers=1)


def test_an_index_of_an_earlier_version_is_still_added_to(clip: Path, videos: Path, tmp_path: Path):
    place = tmp_path / "index"
    teachtext.index(videos, place=place, model=clip, workers=1).close()
    store, [features] = open_store(place), feature_folders(place)
    fields: Any = store.manifest()
    [expert] = (name for name in fields["made_by"] if name.startswith("hf:"))
    fields["made_by"][expert] = fingerprint(FeatureFile(features).provenance)
    with store.writing():
        store.write_manifest(fields)
    write_sight(videos / f"{SIGHTS[2]}.mp4", SIGHTS[2])
    index = teachtext.index(videos, place=place, model=move(clip, tmp_path / "my-clip"), workers=1)
    assert counts(index) == (1, 0, 2)
