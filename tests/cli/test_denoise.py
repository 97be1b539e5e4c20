"""`teachtext denoise` and `teachtext teachers`, from the features that a run made."""

import json
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def config(ready: Any, tmp_path: Path, write_config: Callable[..., Path]) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        dataset = {"path": str(ready.playground), "features": str(ready.features)} | changes.pop("dataset", {})
        settings = {"training": {"epochs": 1, "batch_size": 8}} | changes
        return write_config(tmp_path / "config.yaml", dataset=dataset, **settings)

    return write


def test_denoise_says_what_it_found_and_where(teachtext: Command, config: Callable[..., Path], tmp_path: Path):
    path = config(denoising={"folds": 2, "quantile": 0.2})
    said = teachtext("denoise", path, "--mask", tmp_path / "mask.pkl")
    assert said.returncode == 0, said.stderr
    (folder,) = (tmp_path / "run" / "denoising").iterdir()
    dropped = [json.loads(line) for line in (folder / "dropped.jsonl").read_text().splitlines()]
    assert "48 of 16 videos, 2 folds" in said.stdout and f"{len(dropped)} (" in said.stdout
    assert "teacher wordllama" in said.stdout and str(folder / "report.html") in said.stdout
    mask = pickle.loads((tmp_path / "mask.pkl").read_bytes())
    assert sum(int((flags == 0).sum()) for flags in mask.values()) == len(dropped)
    assert "2 of 2 models" in said.stderr


def test_a_list_that_cannot_be_is_one_sentence(teachtext: Command, config: Callable[..., Path], ready: Any):
    path = config(dataset={"dropped": "list.json"})
    video = json.loads((ready.playground / "splits.json").read_text())["train"][0]
    listed = path.parent / "list.json"
    listed.write_text(json.dumps([f"{video}#{k}" for k in range(3)]))
    said = teachtext("train", path)
    assert said.returncode == 2 and "Traceback" not in said.stderr
    assert f"{listed} drops every caption of video '{video}': keep one of them" in said.stderr.splitlines()[-1]


def test_teachers_are_compared(teachtext: Command, config: Callable[..., Path], tmp_path: Path, ready: Any):
    path = config(teachers=["wordllama", {"folder": str(ready.model)}])
    said = teachtext("teachers", path)
    assert said.returncode == 0, said.stderr
    for part in ("teacher wordllama", "oracle", "ensemble", "Spearman", "Kendall", "alone in the first 1"):
        assert part in said.stdout, said.stdout
    assert (tmp_path / "run" / "teachers.html").exists()
    lists = json.loads((ready.playground / "splits.json").read_text())
    assert f"val split: {len(lists['val'])} videos" in " ".join(said.stdout.split())
