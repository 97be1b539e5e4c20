"""`teachtext.load`: every place that holds a model, and one sentence for every place that does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("wordllama")
from clips import write_model
from hub_server import Repository, hub_server

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


def test_a_model_of_a_hub_is_refused_before_its_weights_come_and_before_torch(tmp_path: Path):
    pytest.importorskip("huggingface_hub")
    code = (
        "import sys, teachtext\n"
        "for place in ('hf:them/bert', 'hf:nobody/nothing', 'hf:', 'open_clip:ViT-B-32'):\n"
        "    try: teachtext.load(place)\n"
        "    except teachtext.InputError as error: print(error)\n"
        "print('torch' in sys.modules)"
    )
    with hub_server() as hub:
        files = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"weights"}
        hub.repositories["them/bert"] = Repository(commits={"c0": files}, branches={"main": "c0"})
        environment = os.environ | {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        asked = hub.requests
    refused, unknown, nameless, other, torch = done.stdout.splitlines()
    assert refused.startswith(
        "them/bert (bert) has no space for text and pictures that is supported here: give a model"
    )
    assert unknown.startswith(
        "'nobody/nothing' is neither a folder nor a model on the hub that you may read: correct it"
    )
    assert nameless == "'hf:' names no model: write hf:ID or hf:FOLDER"
    assert other.endswith("is a model of open_clip, which is not read here: use hf:google/siglip2-base-patch16-224")
    assert torch == "False"
    assert any("config.json" in path for path in asked) and not any("safetensors" in path for path in asked)
