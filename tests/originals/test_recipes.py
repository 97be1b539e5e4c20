from pathlib import Path

import pytest
import torch
import yaml

from teachtext.data.benchmarks import benchmark
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import load_config
from teachtext.experiment.model_arguments import model_arguments
from teachtext.experiment.plan import plans_of
from teachtext.models.build import build_model
from teachtext.originals.clip_recipes import CLIP_RECIPES
from teachtext.originals.recipes import recipe, recipe_names

TEXT = {"openai": 768, "w2v": 300, "gpt2-xl": 1600, "gpt2-xl-finetune": 1600}
DIMS = {
    "antoine-audio": 128,
    "antoine-face": 128,
    "antoine-rgb": 2048,
    "audio": 128,
    "face": 512,
    "flow": 1024,
    "i3d.i3d.0": 1024,
    "imagenet.resnext101_32x48d.0": 2048,
    "imagenet.senet154.0": 2048,
    "ocr": 300,
    "r2p1d.r2p1d-ig65m-kinetics.0": 512,
    "r2p1d.r2p1d-ig65m.0": 512,
    "scene.densenet161.0": 2208,
    "speech": 300,
}
DATASETS = ("msvd", "msrvtt", "didemo", "lsmdc", "activitynet")
PUBLISHED = {
    "ce": (84_043_645, 183_448_607, 79_285_025, 116_857_599, 260_678_403),
    "moee": (131_374_381, 400_410_129, 107_257_953, 159_776_655, 330_415_875),
    "ce+": (87_791_645, 262_731_071, 99_513_997, 388_242_661, 376_019_529),
}
COUNTS = {
    **{f"{dataset}/{model}": counts[i] for model, counts in PUBLISHED.items() for i, dataset in enumerate(DATASETS)},
    "msrvtt-1k-b/ce": 92_434_235,
    "msrvtt-1k-b/moee*": 43_976_282,
}


def load(name: str, folder: Path) -> RunConfig:
    path = folder / "config.yaml"
    path.write_text(recipe(name, data="archive"))
    return load_config(path)


AUTHORS = [name for name in recipe_names() if name.partition("/")[2] not in CLIP_RECIPES]


@pytest.mark.parametrize("name", AUTHORS)
def test_every_recipe_is_a_whole_config_of_its_benchmark(name: str, tmp_path: Path):
    config = load(name, tmp_path)
    published = benchmark(name.split("/")[0])
    assert config.dataset.benchmark == published.name and config.dataset.protocol == published.protocol
    assert config.model.max_text_tokens <= (published.protocol.max_words or 0)
    assert config.dataset.path == tmp_path / "archive" and config.dataset.features == tmp_path / "archive" / "features"
    assert config.model.gating == "sequential" and not config.model.mask_padding
    names = [expert.name for expert in config.experts]
    assert names == sorted(names) and set(names) <= set(DIMS)
    assert [expert.name for expert in config.experts if not expert.pool] == [
        name for name in ("antoine-audio", "audio", "ocr", "speech") if name in names
    ]


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_published(name: str, tmp_path: Path):
    config = load(name, tmp_path)
    student = plans_of(config)[-1]
    faces = 128 if name.startswith("lsmdc") else 512
    arguments = model_arguments(
        student.model,
        expert_dims={expert: faces if expert == "face" else DIMS[expert] for expert in student.experts},
        expert_clusters={expert.name: expert.clusters for expert in config.experts if not expert.pool},
        text_dim=TEXT[student.text],
        tokens=True,
    )
    with torch.device("meta"):
        model = build_model(student.model.kind, arguments)
    assert sum(parameter.numel() for parameter in model.parameters()) == COUNTS[name]


@pytest.mark.parametrize("dataset", DATASETS)
def test_teachtext_has_the_student_among_three_teachers(dataset: str, tmp_path: Path):
    """As in Croitoru et al., ICCV 2021: the student's text encoder is one of the teachers' three."""
    *teachers, _, taught = plans_of(load(f"{dataset}/teachtext-ce+", tmp_path))
    assert [teacher.text for teacher in teachers] == ["w2v", "gpt2-xl", "gpt2-xl-finetune"]
    assert taught.text == "gpt2-xl-finetune" and taught.teachers == tuple(teachers)
    assert {teacher.experts for teacher in teachers} == {taught.experts}
    assert (taught.training.optimizer, taught.training.lr, taught.training.weight_decay) == ("radam", 1e-3, 1e-5)
    assert {teacher.training.optimizer for teacher in teachers} == {"ranger"}
    assert {member.training.lr_decay for member in (*teachers, taught)} == {0.95}


def test_the_paths_of_a_recipe_are_those_that_were_given():
    assert yaml.safe_load(recipe("msvd/ce", data="../MSVD"))["dataset"]["features"] == "../MSVD/features"


def test_an_unknown_recipe_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"recipe 'msvd/mmt' is unknown: use one of msvd/ce, msvd/moee, msvd/ce\+"):
        recipe("msvd/mmt", data="x")
