from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from teachtext.data.benchmarks import benchmarks
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_data import DatasetConfig
from teachtext.experiment.config_file import load_config, run_config, show_config
from teachtext.experiment.config_model import DenoisingConfig, ModelConfig
from teachtext.experiment.config_training import DistillationConfig, TrainingConfig
from teachtext.experiment.defaults import TUNED_WEIGHT
from teachtext.experiment.plan import plans_of
from teachtext.experiment.study.study import load_study
from teachtext.files import fingerprint
from teachtext.learning.distillation.parts import TABLES
from teachtext.learning.distillation.presets import PRESETS, preset
from teachtext.learning.optimizers import OPTIMIZERS
from teachtext.models.build import MODELS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LEAST: dict[str, Any] = {
    "name": "least",
    "dataset": {"playground": {}},
    "experts": ["motion"],
    "teachers": ["glove"],
    "student": {"text": "wordllama"},
}
TEACHCLIP: dict[str, Any] = {"method": "teachclip", "experts": [{"name": "motion", "pool": False}, "scene"]}
OMNI: dict[str, Any] = {"method": "omni", "experts": ["motion", "audio"], "teachers": []}

Load = Callable[..., RunConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(content: dict[str, Any] | str | bytes | None = None, **changes: Any) -> RunConfig:
        path = tmp_path / "c.yaml"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else yaml.safe_dump((content or LEAST) | changes))
        return load_config(path)

    return load


def refused(load: Load, *args: Any, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(*args, **changes)
    told = str(caught.value)
    assert "c.yaml" in told and "\n" not in told and len(told) < 500, "one sentence that names the file"
    return told


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(path: Path):
    config = load_config(path)
    assert config.name == path.stem
    assert config.dataset.path is None or config.dataset.path.is_absolute()


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda path: path.name)
def test_an_example_with_data_from_elsewhere_says_first_how_to_get_them(path: Path):
    text = path.read_text()
    needs_data = "path: ../" in text or "file: ../" in text
    assert text.startswith("# Needs data that is not part of the project") == needs_data


@pytest.mark.parametrize("path", sorted((EXAMPLES / "studies").glob("*.yaml")), ids=lambda path: path.name)
def test_example_studies_are_valid(path: Path):
    study = load_study(path)
    assert study.config.name == path.stem
    assert study.variants and study.pairs


def test_there_are_examples():
    assert len(list(EXAMPLES.glob("*.yaml"))) >= 3
    assert len(list(EXAMPLES.glob("studies/*.yaml"))) >= 3


def names_in(model: Any) -> set[str]:
    """Every key of a nested mapping."""
    if isinstance(model, dict):
        return set(model) | {name for value in model.values() for name in names_in(value)}
    return {name for value in model for name in names_in(value)} if isinstance(model, list) else set()


def test_show_prints_every_default_and_reads_back_the_same(load: Load, tmp_path: Path):
    config = load()
    shown = show_config(config)
    assert names_in(config.model_dump(mode="json")) == names_in(yaml.safe_load(shown))
    for line in (
        "shared_dim: 256",
        "epochs: null",
        "margin: 0.2",
        "videos: 360",
        "weight_unit: gradient",
        "device: auto",
    ):
        assert line in shown
    assert load(shown) == config
    own = load(
        dataset={"path": "data", "missing_videos": "keep"},
        experts=["scene", {"name": "x", "file": "x.npz", "pool": False}],
        student={"text": "minilm#tokens", "experts": ["x"]},
        work="elsewhere",
        training={"lr": 0.5},
    )
    assert load(show_config(own)) == own


def test_data_is_beside_the_config_and_the_run_where_the_command_is(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    config = load(dataset={"path": "data"}, experts=[{"name": "x", "file": "../x.npz"}])
    assert config.dataset.path == tmp_path / "data"
    assert config.experts[0].file == tmp_path.parent / "x.npz"
    assert config.folder == tmp_path / "here" / "runs" / "least"
    assert load(work="w").folder == tmp_path / "here" / "w"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"tranining": {}},
            ["'tranining' is not a setting", "did you mean 'training'?", "distillation, any_to_any, captioning, seeds"],
        ),
        (
            {"training": {"epoch": 3}},
            ["'training.epoch'", "did you mean 'epochs'?", "here: epochs, steps, batch_size"],
        ),
        ({"model": {"zzz": 1}}, ["'model.zzz' is not a setting; allowed here: kind, faithful, shared_dim"]),
        (
            {"experts": ["scene", {"name": "x", "fiel": "y"}]},
            ["'experts.1.fiel'", "'file'", "name, settings, file, key, pool"],
        ),
        ({"dataset": {"playground": {"video": 3}}}, ["'dataset.playground.video'", "'videos'", "captions_per_video"]),
        (
            {"student": {"text": "glove", "expert": []}},
            ["'student.expert'", "'experts'", "allowed here: text, experts"],
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_keys_that_are_allowed_there(
    load: Load, changes: dict[str, Any], told: list[str]
):
    message = refused(load, **changes)
    assert all(part in message for part in told), message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"device": "gpu"}, ["'device' is 'gpu'", "choose from auto, cpu, cuda, cuda:<number>, mps"]),
        ({"device": "cuda:first"}, ["'device' is 'cuda:first'", "cuda:<number>"]),
        ({"logging": "wandb"}, ["'logging' is 'wandb': choose from auto, tensorboard, none"]),
        ({"model": {"kind": "cee"}}, ["'model.kind' is 'cee'", "'ce', 'moee', 'concat', 'mmt', 'pooled' or 'omni'"]),
        (
            {"distillation": {"pool": "sum"}},
            ["'distillation.pool' is 'sum'", "'mean', 'min', 'max', 'median', 'weighted', 'learned' or 'none'"],
        ),
        ({"dataset": {"path": "x", "captions": "all"}}, ["'dataset.captions' is 'all'", "'separate'", "'fused'"]),
        ({"training": {"epochs": 2.5}}, ["'training.epochs' is 2.5: write a whole number"]),
        ({"training": {"epochs": 0}}, ["'training.epochs' is 0", "1"]),
        ({"training": {"lr": "fast"}}, ["'training.lr' is 'fast'", "number"]),
        ({"training": {"lr": float("inf")}}, ["'training.lr' is inf", "finite"]),
        ({"training": {"lr": float("nan")}}, ["'training.lr' is nan"]),
        ({"training": "fast"}, ["'training' is 'fast'", "settings of its own: epochs"]),
        ({"training": None}, ["'training' is empty", "settings of its own: epochs"]),
        ({"student": "glove"}, ["'student' is 'glove'", "settings of its own: text, experts"]),
        ({"experts": ["motion", 3]}, ["'experts.1' is 3", "settings of its own: name, settings, file"]),
        ({"experts": []}, ["'experts': the list has 0 entries and needs at least 1: correct that key"]),
        ({"experts": "motion"}, ["'experts' is 'motion'", "list"]),
        ({"teachers": [3]}, ["'teachers.0' is 3", "settings of its own: text, experts"]),
        ({"name": "a b/c"}, ["'name' is 'a b/c'", "letters"]),
        ({"name": ".."}, ["'name' is '..'", "letters"]),
        ({"experts": [{"name": "..", "file": "x.npz"}]}, ["'experts.0.name' is '..'"]),
        ({"dataset": {"playground": {}, "path": "x"}}, ["'dataset': give either 'path' or 'playground'"]),
        ({"dataset": {"path": "x", "test": "train"}}, ["'dataset': 'test' and 'train' are both 'train'"]),
        ({"dataset": {"path": "x", "select": "train"}}, ["'dataset': 'select' and 'train' are both 'train'"]),
        ({"dataset": {"path": "x", "benchmark": "msvdd"}}, ["benchmark 'msvdd' is unknown", "msvd, "]),
        (
            {"dataset": {"path": "x", "benchmark": "didemo", "captions": "first"}},
            ["benchmark 'didemo' has 'captions: fused'"],
        ),
        ({"model": {"faithful": True, "gating": "parallel"}}, ["'faithful' has sequential gating"]),
        ({"model": {"faithful": True, "mask_padding": True}}, ["takes padding for tokens"]),
        ({"model": {"faithful": True, "kind": "mmt"}}, ["'faithful' is a setting of 'ce' and 'moee'"]),
        ({"teachers": [{"text": "glove", "model": {"kid": "ce"}}]}, ["'teachers.0.model.kid'", "'kind'"]),
        ({"teachers": [{"text": "glove", "experts": ["scene"]}]}, ["'teachers.0.experts' names 'scene'", ": motion"]),
        ({"teachers": ["glove", {"text": "glove", "training": {"lr": 0.1}}]}, ["'teachers' names 'glove' twice"]),
        ({"dataset": {}}, ["'dataset': give either 'path' or 'playground'"]),
        ({"dataset": {"playground": {"videos": 3}}}, ["'dataset.playground.videos' is 3", "12"]),
        ({"dataset": {"playground": {"seed": -1}}}, ["'dataset.playground.seed' is -1"]),
        ({"dataset": {"playground": {"languages": ["en", "xx"]}}}, ["languages=en,xx", "use some of en, de, fr, es"]),
        ({"dataset": {"playground": {}, "language": "d/e"}}, ["'dataset.language' is 'd/e'"]),
        ({"seeds": [0, 1, 0]}, ["'seeds' names '0' twice"]),
        ({"seeds": [-1]}, ["'seeds.0' is -1"]),
        ({"seeds": [2**64]}, ["'seeds.0' is 18446744073709551616"]),
        ({"seeds": []}, ["'seeds'", "at least 1"]),
        ({"teachers": ["glove", "glove"]}, ["'teachers' names 'glove' twice"]),
        ({"experts": ["motion", "motion"]}, ["'experts' names 'motion' twice"]),
        (
            {"student": {"text": "glove", "experts": ["scene"]}},
            ["'student.experts' names 'scene'", ": motion"],
        ),
        ({"student": {"text": "glove", "experts": []}}, ["'student.experts'", "at least 1"]),
        ({"student": {"text": "glove", "experts": ["motion"] * 2}}, ["'student.experts' names 'motion' twice"]),
        ({"teachers": ["glov"]}, ["unknown text encoder 'glov'", "'glove'", "wordllama, minilm"]),
        ({"student": {"text": "bert"}}, ["unknown text encoder 'bert'", "choose from glove, wordllama"]),
        ({"teachers": ["hf"]}, ["'hf' names no model", "hf:<model id"]),
        ({"experts": ["motoin"]}, ["unknown video expert 'motoin'", "'motion'", "appearance, scene, motion"]),
        ({"work": "a\0b"}, ["a path that cannot be"]),
        ({"engine": "spark"}, ["'engine' is 'spark'", "'local' or 'ray'"]),
        ({"time_limit": 0}, ["'time_limit' is 0: the number has to be above 0"]),
        (
            {"experts": ["hf:"]},
            ["'experts.0.name' is 'hf:'", "letters, digits", "or write hf:<model id or local folder>"],
        ),
        ({"experts": ["hf:a/b#poled"]}, ["unknown output of video expert 'hf:a/b' 'poled'", "frames, pooled"]),
        ({"experts": ["hf:a/b", "hf:a/b#frames"]}, ["'experts' names 'hf:a/b#frames' twice"]),
        (
            {"experts": ["hf:a/b"], "student": {"text": "glove", "experts": ["hf:a/b#pooled"]}},
            ["'student.experts' names 'hf:a/b#pooled', which is not among 'experts': hf:a/b#frames"],
        ),
        (
            {"experts": [{"name": "motion", "settings": {"most": [1]}}]},
            ["'experts.0': setting 'most' is [1]", "number"],
        ),
        ({"experts": [{"name": "motion", "settings": 3}]}, ["'experts.0.settings' is 3: write 'key: value' lines"]),
        (
            {"experts": [{"name": "x", "file": "x.npz", "settings": {"most": 1}}]},
            ["'experts.0': 'settings' are said of an expert that is extracted"],
        ),
        (
            {"experts": [{"name": "hf:a/b", "file": "x.npz"}]},
            ["'experts.0': 'hf:a/b#frames' is a model", "a plain name"],
        ),
        ({"experts": [{"name": "motion", "key": "x"}]}, ["'experts.0': 'key' is said of a feature file"]),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(load: Load, changes: dict[str, Any], told: list[str]):
    message = refused(load, **changes)
    assert all(part in message for part in told), message


STRANGE: list[Any] = [None, True, -1, 2.5, 10**400, float("nan"), "x", "", [], [[]], {}, {"x": 1}, date(2026, 1, 1)]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_whatever_stands_at_a_key_the_error_is_in_our_words(value: Any):
    parts: dict[str, type[BaseModel]] = {
        "": RunConfig,
        "training": TrainingConfig,
        "model": ModelConfig,
        "dataset": DatasetConfig,
        "distillation": DistillationConfig,
        "denoising": DenoisingConfig,
    }
    for part, settings in parts.items():
        for key in settings.model_fields:
            try:
                run_config(
                    LEAST | ({part: {key: value}} if part else {key: value}), where="c.yaml", folder=Path("/nowhere")
                )
            except InputError as error:
                told = str(error)
                assert "nput should" not in told and "should " not in told and "valid " not in told, told


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("preset_from", ["paper", "code"])
def test_a_preset_sets_every_part_and_any_may_be_changed(load: Load, name: str, preset_from: str):
    config = load(distillation={"preset": name, "preset_from": preset_from})
    assert config.distillation.parts == preset(name, preset_from=preset_from)
    shown = yaml.safe_load(show_config(config))["distillation"]
    assert shown == {"preset": name, "preset_from": preset_from} | asdict(config.distillation.parts)
    assert load(show_config(config)) == config
    changed = load(distillation={"preset": name, "preset_from": preset_from, "weight": 0.25, "candidates": 3})
    assert changed.distillation.parts == replace(preset(name, preset_from=preset_from), weight=0.25, candidates=3)
    assert load(show_config(changed)) == changed


def test_without_a_preset_it_is_teachtext(load: Load):
    weighed = replace(preset("teachtext"), **TUNED_WEIGHT)
    assert load().distillation.parts == load(distillation={}).distillation.parts == weighed
    assert load(distillation={"preset": "teachtext"}).distillation.parts == preset("teachtext")
    former = load(distillation={"pool": "max", "threshold": 0.5, "weight": 3})
    assert former.distillation.parts == replace(preset("teachtext"), pool="max", threshold=0.5, weight=3.0)


def test_a_weight_without_a_unit_multiplies_the_loss(load: Load):
    assert load(distillation={"weight": 3}).distillation.weight_unit == "loss"
    assert load(distillation={"distance": "mse"}).distillation.weight_unit == "gradient"


FORMER = {"epochs": 50, "batch_size": 64, "lr_decay": 0.95, "last_lr": None, "loss": "max_margin", "keep": "best"}


@pytest.mark.parametrize("changes", [{"defaults": "authors"}, {"model": {"faithful": True}}])
def test_the_defaults_of_the_authors(load: Load, changes: dict[str, Any]):
    config = load(**changes)
    assert (config.model.kind, config.model.shared_dim, config.model.standardise) == ("ce", 768, None)
    assert config.training.model_dump().items() >= FORMER.items()
    assert config.distillation.parts == preset("teachtext")
    assert load(show_config(config)) == config
    moee = load(**{**changes, "model": {**changes.get("model", {}), "kind": "moee"}})
    assert moee.model.shared_dim is None, "each expert has its own width"
    given = load(**changes, training={"steps": 100, "last_lr": 0.1}, distillation={"weight": 2})
    assert (given.training.epochs, given.training.steps, given.training.lr_decay) == (None, 100, None)
    assert given.distillation.parts == replace(preset("teachtext"), weight=2)
    assert load(**changes, distillation=None).distillation is None


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_takes_the_defaults_of_the_authors(load: Load, kind: str):
    config = load(**OMNI, defaults="authors") if kind == "omni" else load(defaults="authors", model={"kind": kind})
    assert config.model.kind == kind
    assert config.model.standardise is None and load(show_config(config)) == config


def test_a_teacher_of_a_faithful_run_has_the_defaults_of_the_authors(load: Load):
    config = load(
        model={"faithful": True}, teachers=[{"text": "glove", "model": {"kind": "ce"}, "training": {"lr": 1}}]
    )
    teacher = config.teachers[0]
    assert teacher.model == config.model
    assert teacher.training == config.training.model_copy(update={"lr": 1.0})


def test_a_teacher_may_count_its_training_otherwise(load: Load):
    config = load(training={"steps": 100}, teachers=[{"text": "glove", "training": {"epochs": 3, "lr_decay": 0.9}}])
    training = config.teachers[0].training
    assert training is not None
    assert (training.epochs, training.steps, training.lr_decay, training.last_lr) == (3, None, 0.9, None)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"epochs": 3, "steps": 30}, "give 'epochs' or 'steps', not both"),
        ({"last_lr": 0.1, "lr_decay": 0.9}, "give 'last_lr' or 'lr_decay', not both"),
    ],
)
def test_two_settings_of_one_thing_are_refused(load: Load, training: dict[str, Any], message: str):
    assert message in refused(load, training=training)


@pytest.mark.parametrize(("videos", "epochs"), [(3, 100), (96, 100), (320, 60), (9000, 30)])
def test_the_number_of_epochs_follows_from_the_number_of_videos(videos: int, epochs: int):
    training = TrainingConfig()
    assert training.epochs_for(videos) == training.for_videos(videos).epochs == epochs
    assert training.lr_decay_for(epochs) ** (epochs - 1) == pytest.approx(0.05)
    assert TrainingConfig(last_lr=None).lr_decay_for(epochs) == 1


def test_aligned_features_are_read_as_they_are(load: Load):
    model = load(model={"kind": "pooled", "identity_start": True}).model
    assert (model.standardise, model.feature_dropout) == (None, 0.0)
    assert load(model={"standardise": None}).model.feature_dropout == 0
    assert "give 'standardise' too" in refused(load, model={"standardise": None, "feature_dropout": 0.1})
    assert "a width for each expert, is of 'moee'" in refused(load, model={"kind": "ce", "shared_dim": None})


@pytest.mark.parametrize(
    ("distillation", "told"),
    [
        ({"preset": "teachtxt"}, ["'distillation.preset' is 'teachtxt'", "'teachtext', 'c2kd', 'teachclip', 'dcd'"]),
        ({"preset": ["c2kd"]}, ["'distillation.preset'", "'teachtext', 'c2kd'"]),
        ({"preset_from": "yes"}, ["'distillation.preset_from' is 'yes'", "'paper' or 'code'"]),
        ({"distance": "mae"}, ["'distillation.distance' is 'mae'", "'huber', 'mse', 'l1', 'kl', 'pearson'"]),
        ({"temprature": 1}, ["'distillation.temprature' is not a setting", "did you mean 'temperature'?"]),
        ({"temperature": 0}, ["'distillation.temperature' is 0: the number has to be above 0"]),
        ({"distance": "kl"}, ["'distillation': 'distance: kl' compares probabilities: it needs 'target: softmax'"]),
        ({"preset": "c2kd", "target": "raw"}, ["'distance: kl' compares probabilities"]),
        ({"distance": "nce", "reduction": "sum"}, ["needs keys in the student's own spaces", "'momentum' or 'own'"]),
        ({"pool": "weighted"}, ["'pool: weighted' needs 'pool_weights'"]),
        ({"pool": "weighted", "pool_weights": [1, 2]}, ["'pool_weights' has 2 numbers, there are 1 teachers"]),
        ({"pool_weights": [1]}, ["'pool_weights' are not used by 'pool: mean'"]),
        ({"label_share": 1}, ["'distillation.label_share' is 1: the number has to be below 1"]),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(load: Load, distillation: dict[str, Any], told: list[str]):
    message = refused(load, distillation=distillation)
    assert all(part in message for part in told), message


def test_views_an_expert_need_a_space_an_expert(load: Load):
    assert load(distillation={"views": "both"}, model={"kind": "mmt"})
    message = refused(load, distillation={"views": "experts"}, model={"kind": "pooled"})
    assert "'views: experts' needs a space an expert, 'pooled' has one for all: use 'views: fused'" in message


def test_a_student_that_learns_from_itself_needs_no_teachers(load: Load):
    alone, taught = plans_of(load(teachers=[], distillation={"preset": "momentum"}))
    assert (alone.role, taught.role, taught.label) == ("student", "taught", "student wordllama, momentum")
    teacher, _, taught = plans_of(load(distillation={"preset": "fusion"}))
    assert teacher.role == "teacher" and taught.teachers == (), "a teacher is compared with, and not asked"
    assert plans_of(load(distillation={"preset": "c2kd"}))[-1].label == "student wordllama, c2kd"
    assert plans_of(load())[-1].label == "student wordllama, TeachText"


@pytest.mark.parametrize("key", list(LEAST))
def test_a_missing_key_is_named(load: Load, key: str):
    told = refused(load, {name: value for name, value in LEAST.items() if name != key})
    assert f"'{key}' is missing" in told


def test_a_misspelt_key_is_told_before_the_one_that_is_missing_for_it(load: Load):
    misspelt = {"studnet" if name == "student" else name: value for name, value in LEAST.items()}
    assert "'studnet' is not a setting (did you mean 'student'?)" in refused(load, misspelt)
    assert "'1' is 1: write the key as a text, in quotation marks" in refused(load, LEAST | {1: 1})


def test_a_missing_key_deep_down_is_named(load: Load):
    assert "'student.text' is missing" in refused(load, student={})
    assert "'experts.0.name' is missing" in refused(load, experts=[{"file": "x.npz"}])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is not a config"),
        ("# nothing\n", "is not a config"),
        ("- a\n- b\n", "is not a config"),
        ("hello", "is not a config"),
        ("a: [1\nb: 2", "is not valid YAML (line 2, column 2"),
        ("a:\n\t- b", "is not valid YAML (line 2, column 1"),
        ("a: 1\n---\na: 2\n", "is not valid YAML (line 2, column 1"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        ("name: 2020-99-99\n", "is not valid YAML (month must be in 1..12)"),
        (f"seeds: [{'9' * 5000}]", "is not valid YAML"),
        ("[" * 20_000, "nested too deeply"),
    ],
)
def test_what_is_no_config_is_refused(load: Load, content: str | bytes, told: str):
    assert told in refused(load, content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere.yaml cannot be read \(No such file"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{}']]",
        "!!python/object/apply:os.mkdir ['{}']",
        "!!python/name:os.system",
        "!!python/object/new:os.system ['mkdir {}']",
    ],
)
def test_python_objects_are_never_made(load: Load, tmp_path: Path, tag: str):
    made = tmp_path / "made"
    told = refused(load, f"name: {tag.format(made)}\n")
    assert "is not valid YAML" in told and "python" in told
    assert not made.exists()


def test_a_value_of_a_billion_parts_is_refused_in_few_words(load: Load):
    parts = ["&a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        parts.append(f"&{name} [{', '.join([f'*{before}'] * 10)}]")
    others = yaml.safe_dump({name: value for name, value in LEAST.items() if name != "name"})
    assert "it stands for more than 100,000 values" in refused(load, f"{others}name: [{', '.join(parts)}]\n")
    assert "xxx'" in refused(load, device="x" * 100_000)


def test_a_device_that_is_not_there_is_refused_before_any_work(tmp_path):
    import torch

    from teachtext.experiment.run import run

    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")
    path = tmp_path / "config.yaml"
    path.write_text(
        "{name: x, dataset: {playground: {}}, experts: [motion], teachers: [glove], student: {text: glove}, "
        f"device: cuda, work: {tmp_path / 'run'}}}"
    )
    with pytest.raises(InputError, match="this machine has no CUDA device"):
        run(load_config(path))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("motion", {"mots": 3}, "unknown setting of motion 'mots': did you mean 'most'? choose from per_second, most"),
        ("motion", {"most": "many"}, "setting 'motion.most' cannot be 'many': give something like 64"),
        ("motion", {"most": True}, "setting 'motion.most' cannot be True"),
        (
            "hf:a/b",
            {"clips": 3},
            "unknown setting of hf:a/b#frames 'clips': choose from per_second, most, frames, most_s",
        ),
        ("hf:a/b", {"per_second": -1}, "setting 'hf:a/b#frames.per_second' cannot be -1: give a positive number"),
        ("scene", {"most": 3}, "most is set in two ways for one network, that of appearance and scene"),
    ],
)
def test_a_wrong_setting_of_an_expert_is_named(load: Load, name: str, settings: dict[str, Any], told: str):
    for package in ("cv2", "transformers", "efficientnet_lite_pytorch"):
        pytest.importorskip(package)
    assert told in refused(load, experts=["appearance", {"name": name, "settings": settings}])


def test_experts_with_settings_and_models_of_ones_own(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "models" / "clip").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    here = f"hf:{tmp_path}/models/clip"
    config = load(
        experts=[
            "hf:org/model",
            {"name": "motion", "settings": {"per_second": 2, "most": 16}},
            "hf:models/clip#pooled",
        ],
        student={"text": "hf:./text#pooled", "experts": ["motion", "hf:./models/clip#pooled"]},
        teachers=[{"text": "glove", "experts": ["hf:org/model#frames"]}],
        engine="ray",
        time_limit=90,
    )
    assert [expert.name for expert in config.experts] == ["hf:org/model#frames", "motion", f"{here}#pooled"]
    assert config.experts[1].settings == {"per_second": 2, "most": 16}
    assert (
        config.student.experts == ["motion", f"{here}#pooled"] and config.student.text == f"hf:{tmp_path}/text#pooled"
    )
    assert config.teachers[0].experts == ["hf:org/model#frames"]
    assert (config.engine, config.time_limit) == ("ray", 90)
    shown = show_config(config)
    assert load(shown) == config
    for line in (
        "engine: ray",
        "time_limit: 90.0",
        "  settings:\n    most: 16\n    per_second: 2",
        "name: hf:org/model#frames",
    ):
        assert line in shown
    labels = [member.label for member in plans_of(config)]
    assert labels == [
        "teacher glove (hf:org/model#frames)",
        "student hf:text#pooled, alone",
        "student hf:text#pooled, TeachText",
    ]


def test_a_teacher_changes_what_it_names_and_keeps_the_rest_of_the_run(load: Load):
    config = load(
        experts=["motion", "scene"],
        model={"kind": "ce", "shared_dim": 32, "text_clusters": 3},
        training={"epochs": 9},
        teachers=[
            "glove",
            {"text": "glove", "model": {"kind": "mmt", "layers": 1}, "experts": ["motion"]},
            {"text": "use", "training": {"optimizer": "ranger", "lr": 0.1}},
        ],
    )
    plain, other, quick, alone, taught = plans_of(config)
    assert (plain.model, plain.training) == (alone.model, alone.training) == (config.model, config.training)
    assert (other.model.kind, other.model.layers, other.model.shared_dim, other.model.text_clusters) == (
        "mmt",
        1,
        32,
        3,
    )
    assert other.training == config.training
    assert (quick.training.optimizer, quick.training.lr, quick.training.epochs) == ("ranger", 0.1, 9)
    assert (other.experts, quick.experts, taught.experts) == (("motion",), ("motion", "scene"), ("motion", "scene"))
    assert [member.label for member in (plain, other, quick)] == [
        "teacher glove",
        "teacher glove (mmt; motion)",
        "teacher use",
    ]
    assert taught.teachers == (plain, other, quick)
    assert load(show_config(config)) == config


def test_without_teachers_the_student_is_alone(load: Load):
    assert [member.role for member in plans_of(load(teachers=[]))] == ["student"]


def test_without_distillation_nobody_is_taught(load: Load):
    config = load(teachers=["glove", "use"], distillation=None)
    assert [member.role for member in plans_of(config)] == ["teacher", "teacher", "student"]
    assert load(show_config(config)) == config


def test_a_teacher_is_named_by_what_it_sees_or_by_the_one_thing_that_it_does_not(load: Load):
    teachers = [{"text": "glove", "experts": names} for names in (["motion"], ["motion", "scene"], ["audio", "scene"])]
    config = load(experts=["motion", "scene", "audio"], teachers=teachers)
    assert [member.label for member in plans_of(config)[:3]] == [
        "teacher glove (motion)",
        "teacher glove (without audio)",
        "teacher glove (without motion)",
    ]


def test_faithful_is_sequential_gating_that_takes_padding_for_tokens(load: Load):
    model = load(model={"faithful": True}).model
    assert (model.gating, model.mask_padding, model.aligned_start) == ("sequential", False, False)
    assert load(show_config(load(model={"faithful": True}))).model == model
    ablation = load(model={"faithful": True, "gating": "none"}).model
    assert (ablation.gating, ablation.mask_padding) == ("none", False)
    assert (load().model.gating, load().model.mask_padding) == ("parallel", True)


@pytest.mark.parametrize("name", benchmarks())
def test_a_benchmark_sets_the_protocol_and_can_be_shown_and_read_again(load: Load, name: str):
    config = load(dataset={"path": "x", "benchmark": name})
    assert config.dataset.protocol == benchmarks()[name].protocol
    assert config.dataset.splits_file == benchmarks()[name].splits_file
    assert load(show_config(config)) == config


def test_names_of_the_registries_are_those_that_a_config_allows():
    for model, name, registry in (
        (ModelConfig, "kind", MODELS),
        (TrainingConfig, "optimizer", OPTIMIZERS),
        (DistillationConfig, "preset", PRESETS),
        *((DistillationConfig, part, table) for part, table in TABLES.items()),
        (DistillationConfig, "ranking_samples", TABLES["samples"]),
    ):
        schema = model.model_json_schema()["properties"][name]
        assert schema["enum"] == list(registry)
        assert schema["description"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"max_words": 3}}, "'model': 'max_words' is now called 'max_text_tokens'"),
        ({"model": {"kind": "dual"}}, "'model.kind' is 'dual': 'dual' is now called 'pooled'"),
        ({"training": {"temperature": 0.1}}, "'training': 'temperature' is now called 'initial_temperature'"),
        ({"distillation": {"faithful": "code"}}, "'distillation': 'faithful' is now called 'preset_from'"),
        ({"distillation": {"select": "top"}}, "'distillation': 'select' is now called 'pairs'"),
        (
            {"teachers": [{"text": "glove", "model": {"max_words": 3}}]},
            "'teachers.0.model': 'max_words' is now called 'max_text_tokens'",
        ),
    ],
)
def test_a_former_name_is_refused_with_the_present_one(load: Load, changes: dict[str, Any], message: str):
    assert message in refused(load, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": {"kind": "concat", "shared_dim": 512}},
            "'model.shared_dim' is a setting of ce, moee, mmt, pooled, omni, not of 'kind: concat'",
        ),
        (
            {"model": {"kind": "concat", "shared_dim": 768}},
            "'model.shared_dim' is a setting of ce, moee, mmt, pooled, omni, not of 'kind: concat'",
        ),
        ({"model": {"identity_start": True}}, "'model.identity_start' is a setting of pooled, not of 'kind: mmt'"),
        ({"model": {"kind": "mmt", "aligned_start": False}}, "is a setting of ce, moee, not of 'kind: mmt'"),
        (
            {"teachers": [{"text": "glove", "model": {"gating": "none"}}]},
            "'teachers.0.model.gating' is a setting of ce, not of 'kind: mmt'",
        ),
    ],
)
def test_a_setting_that_only_other_kinds_of_model_have_is_refused(load: Load, changes: dict[str, Any], message: str):
    assert message in refused(load, **changes)


def test_a_teacher_of_another_kind_need_not_have_the_settings_of_the_run(load: Load):
    config = load(model={"kind": "ce", "gating": "none"}, teachers=[{"text": "glove", "model": {"kind": "moee"}}])
    assert config.teachers[0].model.kind == "moee"
    assert load(show_config(config)) == config


@pytest.mark.parametrize("kind", ["ce", "moee", "concat", "pooled"])
def test_settings_of_the_authors_transformer_are_no_mistake_of_other_kinds(load: Load, kind: str):
    """Configs that earlier versions wrote in full have them for every kind."""
    width = {} if kind == "concat" else {"shared_dim": 16}
    config = load(model={"kind": kind, "layers": 4, "feedforward": 3072, **width})
    assert config.model.kind == kind and load(show_config(config)) == config
    assert "is a setting of mmt" in refused(load, model={"kind": kind, "layers": 3, **width})


def test_dropout_of_features_follows_from_the_kind(load: Load):
    dropouts = {kind: load(model={"kind": kind}).model.feature_dropout for kind in ("mmt", "ce", "moee", "pooled")}
    assert dropouts == {"mmt": 0.0, "ce": 0.3, "moee": 0.3, "pooled": 0.3}
    assert load().model == load(model={"kind": "mmt", "layers": 2, "feedforward": 512}).model
    assert load(model={"kind": "ce", "standardise": None}).model.feature_dropout == 0.0
    assert load(model={"feature_dropout": 0.2}).model.feature_dropout == 0.2


def test_fingerprints_of_trained_models_are_made_of_the_names_of_version_0_1_0(load: Load):
    """A model trained before is found again; the values were taken from version 0.1.0."""
    training = {"initial_temperature": 0.05, "loss": "info_nce"}
    config = load(defaults="authors", training=training, distillation={"preset": "dcd"})
    assert fingerprint(config.training.identity()) == "d17b4b607fcefc27"
    assert fingerprint(config.distillation.parts.identity()) == "b1ed94194b6e29a6"
    assert fingerprint(load(defaults="authors").distillation.parts.identity()) == "0f8efe15af07dd87"


def test_the_method_omni_has_a_student_that_aligns_pairs_and_one_that_learns_from_its_fusion(load: Load):
    config = load(**OMNI)
    assert (config.model.kind, config.model.class_names, config.distillation) == ("omni", False, None)
    assert (config.any_to_any.preset_from, config.training.loss) == ("paper", "info_nce")
    assert [(plan.role, plan.label) for plan in plans_of(config)] == [
        ("student", "student wordllama, alone"),
        ("taught", "student wordllama, omni"),
    ]
    assert load(show_config(config)) == config
    assert load(**OMNI, any_to_any={"preset_from": "code"}).any_to_any.tuple_weight == 1
    (alone,) = plans_of(load(**OMNI, any_to_any=None))
    assert alone.role == "student"
    assert load(**OMNI | {"experts": ["motion", "speech"]}).model.sound == ("audio", "speech")
    heard = load(**OMNI | {"experts": ["motion", "scene"]}, model={"sound": ["scene"]})
    assert heard.model.sound == ("scene",) and heard.model.kind == "omni"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"experts": ["motion", "scene"]},
            "needs an expert that hears and one that sees, and none of its experts hears",
        ),
        ({"student": {"text": "wordllama", "experts": ["audio"]}}, "none of its experts sees: audio"),
        ({"training": {"loss": "max_margin"}}, "it needs 'loss: info_nce'"),
        ({"training": {"learn_temperature": True}}, "a temperature that is not learned"),
        ({"training": {"same_video": "positive"}}, "'same_video: mask'"),
        ({"distillation": {"preset": "momentum"}}, "learns from its own fusion alone: set 'distillation: null'"),
        ({"distillation": {"preset": "c2kd"}}, "learns from its own fusion alone: set 'distillation: null'"),
        ({"distillation": {"preset": "c2kd"}, "teachers": ["glove"]}, "set 'distillation: null'"),
        ({"model": {"kind": "mmt"}}, "'any_to_any' needs 'model.kind: omni', not 'mmt'"),
        ({"model": {"class_names": True}}, "'class_names' is a second space, and 'omni' has one for all"),
        ({"model": {"identity_start": True}}, "'model.identity_start' is a setting of pooled"),
        ({"method": None, "model": {"sound": ["motion"]}}, "'model.sound' is a setting of omni, not of 'kind: mmt'"),
        ({"any_to_any": {"alignment_weight": 0, "distillation_weight": 0, "tuple_weight": 0}}, "all weights are 0"),
        ({"any_to_any": {"preset_from": "talk"}}, "'any_to_any.preset_from' is 'talk'"),
    ],
)
def test_what_makes_no_sense_with_omni_is_refused(load: Load, changes: dict[str, Any], message: str):
    assert message in refused(load, **OMNI | changes)


def test_the_method_teachclip_weighs_rows_and_has_the_weights_of_paper_or_code(load: Load):
    config = load(**TEACHCLIP)
    assert (config.model.kind, config.model.frame_weights, config.training.loss) == ("pooled", True, "info_nce")
    parts = config.distillation.parts
    assert (parts.ranking_weight, parts.weight, parts.frame_weight, parts.frame_reduction) == (1, 1, 1, "sum")
    assert (parts.distance, parts.temperature, parts.frame_temperature) == ("pearson", 0.1, 1)
    assert plans_of(config)[-1].label == "student wordllama, teachclip"
    code = load(**TEACHCLIP, distillation={"preset_from": "code"}).distillation.parts
    assert (code.ranking_weight, code.weight, code.frame_weight, code.frame_reduction) == (0.2, 1, 2, "mean")
    assert load(**TEACHCLIP, distillation={"preset_from": "code", "frame_weight": 3}).distillation.frame_weight == 3
    assert load(show_config(config)) == config
    alone = load(**TEACHCLIP, distillation={"frame_weight": 0}, model={"frame_weights": False})
    assert not alone.model.frame_weights
    # objectives of before are the same trainings as before
    assert "frame_weight" not in load().distillation.parts.identity()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experts": ["motion"]}, "'model.frame_weights' weighs the rows of sequences: give an expert 'pool: false'"),
        ({"student": {"text": "wordllama", "experts": ["scene"]}}, "give an expert 'pool: false'"),
        ({"model": {"kind": "mmt"}}, "'model.frame_weights' is a setting of pooled, not of 'kind: mmt'"),
        ({"model": {"frame_weights": False}}, "it needs 'model: {kind: pooled, frame_weights: true}'"),
        (
            {"method": None, "distillation": {"frame_weight": 1}},
            "it needs 'model: {kind: pooled, frame_weights: true}'",
        ),
        ({"teachers": [{"file": "t.safetensors"}]}, "'teachers.0' is a file, which scores no single rows of a video"),
        (
            {"teachers": ["glove", {"text": "minilm", "shortlist": 8}]},
            "'teachers.1' is a slow teacher, which scores no",
        ),
        (
            {"teachers": [{"text": "glove", "experts": ["scene"]}]},
            "'teachers.0' does not read 'motion', whose rows the student weighs",
        ),
        ({"distillation": {"source": "momentum"}}, "'frame_weight' takes the teachers' scores of rows"),
        ({"distillation": {"frame_reduction": "max"}}, "'distillation.frame_reduction' is 'max'"),
        ({"distillation": {"frame_temperature": 0}}, "'distillation.frame_temperature' is 0"),
    ],
)
def test_what_gives_no_weights_of_rows_is_refused(load: Load, changes: dict[str, Any], message: str):
    assert message in refused(load, **TEACHCLIP | changes)
