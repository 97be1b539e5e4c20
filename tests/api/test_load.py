"""`teachtext.load`: every place that holds a model, and one sentence for every place that does not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("wordllama")
from clips import write_model

import teachtext


@pytest.mark.slow
def test_a_run_gives_its_taught_student_with_the_best_validation(run: Any, tmp_path: Path):
    for place in (run.folder, str(run.folder)):
        model = teachtext.load(place)
        assert model.folder.parent == run.folder / "models" and "-taught-" in model.folder.name
    scores = {}
    for folder in (run.folder / "models").glob("*-taught-*"):
        metrics = json.loads((folder / "metrics.json").read_text())
        scores[folder.name] = metrics["history"][metrics["best_epoch"] - 1]["validation"]["t2v"]["geometric_mean"]
    assert len(scores) == 2 and scores[model.folder.name] == max(scores.values())
    # the choice follows validation, whatever the order of the seeds
    copied = Path(shutil.copytree(run.folder, tmp_path / "run"))
    (copied / "best.json").unlink()
    for name, score in scores.items():
        path = copied / "models" / name / "metrics.json"
        metrics = json.loads(path.read_text())
        metrics["history"][metrics["best_epoch"] - 1]["validation"]["t2v"]["geometric_mean"] = -score
        path.write_text(json.dumps(metrics))
    assert scores[teachtext.load(copied).folder.name] == min(scores.values())


@pytest.mark.slow
def test_a_run_that_is_not_whole_is_refused(run: Any, tmp_path: Path):
    copied = Path(shutil.copytree(run.folder, tmp_path / "run"))
    shutil.rmtree(teachtext.load(copied).folder)
    with pytest.raises(teachtext.InputError, match="the student of the run, is missing: run 'teachtext run'"):
        teachtext.load(copied)
    (copied / "results.json").unlink()
    (copied / "best.json").unlink()
    with pytest.raises(teachtext.InputError, match="is no finished run: run 'teachtext run'"):
        teachtext.load(copied)


def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.txt").write_text("x")
    for place, message in {
        "photos": "holds no run, model or index: give a folder that 'teachtext run' or 'index' made",
        "nothing": "does not exist: give the folder of a run, a model or an index",
        "a.txt": "is a file: give the folder of a run, a model or an index",
    }.items():
        for given in (tmp_path / place, str(tmp_path / place)):
            with pytest.raises(teachtext.InputError) as caught:
                teachtext.load(given)
            assert str(caught.value) == f"{tmp_path / place} {message}"


def test_a_missing_folder_in_a_folder_that_exists_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(teachtext.InputError, match="runs/mine does not exist"):
        teachtext.load("runs/mine")
    with pytest.raises(teachtext.InputError, match="has no revisions"):
        teachtext.load("runs", revision="v1")


def test_half_a_model_is_refused(tmp_path: Path):
    folder = write_model(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(teachtext.InputError, match=r"has no model\.safetensors: train the model to its end"):
        teachtext.load(folder)
    (folder / "config.json").write_text('{"architectures": ["BertModel"]}')
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(teachtext.InputError, match="is not the config of a TeachText model"):
        teachtext.load(folder)


def test_a_device_that_is_missing_is_refused(tmp_path: Path):
    folder = write_model(tmp_path / "model")
    with pytest.raises(teachtext.InputError, match="'cuda:99'"):
        teachtext.load(folder, device="cuda:99")
    with pytest.raises(teachtext.InputError, match="'gpu'"):
        teachtext.load(folder, device="gpu")
    assert teachtext.load(folder, device="cpu").device == "cpu"
