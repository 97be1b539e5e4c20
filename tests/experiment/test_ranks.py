"""`teachtext run` in several processes, with the variables of torchrun: the files of one process, and its ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from processes import PATIENCE_S, wait_until
from rank_experiments import set_up_in
from rank_processes import free_port, in_processes, variables
from safetensors.torch import load_file

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.experiment.plan import plans_of
from teachtext.experiment.run import run, train
from teachtext.experiment.study.task import Task
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.trainer import RESUME

pytestmark = pytest.mark.slow

# nothing is random but the picks, so that the number of processes does not change the numbers
SETTINGS: Mapping[str, Any] = {
    "teachers": ["glove"],
    "seeds": [0],
    "model": {"shared_dim": 16, "text_clusters": 2, "kind": "moee", "feature_dropout": 0.0},
    "logging": "none",
}


class Started:
    """A command that runs in several processes."""

    def __init__(self, words: Sequence[str], count: int, folder: Path) -> None:
        port = free_port()
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "teachtext", *words],
                cwd=folder,
                env=os.environ | variables(rank, count, port),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(count)
        ]

    def ended(self) -> list[tuple[int, str]]:
        """Wait for all; return the exit code of each, and what it said on stderr without progress."""
        ends = []
        for process in self.processes:
            _, stderr = process.communicate(timeout=PATIENCE_S)
            said = [line for line in stderr.splitlines() if " of " not in line or line.startswith("teachtext: ")]
            ends.append((process.returncode, "\n".join(said)))
        return ends


@pytest.fixture(scope="module")
def alone(tiny: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one process."""
    folder = tmp_path_factory.mktemp("alone")
    run(tiny(folder, **SETTINGS), jobs=1)
    return folder / "run"


@pytest.fixture
def prepared(write_config: Callable[..., Path], alone: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a config whose features are made already, with settings changed."""

    def write(**changes: Any) -> Path:
        path = write_config(tmp_path, **{**SETTINGS, **changes})
        for name in ("playground", "features"):
            shutil.copytree(alone / name, tmp_path / "run" / name)
        return path

    return write


def weights_of(run_folder: Path) -> dict[str, dict[str, Any]]:
    return {path.parent.name: load_file(path) for path in (run_folder / "models").glob(f"*/{WEIGHTS}")}


def test_a_run_of_two_processes_has_the_models_and_files_of_one(prepared, alone, tmp_path):
    ends = Started(["run", str(prepared())], 2, tmp_path).ended()
    assert ends == [(0, ""), (0, "")]
    ours, theirs = weights_of(tmp_path / "run"), weights_of(alone)
    assert ours.keys() == theirs.keys() and len(ours) == 3
    for name, weights in ours.items():
        assert all((weights[key] - value).abs().max() < 1e-4 for key, value in theirs[name].items()), name
    files = [{path.relative_to(folder) for path in folder.rglob("*")} for folder in (tmp_path / "run", alone)]
    assert files[0] == files[1]
    metrics = [json.loads(path.read_text()) for path in (tmp_path / "run" / "models").glob("*/metrics.json")]
    assert {entry["processes"] for each in metrics for entry in each["history"]} == {2}


def test_two_processes_pretrain_on_the_same_captions_as_one(prepared, tiny, tmp_path):
    captions = tmp_path / "captions.jsonl"
    lines = [json.dumps({"video": f"play{number:04}", "text": f"event {number}"}) for number in range(1, 25)]
    captions.write_text("\n".join(lines) + "\n")
    changes = {**SETTINGS, "method": "gqe", "teachers": [], "captioning": {"captioner": f"file:{captions}"}}
    path = prepared(**changes)
    assert Started(["train", str(path)], 2, tmp_path).ended() == [(0, ""), (0, "")]
    train(tiny(tmp_path / "one", **changes), jobs=1)
    ours, theirs = weights_of(tmp_path / "run"), weights_of(tmp_path / "one" / "run")
    assert ours.keys() == theirs.keys() and len(ours) == 3
    for name, weights in ours.items():
        assert all((weights[key] - value).abs().max() < 1e-4 for key, value in theirs[name].items()), name


def test_a_task_is_plain_data(tiny, tmp_path):
    config = tiny(tmp_path, **SETTINGS)
    for plan in plans_of(config):
        task = Task(config, plan, 3, False, None)
        assert Task.from_json(task.as_json()) == task


@pytest.mark.parametrize(
    ("changes", "words", "sentence"),
    [
        ({"training": {"batch_size": 2, "epochs": 1}}, ["run"], "a batch has 2 videos, and there are 3 processes"),
        ({}, ["run", "--jobs", "2"], "3 processes train each model together, and 'jobs' is 2"),
        ({"device": "cuda"}, ["train"], "device 'cuda' is not there (this machine has no CUDA device)"),
        ({"experts": ["nose"]}, ["run"], "unknown"),
    ],
)
def test_what_cannot_be_is_one_sentence_of_process_0(prepared, tmp_path, changes, words, sentence):
    ends = Started([words[0], str(prepared(**changes)), *words[1:]], 3, tmp_path).ended()
    assert [code for code, _ in ends] == [2, 2, 2]
    assert sentence in ends[0][1] and ends[0][1].count("\n") == 0 and ends[0][1].startswith("teachtext: ")
    assert [said for _, said in ends[1:]] == ["", ""]


def test_a_verb_of_one_process_is_refused_in_one_sentence(tmp_path):
    ends = Started(["search", "a dog"], 2, tmp_path).ended()
    assert [code for code, _ in ends] == [2, 2]
    assert "'teachtext search' is one process, and torchrun has started 2" in ends[0][1] and ends[1][1] == ""


def test_a_run_in_python_is_refused_under_torchrun(tiny, tmp_path, monkeypatch):
    for name, value in variables(1, 2, 1).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="torchrun has started 2 processes, and each of them asks for the whole run"):
        train(tiny(tmp_path))


def test_other_caches_features_and_folders_are_refused(write_config, alone, tmp_path):
    configs = {}
    for name in ("same", "cache", "features", "nothing"):
        configs[name] = write_config(tmp_path / name, **SETTINGS)
        shutil.copytree(alone, tmp_path / name / "run")
    models = [tmp_path / name / "run" / "models" for name in ("cache", "nothing")]
    changed, missing = (next(folder.glob("glove-*/embeddings-*")) for folder in models)
    changed.write_bytes(changed.read_bytes()[:-1] + b"\0")
    missing.unlink()
    features = tmp_path / "features" / "run" / "features" / "video" / "motion"
    shutil.rmtree(features)
    with FeatureWriter(features, provenance={}, dim=FeatureFile(alone / "features" / "video" / "motion").dim) as writer:
        for video in FeatureFile(alone / "features" / "video" / "motion").ids:
            writer.add(video, [[1.0] * writer.dim])
    first, second = in_processes(2, set_up_in, [[configs["same"], configs[name]] for name in configs])
    assert first == second
    same, cache, other_features, nothing = first
    assert same == ""
    assert f"has other teacher file {changed.parent.name}/{changed.name} than process 0 on" in cache
    assert "has other features of 'motion' than process 0 on" in other_features
    assert f"{missing} is not there, and process 0 alone writes files: let all machines see the same folder" in nothing
    assert not missing.exists()


@pytest.mark.parametrize(("victim", "how"), [(1, signal.SIGKILL), (0, signal.SIGKILL), (None, signal.SIGINT)])
def test_a_killed_or_stopped_run_ends_and_goes_on(prepared, alone, tmp_path, victim, how):
    config = prepared(training={"epochs": 4000, "batch_size": 8})
    started = Started(["train", str(config)], 2, tmp_path)
    models = tmp_path / "run" / "models"
    wait_until(lambda: any(models.glob(f"*/{RESUME}")), "no epoch was saved")
    for rank, process in enumerate(started.processes):
        if victim in (None, rank):
            process.send_signal(how)
    begun = time.monotonic()
    ends = started.ended()
    assert time.monotonic() - begun < PATIENCE_S / 2
    said = [text for rank, (_, text) in enumerate(ends) if text and rank != victim]
    assert len(said) == 1 and said[0].count("\n") == 0 and said[0].startswith("teachtext: "), ends
    wanted = "stopped; run the same command again" if victim is None else "one of 2 processes ended early"
    assert wanted in said[0]
    assert not list(models.glob("*/metrics.json")) and list(models.glob(f"*/{RESUME}"))
