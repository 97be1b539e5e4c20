"""`parity`, `metrics` and `model import`: what the authors' code recorded, and what they published."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]
SHAPE: dict[str, Any] = {"dims": {"a": 3, "a.[b]": 2}, "clusters": {"a.[b]": 2}}


def assert_refused(said: subprocess.CompletedProcess[str], *parts: object) -> None:
    assert said.returncode == 2 and not said.stdout, said.stdout
    assert said.stderr.startswith("teachtext: ") and said.stderr.count("\n") == 1, said.stderr
    for part in parts:
        assert str(part) in said.stderr


@pytest.fixture
def recording(record: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        arrays = record(**SHAPE)
        np.savez(tmp_path / "own.npz", **arrays | {n: change(arrays[n]) for n, change in changes.items()})
        return tmp_path / "own.npz"

    return write


@pytest.mark.parametrize("case", ["ce_small", "ce_fixed", "moee_small", "metrics"])
def test_all_recordings_pass(teachtext: Command, parity_folder: Path, case: str):
    said = teachtext("parity", parity_folder / f"{case}.npz", "--json")
    content = json.loads(said.stdout)
    assert said.returncode == 0 and content["ok"] and all(entry["ok"] for entry in content["comparisons"])


def test_parity_prints_every_quantity_with_its_limit(teachtext: Command, recording: Callable[..., Path]):
    said = teachtext("parity", recording())
    assert said.returncode == 0 and said.stdout.endswith("All within their limits.\n")
    for quantity in ("similarities", "video embeddings", "text embeddings", "ranking loss", "distillation loss"):
        assert re.search(rf"train .* {quantity} .* 1e-05 .* ok", said.stdout)
    assert re.search(r"gradients \(\d+\) .* 1e-04 .* ok", said.stdout)
    assert re.search(r"running statistics .* 1e-05 .* ok", said.stdout)


def test_parity_exits_with_1_and_names_what_is_over(teachtext: Command, recording: Callable[..., Path]):
    said = teachtext("parity", recording(**{"train/grad/ce.moe_fc.weight": lambda a: a * 1.001}))
    assert said.returncode == 1 and re.search(r"gradients .* over .* ce\.moe_fc\.weight", said.stdout)
    path = recording(**{"eval/video_embedding/a.[b]": lambda a: a + 2e-5})
    said = teachtext("parity", path)
    assert said.returncode == 1 and re.search(r"eval .* video embeddings .* over .* a\.\[b\]", said.stdout)
    said = teachtext("parity", path, "--json")
    over = [entry for entry in json.loads(said.stdout)["comparisons"] if not entry["ok"]]
    assert said.returncode == 1 and [(entry["part"], entry["where"]) for entry in over] == [("eval", "a.[b]")]


def test_parity_files_that_are_none(teachtext: Command, recording: Callable[..., Path], tmp_path: Path):
    path = recording()
    path.write_bytes(path.read_bytes()[:-100])
    assert_refused(teachtext("parity", path), path, "not a whole .npz file")
    np.savez(tmp_path / "other.npz", ids=np.arange(3))
    assert_refused(teachtext("parity", tmp_path / "other.npz"), tmp_path / "other.npz", "holds no 'similarity'")
    assert_refused(teachtext("parity", tmp_path / "none.npz"), tmp_path / "none.npz", "does not exist")
    assert_refused(teachtext("parity", recording(**{"eval/text": lambda a: a * np.nan})), "'eval/text' is not finite")


def test_metrics_of_a_square_and_of_several_cases(teachtext: Command, tmp_path: Path):
    np.save(tmp_path / "s.npy", np.array([[0.9, 0.9, 0.1], [0.2, 0.8, 0.1], [0.1, 0.2, 0.3]]))
    content = json.loads(teachtext("metrics", tmp_path / "s.npy", "--json").stdout)
    assert content.keys() == {"t2v", "v2t", "ties"}
    assert (content["ties"]["t2v"]["tied"], content["ties"]["v2t"]["tied"]) == (1, 0)
    assert content["ties"]["t2v"]["best"]["r1"] == 100 and content["ties"]["t2v"]["worst"]["r1"] == content["t2v"]["r1"]
    assert content["t2v"]["r1"] == pytest.approx(200 / 3) and content["t2v"]["mnr"] == pytest.approx(7 / 6)
    said = teachtext("metrics", tmp_path / "s.npy").stdout
    assert "R@1" in said and re.search(r"t2v .* 66\.7 .* 87\.4", said)
    assert "t2v: of 1 of 3 captions the right video ties with others: R@1 66.67 averaged, 100.00 at best" in said
    cases = {f"{case}/similarity": np.eye(2) for case in "xy"} | {
        f"{c}/captions_per_video": np.ones(2, int) for c in "xy"
    }
    np.savez(tmp_path / "s.npz", **cases)
    assert json.loads(teachtext("metrics", tmp_path / "s.npz", "--json").stdout).keys() == {"x", "y"}
    assert teachtext("metrics", tmp_path / "s.npz").stdout.count("R@50") == 2


def test_metrics_of_bad_matrices(teachtext: Command, tmp_path: Path):
    np.save(tmp_path / "s.npy", np.zeros((2, 3)))
    assert_refused(teachtext("metrics", tmp_path / "s.npy"), tmp_path / "s.npy", "not a square", "captions_per_video")
    np.save(tmp_path / "s.npy", np.full((2, 2), np.nan))
    assert_refused(teachtext("metrics", tmp_path / "s.npy"), tmp_path / "s.npy", "holds NaN")


@pytest.fixture
def published(legacy_folder: Path, parity_folder: Path, tmp_path: Path) -> Path:
    """A dataset of the recording that the published weights belong to, with its features."""
    from teachtext.data.feature_writer import FeatureWriter

    with np.load(parity_folder / "ce_small.npz") as file:
        arrays = {name.removeprefix("eval/"): file[name] for name in file.files if name.startswith("eval/")}
    videos, captions = arrays["text"].shape[:2]
    ids = [f"v{number:02}" for number in range(videos)]
    (tmp_path / "data" / "videos").mkdir(parents=True)
    lines = [json.dumps({"id": f"{v}.{c}", "video": v, "text": "x"}) for v in [*ids, "x", "y"] for c in range(captions)]
    (tmp_path / "data" / "captions.jsonl").write_text("\n".join(lines))
    (tmp_path / "data" / "splits.json").write_text(json.dumps({"train": ["x"], "val": ["y"], "test": ids}))
    for expert in ("audio", "rgb", "scene", "speech"):
        values, present = arrays[f"expert/{expert}"], arrays[f"present/{expert}"]
        folder, dim = tmp_path / "features" / "video" / expert, values.shape[-1]
        with FeatureWriter(folder, provenance={}, dim=dim, dtype="float32") as writer:
            for video_id, rows, there in zip(ids, values, present, strict=True):
                writer.add(video_id, rows.reshape(-1, dim) if there else None)
    with FeatureWriter(tmp_path / "features" / "text" / "gpt2-xl", provenance={}, dim=32, dtype="float32") as writer:
        for video_id, rows, lengths in zip(ids, arrays["text"], arrays["text_lengths"], strict=True):
            for caption, (row, length) in enumerate(zip(rows, lengths, strict=True)):
                writer.add(f"{video_id}.{caption}", row[:length])
    np.savez(tmp_path / "s.npz", similarity=arrays["similarity"], captions_per_video=np.full(videos, captions))
    (tmp_path / "c.yaml").write_text("text: gpt2-xl\nmax_words: 7\nmax_tokens: {audio: 5, speech: 5}\n")
    return tmp_path


def test_a_published_checkpoint_evaluates_as_recorded(teachtext: Command, published: Path, legacy_folder: Path):
    checkpoint, model = legacy_folder / "trained_model.pth", published / "model"
    said = teachtext("model", "import", checkpoint, "--config", published / "c.yaml", "--out", model)
    assert said.returncode == 0 and said.stdout == f"Imported ce model of 4 experts in {model}\n", said.stderr
    said = teachtext("evaluate", model, published / "data", "--features", published / "features", "--json")
    assert said.returncode == 0, said.stderr
    expected = json.loads(teachtext("metrics", published / "s.npz", "--json").stdout)
    assert json.loads(said.stdout) == {**expected, "trained_on": "other"}


def test_checkpoints_that_are_refused(teachtext: Command, legacy_folder: Path, tmp_path: Path):
    out, cut, config = tmp_path / "model", tmp_path / "cut.pth", tmp_path / "c.yaml"
    config.write_text("{text: w2v}")
    hostile = legacy_folder / "hostile.pickle"
    said = teachtext("model", "import", hostile, "--config", config, "--out", out, cwd=tmp_path)
    assert_refused(said, f"{hostile} is refused, it asks for posix.system")
    cut.write_bytes((legacy_folder / "trained_model.pth").read_bytes()[:-1000])
    assert_refused(teachtext("model", "import", cut, "--out", out), cut, "not a whole PyTorch checkpoint")
    said = teachtext("model", "import", legacy_folder / "trained_model.pth", "--config", config, "--out", out)
    assert_refused(said, "max_words (rows of a caption); max_tokens (rows of audio, speech)", "--config")
    config.write_text("[1]")
    assert_refused(teachtext("model", "import", cut, "--config", config, "--out", out), config, "is not a config")
    config.write_text("a: [")
    assert_refused(teachtext("model", "import", cut, "--config", config, "--out", out), config, "not valid YAML")
    said = teachtext("model", "import", cut, "--trained-on", tmp_path / "none.txt", "--out", out)
    assert_refused(said, tmp_path / "none.txt", "cannot be read")
    assert {path.name for path in tmp_path.iterdir()} == {"cut.pth", "c.yaml"}
