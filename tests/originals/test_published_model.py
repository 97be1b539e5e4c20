"""Published checkpoints as models."""

import json

import numpy as np
import pytest
import torch

from teachtext.data.arrays import read_arrays
from teachtext.errors import InputError
from teachtext.learning.checkpoint import load_model
from teachtext.models.similarity import similarity
from teachtext.originals.model_inputs import find_inputs
from teachtext.originals.parity_file import Recording
from teachtext.originals.published_model import import_published

CONFIG = {"text": "gpt2-xl", "max_words": 7, "max_tokens": {"audio": 5, "speech": 5}}
NAMES = ["rgb", "audio", "audio.b"]


@pytest.fixture
def publish(record, tmp_path):
    """Writes a checkpoint of random weights; gives its path and the parity file's arrays."""

    def make(change=lambda state: None, config=None, **shape):
        arrays = record(**{"dims": {"rgb": 3, "audio": 4, "audio.b": 2}, "clusters": {"audio.b": 2}} | shape)
        state = {n[6:]: torch.from_numpy(array) for n, array in arrays.items() if n.startswith("state/")}
        change(state)
        torch.save({"arch": "CENet", "epoch": 4, "state_dict": state, "config": config}, tmp_path / "trained.pth")
        return tmp_path / "trained.pth", arrays

    return make


def scores(folder, path, arrays):
    model, spec = load_model(folder)
    batch, _ = Recording(path, arrays).batch("eval")
    assert batch.text.tokens.shape[1] == spec.max_words
    with torch.no_grad():
        return similarity(model.double().encode_text(batch.text), model.encode_video(batch.video)), spec


def test_the_published_form_scores_as_recorded(legacy_folder, parity_folder, tmp_path):
    import_published(legacy_folder / "trained_model.pth", tmp_path / "model", inputs=find_inputs(CONFIG, "c.yaml"))
    arrays = read_arrays(parity_folder / "ce_small.npz")
    actual, spec = scores(tmp_path / "model", tmp_path, arrays)
    np.testing.assert_allclose(actual, arrays["eval/similarity"], atol=1e-5, rtol=0)
    assert spec.experts == ["audio", "rgb", "scene", "speech"], "from the config that was pickled into it"
    assert spec.max_tokens == {"audio": 5, "speech": 5} and spec.text_encoder == "gpt2-xl"


@pytest.mark.parametrize("kind", ["CE", "MoEE"])
@pytest.mark.parametrize("clusters", [0, 2])
def test_everything_but_names_and_rows_follows_from_the_weights(publish, tmp_path, kind, clusters):
    path, arrays = publish(kind=kind, text_clusters=clusters, ghost_clusters=1 if clusters else 0)
    config = {"experts": NAMES, "text": "w2v", "max_words": 4 if clusters else None, "max_tokens": {"audio.b": 3}}
    spec = import_published(path, tmp_path / "model", inputs=find_inputs(config, "c.yaml"), trained_on=["v1", "v2"])
    actual, loaded = scores(tmp_path / "model", path, arrays)
    np.testing.assert_allclose(actual, arrays["eval/similarity"], atol=1e-6, rtol=0)
    assert loaded == spec and spec.kind == kind.lower()
    assert spec.arguments["expert_dims"] == {"rgb": 3, "audio": 4, "audio.b": 2}
    assert spec.arguments["expert_clusters"] == {"audio.b": 2}
    assert loaded.trained_on == ["v1", "v2"]
    assert {file.name for file in (tmp_path / "model").iterdir()} == {
        "model.safetensors",
        "config.json",
        "metrics.json",
        "trained_on.json",
        "README.md",
    }
    assert json.loads((tmp_path / "model" / "metrics.json").read_text())["best_epoch"] == 4
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| imported from | trained.pth |" in card and "| selected epoch | 4 |" in card


def test_parameters_that_the_authors_no_longer_use_are_dropped(publish, tmp_path):
    path, arrays = publish(lambda state: state.update({"ce.moe_cg.weight": torch.zeros(2)}))
    inputs = find_inputs(CONFIG | {"experts": {"rgb": None, "audio": None, "audio.b": 3}, "max_words": 4}, "c.yaml")
    import_published(path, tmp_path / "model", inputs=inputs)
    matrix, _ = scores(tmp_path / "model", path, arrays)
    np.testing.assert_allclose(matrix, arrays["eval/similarity"], atol=1e-6, rtol=0)


def cut(state):
    state["text_pooling.clusters"] = state["text_pooling.clusters"][:, :1]


ALL = {"experts": NAMES, "text": "w2v", "max_words": 4, "max_tokens": {"audio.b": 3}}


@pytest.mark.parametrize(
    ("change", "config", "message"),
    [
        (lambda s: s.pop("ce.g_reason_1.bias"), ALL, "lacks ce.g_reason_1.bias"),
        (lambda s: s.update(odd=torch.zeros(1)), ALL, "has no place for odd"),
        (lambda s: s.pop("ce.moe_fc.weight"), ALL, "no matrix 'ce.moe_fc.weight'"),
        (lambda s: s.update({"ce.moe_fc.weight": torch.zeros(0, 9)}), ALL, "no matrix 'ce.moe_fc.weight'"),
        (lambda s: s.update({"ce.moe_fc.weight": torch.zeros(9, 9)}), ALL, "no matrix 'ce.video_dim_reduce.3.fc"),
        (cut, ALL, "fewer text clusters than centres"),
        (lambda s: s["ce.moe_fc.bias"].fill_(torch.nan), ALL, "'ce.moe_fc.bias' of the state dict is not finite"),
        (id, {}, "state text .*; experts .3 names, among them audio.b.; max_words .*; max_tokens .rows of audio.b"),
        (id, ALL | {"text": None}, "does not state text"),
        (id, ALL | {"experts": ["rgb", "audio.b"]}, "has 3 experts, among them audio.b, but .* names rgb, audio.b"),
        (id, ALL | {"experts": ["x", "y", "z"]}, "among them audio.b, but the config names x, y, z"),
        (id, ALL | {"experts": ["rgb", "rgb", "audio.b"]}, "'experts' is"),
        (id, ALL | {"experts": "rgb"}, "c.yaml: 'experts' is 'rgb'"),
        (id, ALL | {"experts": [{"name": ["a"]}]}, "'experts' is"),
        (id, ALL | {"max_words": "many"}, "'max_words' is 'many'"),
        (id, ALL | {"max_tokens": {"audio.b": 0}}, "'max_tokens.audio.b' is 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported(publish, tmp_path, change, config, message):
    path, _ = publish(change)
    with pytest.raises(InputError, match=message):
        import_published(path, tmp_path / "model", inputs=find_inputs(config, "c.yaml"))
    assert not (tmp_path / "model").exists()


def test_a_model_that_ours_is_not(publish, tmp_path):
    path, _ = publish(config={"arch": {"args": {"use_mish": 1, "include_self": 0}}})
    with pytest.raises(InputError, match="was trained with include_self: 0"):
        import_published(path, tmp_path / "model", inputs=find_inputs(ALL, "c.yaml"))


def test_a_folder_with_files_is_left_alone(publish, tmp_path):
    path, _ = publish()
    with pytest.raises(InputError, match="is not an empty folder"):
        import_published(path, tmp_path, inputs=find_inputs(ALL, "c.yaml"))
    with pytest.raises(InputError, match="list of training videos is empty"):
        import_published(path, tmp_path / "model", inputs=find_inputs(ALL, "c.yaml"), trained_on=[])


@pytest.mark.parametrize(
    "config",
    [
        {"experts": {"rgb": None, "audio": 5}, "text": "w2v", "max_words": 7},
        {"experts": ["rgb", "audio"], "text": "w2v", "max_words": 7, "max_tokens": {"audio": 5}},
        {
            "experts": ["rgb", {"name": "audio", "pool": False, "max_tokens": 5}],
            "student": {"text": "w2v"},
            "model": {"kind": "ce", "max_words": 7},
        },
        {
            "experts": ["ocr", "rgb", {"name": "audio", "max_tokens": 5}],
            "student": {"text": "w2v", "experts": ["rgb", "audio"]},
            "model": {"max_words": 7},
        },
        {
            "experts": {"modalities": ["rgb", "audio"], "text_feat": "w2v", "face_dim": 512},
            "data_loader": {"args": {"max_tokens": {"text": 7, "audio": 5}}},
        },
        {
            "experts": {"modalities": ["rgb", "audio"]},
            "data_loader": {"args": {"text_feat": "w2v", "max_tokens": {"text": 7, "audio": 5}}},
        },
    ],
)
def test_every_form_of_config_says_the_same(config):
    inputs = find_inputs(config, "config")
    assert (inputs.experts, inputs.text, inputs.max_words) == (["rgb", "audio"], "w2v", 7)
    assert inputs.max_tokens == {"audio": 5}
