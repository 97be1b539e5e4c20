import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from teachtext.data.feature_writer import FeatureWriter
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.learning.checkpoint import check_finished, load_model, load_spec, save_spec
from teachtext.learning.inference import score
from teachtext.learning.model_card import save_card
from teachtext.learning.model_files import CONFIG, WEIGHTS


@pytest.fixture
def saved(world, trained_a_little, tmp_path):
    spec = world.spec()
    model = trained_a_little(spec)
    save_spec(tmp_path, spec)
    save_file(model.state_dict(), tmp_path / WEIGHTS)
    return tmp_path


def rewrite(folder, change):
    told = json.loads((folder / CONFIG).read_text())
    told = change(told) or told
    (folder / CONFIG).write_text(json.dumps(told))


def one_sentence(caught, name):
    told = str(caught.value)
    assert name in told
    assert "\n" not in told
    assert len(told) < 400


@pytest.mark.parametrize("kind", ["ce", "moee"])
@pytest.mark.parametrize("changes", [{}, {"text": "sentences", "experts": ("flow", "rgb.0")}, {"mask_padding": False}])
def test_what_is_saved_scores_the_same_when_loaded(world, trained_a_little, tmp_path, kind, changes):
    spec = world.spec(kind=kind, **changes)
    model = trained_a_little(spec)
    save_spec(tmp_path, spec)
    save_file(model.state_dict(), tmp_path / WEIGHTS)
    expected = score(model, world.features(spec), world.captions, world.videos).similarity
    loaded, read = load_model(tmp_path)
    assert read == spec
    assert not loaded.training
    found = score(loaded, world.features(read), world.captions, world.videos).similarity
    np.testing.assert_array_equal(found, expected)


def test_settings_of_experts_are_kept_and_name_their_folders(world, trained_a_little, tmp_path):
    settings = {"rgb.0": {"most": 4, "encoder": "minilm"}}
    spec = replace(world.spec(), expert_settings=settings)
    save_spec(tmp_path, spec)
    read = load_spec(tmp_path)
    assert read == spec
    assert read.expert_folder("rgb.0") == VIDEO_EXPERTS.folder_name("rgb.0", settings["rgb.0"]) != "rgb.0"
    assert read.expert_folder("flow") == "flow"
    for wrong in ([], {"rgb.0": 3}):
        rewrite(tmp_path, lambda told, wrong=wrong: told | {"expert_settings": wrong})
        with pytest.raises(InputError, match="is not the config of a TeachText model"):
            load_spec(tmp_path)
    rewrite(tmp_path, lambda told: {key: value for key, value in told.items() if key != "expert_settings"})
    assert load_spec(tmp_path).expert_settings == {}, "of models that were saved before there were any"


def test_loading_leaves_the_random_state_of_weights_behind_and_takes_those_of_the_file(saved):
    torch.manual_seed(99)
    model, _ = load_model(saved)
    stored = load_file(saved / WEIGHTS)
    assert model.state_dict().keys() == stored.keys()
    assert all(value.equal(stored[name]) for name, value in model.state_dict().items())


def test_weights_are_single_precision_whatever_the_file_holds(saved):
    stored = load_file(saved / WEIGHTS)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        kept = {name: value.to(dtype) if value.is_floating_point() else value for name, value in stored.items()}
        save_file(kept, saved / WEIGHTS)
        loaded = load_model(saved)[0].state_dict()
        assert {name: value.dtype for name, value in loaded.items()} == {n: v.dtype for n, v in stored.items()}
        assert all(value.equal(kept[name].to(value.dtype)) for name, value in loaded.items())


def test_a_loaded_model_can_be_trained_and_has_nothing_to_do_with_its_file(saved):
    stored = load_file(saved / WEIGHTS)
    stored = {name: value.clone() for name, value in stored.items()}
    model, _ = load_model(saved)
    assert all(weight.requires_grad for weight in model.parameters())
    with (saved / WEIGHTS).open("r+b") as file:
        file.seek(-1000, 2)
        file.write(b"\x7f" * 1000)
    assert all(value.equal(stored[name]) for name, value in model.state_dict().items())
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1)
    assert (saved / WEIGHTS).read_bytes().endswith(b"\x7f" * 1000)


MEASURE = """
import sys
from pathlib import Path
import torch
from teachtext.learning.checkpoint import load_model, load_spec

def told(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))

# what torch imports when it plans its first model is no weight
with torch.device("meta"):
    load_spec(Path(sys.argv[1])).build()
before = told("VmRSS")
model, _ = load_model(Path(sys.argv[1]))
print(told("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.slow
def test_weights_are_in_memory_once(world, tmp_path):
    spec = world.spec(shared_dim=1500)
    save_spec(tmp_path, spec)
    with torch.device("meta"):
        plan = spec.build().state_dict()
    save_file({name: torch.ones(value.shape, dtype=value.dtype) for name, value in plan.items()}, tmp_path / WEIGHTS)
    size = (tmp_path / WEIGHTS).stat().st_size
    largest = max(value.nbytes for value in plan.values())
    ran = subprocess.run([sys.executable, "-c", MEASURE, tmp_path], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < size + largest + 30e6 < 2 * size


@pytest.mark.parametrize("keep", [0, 4, 50, 1000, -1])
def test_truncated_weights_are_refused(saved, keep):
    path = saved / WEIGHTS
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(path))


def drop(state):
    state.pop("text.mixture.weight")


def add(state):
    state["extra"] = torch.zeros(2)


def reshape(state):
    state["text.mixture.weight"] = state["text.mixture.weight"].T.contiguous()


@pytest.mark.parametrize("change", [drop, add, reshape])
def test_weights_of_another_model_are_refused(saved, change):
    state = load_file(saved / WEIGHTS)
    change(state)
    save_file(state, saved / WEIGHTS)
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved / WEIGHTS))


def test_missing_files_are_named(saved):
    (saved / WEIGHTS).rename(saved / "away")
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved / WEIGHTS))
    (saved / CONFIG).unlink()
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved / CONFIG))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(format="teachtext-model-0"),
        lambda told: told.pop("format") and None,
        lambda told: told.pop("text_encoder") and None,
        lambda told: told["model"].pop("kind") and None,
        lambda told: told.update(model=["ce", {}]),
        lambda told: told.update(max_words="many"),
        lambda told: told.update(max_tokens=None),
        lambda told: [told],
        lambda told: "config",
    ],
)
def test_a_config_of_another_form_is_refused(saved, change):
    rewrite(saved, change)
    for load in (load_spec, load_model):
        with pytest.raises(InputError, match="not the config of a TeachText model") as caught:
            load(saved)
        one_sentence(caught, str(saved / CONFIG))


def test_a_config_that_is_no_json_is_refused(saved):
    (saved / CONFIG).write_bytes(b"\xff{")
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved / CONFIG))


@pytest.mark.parametrize("kind", ["clip", "", "__import__('os')", None, ["ce"], {"ce": 1}])
def test_a_config_of_an_unknown_kind_is_refused(saved, kind):
    rewrite(saved, lambda told: told["model"].update(kind=kind))
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved / CONFIG))


@pytest.mark.parametrize(
    "changes",
    [
        {"expert_dims": None},
        {"expert_dims": ["rgb.0"]},
        {"expert_dims": {"rgb.0": "wide", "audio": 3}},
        {"expert_dims": {"rgb.0": -5, "audio": 3}},
        {"expert_clusters": ["audio"]},
        {"expert_clusters": "audio"},
        {"text_dim": 0},
        {"text_dim": 1e400},
        {"text_dim": 10**400},
        {"text_dim": [6]},
        {"text_clusters": -1},
        {"shared_dim": 10**30},
        {"shared_dim": None},
        {"ghost_clusters": {}},
    ],
)
def test_arguments_that_build_no_model_are_refused(saved, changes):
    rewrite(saved, lambda told: told["model"]["arguments"].update(changes))
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved))


@pytest.mark.parametrize("arguments", [None, [], "x", 3, {}])
def test_arguments_that_are_none_are_refused(saved, arguments):
    rewrite(saved, lambda told: told["model"].update(arguments=arguments))
    with pytest.raises(InputError) as caught:
        load_model(saved)
    one_sentence(caught, str(saved))


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_config_of_a_giant_takes_no_memory(saved):
    import resource

    rewrite(saved, lambda told: told["model"]["arguments"]["expert_dims"].update({"rgb.0": 10**9}))
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, hard))
    try:
        # refused for what it is, not because 32 GB could not be had
        with pytest.raises(InputError, match="size mismatch"):
            load_model(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("name", ["words", "rgb.0"])
def test_features_of_another_width_are_refused(world, tmp_path, name):
    with FeatureWriter(tmp_path / name, provenance={}, dim=17) as writer:
        writer.add("x", np.ones((1, 17)))
    spec = world.spec()
    files = {file: world.file(file) for file in ("words", "rgb.0", "audio")}
    other = type(files[name])(tmp_path / name)
    files[name] = other
    with pytest.raises(InputError, match=r"width 17, the model reads (6|5)") as caught:
        spec.features(files["words"], {"rgb.0": files["rgb.0"], "audio": files["audio"]})
    one_sentence(caught, str(tmp_path / name))


def test_a_model_reads_its_experts_alone_and_no_more_rows_than_it_should(world):
    spec = world.spec(experts=("rgb.0", "audio"))
    files = {name: world.file(name) for name in ("flow", "rgb.0", "audio")}
    features = spec.features(world.file("words"), files)
    assert sorted(features.experts) == spec.experts == ["audio", "rgb.0"]
    assert features.texts(world.caption_ids).tokens.shape[1] == 5
    assert features.videos(world.videos).experts["audio"].shape[1] == 4


def test_the_card_tells_its_facts(tmp_path):
    save_card(tmp_path, "A student", {"seed": "3"})
    told = (tmp_path / "README.md").read_text()
    assert "# A student" in told
    assert "| seed | 3 |" in told


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "metrics.json"])
def test_a_finished_training_with_half_a_file_is_refused_with_its_folder(saved, name):
    metrics = {"best_epoch": 1, "parameters": 1, "history": [{}]}
    (saved / "metrics.json").write_text(json.dumps(metrics))
    check_finished(saved)
    path = saved / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=f"the model in {saved} is damaged .*: delete the folder {saved} and run"):
        check_finished(saved)
