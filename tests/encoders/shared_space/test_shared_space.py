"""A shared-space model: what is refused, and what stands in its settings."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
import shared_models
from safetensors.torch import load_file, save_file

from teachtext.encoders.shared_space.model import SharedSpace
from teachtext.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shared_models.clip(tmp_path / "clip")


def space(folder: Path | str) -> SharedSpace:
    return SharedSpace(model=str(folder), device="cpu")


def without(folder: Path, part: str) -> None:
    weights = load_file(folder / "model.safetensors")
    [name] = [name for name in weights if part in name][:1]
    del weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("part", ["text_projection", "visual_projection", "vision_model.encoder", "text_model.encoder"])
def test_missing_weights_are_refused_on_every_side(folder: Path, part: str):
    without(folder, part)
    with pytest.raises(InputError, match=f"its file of weights lacks {part}.*which would be random: give the model"):
        space(folder)


def test_a_missing_weight_that_no_vector_depends_on_is_allowed(folder: Path):
    before = space(folder).encode_texts(["a dog"])
    without(folder, "logit_scale")
    assert np.allclose(space(folder).encode_texts(["a dog"]), before, atol=1e-6)


def test_superfluous_weights_and_other_shapes_are_refused(folder: Path):
    weights = load_file(folder / "model.safetensors")
    name = "text_model.encoder.layers.0.mlp.fc1.weight"

    def saved(**changes: object) -> None:
        save_file(weights | changes, folder / "model.safetensors", metadata={"format": "pt"})

    saved(**{name.replace("layers.0", "layers.2"): weights[name].clone()})
    with pytest.raises(InputError, match=r"its config, which has no place for text_model.encoder.layers.2.mlp"):
        space(folder)
    saved(**{name.replace("weight", "weight_scale"): weights[name].clone()})
    with pytest.raises(InputError, match=r"no place for .*weight_scale.*not quantised"):
        space(folder)
    saved(**{name: weights[name][:, :-1].contiguous()})
    with pytest.raises(InputError, match=f"other shapes than its config says: {name}"):
        space(folder)
    saved(**{"classifier.weight": weights[name].clone()})
    assert space(folder).dim == 12, "the head of another task is no part of the model"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model.safetensors", "no file named model.safetensors"),
        ("tokenizer.json", "its folder has no tokenizer"),
        ("preprocessor_config.json", "cannot be used"),
        ("config.json", "is not the folder of a model"),
    ],
)
def test_half_of_the_files_is_refused_in_one_sentence(folder: Path, file: str, message: str):
    (folder / file).unlink()
    with pytest.raises(InputError, match=message) as caught:
        space(folder)
    assert "\n" not in str(caught.value)


def test_a_broken_file_of_weights_is_refused(folder: Path):
    (folder / "model.safetensors").write_bytes(b"nothing" * 99)
    with pytest.raises(InputError, match="cannot be used"):
        space(folder)


def test_weights_larger_than_the_memory_are_refused_before_they_are_read(folder: Path):
    os.truncate(folder / "model.safetensors", 10**13)
    with pytest.raises(InputError, match=r"its weights take 10,000\.0 GB, and the device 'cpu' has .* GB left: give a"):
        space(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("vocab_size", 10**12, r"a model of its config takes 64,000\.\d GB, and the device 'cpu' has .* GB left"),
        ("num_hidden_layers", 10**9, "its config asks for 1,000,000,000 layers"),
    ],
)
def test_a_config_that_asks_for_more_than_there_is_is_refused_before_anything_is_built(
    key: str, value: int, message: str, folder: Path
):
    config = json.loads((folder / "config.json").read_text())
    config["text_config"][key] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=message):
        space(folder)


def test_a_processor_of_huge_pictures_is_refused(folder: Path):
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"size": {"shortest_edge": 100_000}}))
    with pytest.raises(InputError, match="its processor makes pictures of 100,000 pixels a side: give the folder as"):
        space(folder)


def test_a_folder_of_sentence_transformers_is_read_as_its_network(folder: Path, tmp_path: Path):
    """Such a folder gives the vectors of the network that it holds."""
    whole = tmp_path / "whole"
    whole.mkdir()
    modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]
    (whole / "modules.json").write_text(json.dumps(modules))
    expected = space(folder).encode_texts(["a dog"])
    folder.rename(whole / "0_CLIPModel")
    model = space(whole)
    assert np.allclose(model.encode_texts(["a dog"]), expected, atol=1e-6)
    before = model.settings
    without(whole / "0_CLIPModel", "logit_scale")
    assert space(whole).settings != before, "the files of the network count"
    more = {"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.models.Dense"}
    (whole / "modules.json").write_text(json.dumps([*modules, more]))
    with pytest.raises(InputError, match="has a module 'Dense' behind its towers"):
        space(whole)
    (whole / "modules.json").write_text(json.dumps([modules[0] | {"path": "../clip"}]))
    with pytest.raises(InputError, match="names a module outside its folder"):
        space(whole)


def test_a_tower_that_is_not_there_is_refused_with_another_way(folder: Path):
    model = space(folder)
    assert model.towers == {"text", "pictures"}
    with pytest.raises(InputError, match=r"has no tower for clips: it takes pictures, text; .*mean of .* frames"):
        model.encode_clips([np.zeros((2, 32, 32, 3), np.uint8)])
    with pytest.raises(InputError, match=r"has no tower for sound.*laion/clap"):
        model.encode_sound(np.zeros(9, np.float32), 16_000)


def test_what_is_no_picture_is_refused(folder: Path):
    model = space(folder)
    for strange in (np.zeros((32, 32), np.uint8), np.zeros((32, 32, 3), np.float32), np.zeros((0, 32, 3), np.uint8)):
        with pytest.raises(InputError, match=r"is no picture: give uint8 of shape \(height, width, 3\)"):
            model.encode_pictures([strange])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "bert"}, r"\(bert\) has no space for text and pictures .*: give .*clip"),
        ({"model_type": "jina_clip", "auto_map": {}}, "code that comes with it.*use google/siglip2"),
        (
            {"model_type": "unheard_of", "auto_map": {"AutoModel": "own.Model"}},
            "code that comes with it.*embeddinggemma",
        ),
        ({"architectures": ["LanguageBindVideo"]}, "code that comes with it.*use microsoft/xclip"),
        ({"model_type": "PE-Core"}, "open_clip"),
    ],
)
def test_other_models_are_refused_with_a_neighbour(tmp_path: Path, config: dict[str, object], message: str):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=message):
        space(tmp_path)


def test_settings_follow_the_files(folder: Path, tmp_path: Path):
    before = space(folder).settings
    assert space(folder).settings == before and before["model"] == "clip"
    without(folder, "logit_scale")
    assert space(folder).settings != before


def test_the_revision_of_a_model_from_the_hub_is_kept(folder: Path, tmp_path: Path):
    snapshot = tmp_path / "models--a--clip" / "snapshots" / "c0ffee"
    snapshot.parent.mkdir(parents=True)
    folder.rename(snapshot)
    assert space(snapshot).settings["revision"] == "c0ffee"
