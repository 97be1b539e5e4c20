"""Image captioners of transformers: tiny models with random weights, in folders that transformers itself saves."""

import json
from pathlib import Path

import pytest

transformers = pytest.importorskip("transformers")
pytest.importorskip("cv2")
import shared_models  # noqa: E402
from clips import write_clip  # noqa: E402

from teachtext.captioning.captioner import Event  # noqa: E402
from teachtext.captioning.captioners import Place, open_captioner  # noqa: E402
from teachtext.data.types import Video  # noqa: E402
from teachtext.errors import InputError  # noqa: E402

pytestmark = pytest.mark.slow

EVENTS = [Event(0.0, 0.5), Event(0.5, 1.0)]


def blip(folder: Path, positions: int = 64) -> Path:
    shared_models.save_tokenizer(folder)
    text = {**shared_models.TEXT, "max_position_embeddings": positions, "sep_token_id": 3, "encoder_hidden_size": 16}
    config = transformers.BlipConfig(text_config=text, vision_config=shared_models.PICTURE)
    pictures = shared_models.pictures("BlipImageProcessor", **shared_models.SQUARE)
    return shared_models.save(folder, transformers.BlipForConditionalGeneration(config), pictures)


def joined(folder: Path) -> Path:
    """A picture encoder with a decoder of texts, as ViT-GPT2."""
    shared_models.save_tokenizer(folder)
    decoder = transformers.GPT2Config(
        vocab_size=len(shared_models.VOCABULARY), n_embd=16, n_layer=1, n_head=2, add_cross_attention=True,
        bos_token_id=2, eos_token_id=3, n_positions=64,
    )  # fmt: skip
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(**shared_models.PICTURE), decoder
    )
    config.decoder_start_token_id, config.pad_token_id = 2, 0
    pictures = shared_models.pictures("ViTImageProcessor", **shared_models.SQUARE)
    return shared_models.save(folder, transformers.VisionEncoderDecoderModel(config=config), pictures)


@pytest.mark.parametrize("make", [blip, joined])
def test_each_event_gets_a_caption_of_its_middle_picture(tmp_path: Path, make):
    captioner = open_captioner(f"hf:{make(tmp_path / 'model')}", Place(tmp_path))
    video = Video("a", write_clip(tmp_path / "a.mp4", 0))
    captions = captioner.caption(video, EVENTS)
    assert [event for event, _ in captions] == EVENTS
    assert captions == captioner.caption(video, EVENTS)
    assert all(isinstance(text, str) and "<" not in text for _, text in captions)
    assert captioner.settings["model"] == "model" and captioner.needs_events
    with pytest.raises(InputError, match=r"'b' has no video file"):
        captioner.caption(Video("b"), EVENTS)


def test_a_model_that_fails_says_so_in_one_sentence(tmp_path: Path):
    captioner = open_captioner(f"hf:{blip(tmp_path / 'model', positions=8)}", Place(tmp_path))
    with pytest.raises(InputError, match=r"the captioner .* failed .*index out of range.*give another captioner"):
        captioner.caption(Video("a", write_clip(tmp_path / "a.mp4", 0)), EVENTS)


def test_a_model_that_writes_nothing_or_brings_code_or_lacks_weights_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"cannot be used.*give a model that captions pictures"):
        open_captioner(f"hf:{shared_models.clip(tmp_path / 'clip')}", Place(tmp_path))
    with pytest.raises(InputError, match=r"is not the folder of a model"):
        open_captioner(f"hf:{tmp_path / 'nothing'}", Place(tmp_path))
    folder = blip(tmp_path / "blip")
    config = json.loads((folder / "config.json").read_text())
    strange = {
        "model_type": "strange",
        "auto_map": {"AutoModelForImageTextToText": "code.Model", "AutoConfig": "code.C"},
    }
    (folder / "config.json").write_text(json.dumps({**config, **strange}))
    (folder / "code.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(InputError, match=r"the captioner .* cannot be used"):
        open_captioner(f"hf:{folder}", Place(tmp_path))
    (folder / "config.json").write_text(json.dumps(config))
    weights = folder / "model.safetensors"
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"the captioner .* cannot be used"):
        open_captioner(f"hf:{folder}", Place(tmp_path))
