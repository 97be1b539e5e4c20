"""`teachtext benchmarks` and `recipe`, and the authors' layout from archive to numbers."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from teachtext.data.benchmarks import benchmarks

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_benchmarks_are_listed_with_published_numbers_and_their_sources(teachtext_here: Command):
    said = teachtext_here("benchmarks")
    assert said.returncode == 0 and not said.stderr
    for name, entry in benchmarks().items():
        assert name in said.stdout and entry.title in said.stdout
    assert said.stdout.count("t2v, TeachText README, high-quality features") == 5
    didemo = teachtext_here("benchmarks", "didemo")
    assert "DiDeMo" in didemo.stdout and "MSVD" not in didemo.stdout
    content = json.loads(teachtext_here("benchmarks", "msvd", "--json").stdout)
    assert content["msvd"]["splits"] == {"train": [1200], "val": [100], "test": [670]}
    assert content["msvd"]["published"][0]["rows"]["CE+"][0] == "25.1 (0.9)"


def test_an_unknown_benchmark_or_recipe_is_one_sentence(teachtext_here: Command):
    for arguments in (["benchmarks", "msr"], ["recipe", "msvd/ce++"]):
        said = teachtext_here(*arguments)
        assert said.returncode == 2 and not said.stdout
        assert said.stderr.startswith("teachtext: ") and said.stderr.count("\n") == 1


def test_a_recipe_is_printed_as_a_config(teachtext_here: Command):
    names = teachtext_here("recipe").stdout.split()
    assert "msvd/teachtext-ce+" in names and len(names) == len(set(names)) >= 20
    content = yaml.safe_load(teachtext_here("recipe", "msvd/teachtext-ce+", "--data", "here").stdout)
    assert content["dataset"]["path"] == "here" and content["training"]["margin"] == 0.30764700456522676


@pytest.mark.slow
def test_the_authors_layout_is_imported_trained_and_evaluated(teachtext: Command, legacy_folder: Path, tmp_path: Path):
    said = teachtext("data", "import-archive", legacy_folder, "--dataset", "msvd", "--out", tmp_path / "MSVD")
    assert said.returncode == 0, said.stderr
    recipe = yaml.safe_load(teachtext("recipe", "msvd/ce+", "--data", "MSVD").stdout)
    # the miniature lacks one expert and the fine-tuned text features
    lacking = "r2p1d.r2p1d-ig65m-kinetics.0"
    recipe["experts"] = [name for name in recipe["experts"] if name != lacking]
    recipe |= {"student": {"text": "gpt2-xl"}, "teachers": ["w2v", "gpt2-xl"], "seeds": [0], "name": "mini"}
    recipe["model"] |= {"shared_dim": 32, "text_clusters": 3}
    recipe["training"] |= {"epochs": 2, "batch_size": 4}
    (tmp_path / "mini.yaml").write_text(yaml.safe_dump(recipe))
    said = teachtext("run", tmp_path / "mini.yaml", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "split 'train' lists 8 videos, MSVD has 1,200" in said.stdout
    rows = json.loads((tmp_path / "runs" / "mini" / "results.json").read_text())["rows"]
    assert [row["text_encoder"] for row in rows] == ["w2v", "gpt2-xl", "gpt2-xl", "gpt2-xl"]
    model = tmp_path / "runs" / "mini" / rows[-1]["seeds"][0]["model"]
    arguments = ["--features", tmp_path / "MSVD" / "features", "--benchmark", "msvd", "--json"]
    said = teachtext("evaluate", model, tmp_path / "MSVD", *arguments)
    assert json.loads(said.stdout)["t2v"] == rows[-1]["seeds"][0]["t2v"]
    said = teachtext("evaluate", model, tmp_path / "MSVD", *arguments, "--split", "train")
    assert said.returncode == 2 and "was trained on 8 of the 8 videos of split 'train'" in said.stderr
