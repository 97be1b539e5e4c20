from pathlib import Path
from typing import Any

import numpy as np
import pytest

transformers = pytest.importorskip("transformers")
import shared_models  # noqa: E402
import torch  # noqa: E402

pytest.importorskip("cv2")
from PIL import Image  # noqa: E402

from teachtext.encoders.base import VideoExpert  # noqa: E402
from teachtext.encoders.registry import build_text_encoder, build_video_experts  # noqa: E402
from teachtext.encoders.shared_space.model import SharedSpace  # noqa: E402
from teachtext.errors import InputError  # noqa: E402
from teachtext.video.sampling import ClipSampling, Frames, FrameSampling, Sound, SoundSampling  # noqa: E402

pytestmark = pytest.mark.slow

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
PICTURES = {"image_size": 32, "patch_size": 16, **TINY}
WORDS = {"vocab_size": 20, "max_position_embeddings": 16, **TINY}


def processor(name: str, **settings: Any) -> Any:
    """An image processor that needs no torchvision."""
    actual = getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)
    return actual(**settings)


def save(folder: Path, model: Any, prepare: Any) -> str:
    model.save_pretrained(folder)
    prepare.save_pretrained(folder)
    return f"hf:{folder}"


def build(spec: str) -> VideoExpert:
    [expert] = build_video_experts([spec])
    return expert


def frames(count: int = 3, side: int = 32, aspect: float = 1.0) -> Frames:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, side, side, 3), np.uint8)
    return Frames(pixels, np.arange(count, dtype=np.float32), aspect)


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return f"hf:{shared_models.clip(tmp_path / 'clip')}"


def test_clip_gives_its_projection_of_each_frame(clip: str):
    expert = build(clip)
    assert isinstance(expert.sampling, FrameSampling) and expert.sampling.height == 32
    observed = frames()
    rows = expert.encode(observed)[clip]
    assert rows.values.shape == (3, 12) and rows.times.tolist() == [[0, 0], [1, 1], [2, 2]]
    folder = clip.removeprefix("hf:")
    model = transformers.CLIPModel.from_pretrained(folder)
    prepare = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    with torch.no_grad():
        inputs = prepare(images=[Image.fromarray(frame[0]) for frame in observed.pixels], return_tensors="pt")
        expected = model.visual_projection(model.vision_model(**inputs).pooler_output)
    unit = torch.nn.functional.normalize(expected, dim=1).numpy()
    assert np.allclose(rows.values, unit, atol=1e-5)
    pooled = build(f"{clip}#pooled").encode(observed)[f"{clip}#pooled"]
    assert pooled.times is None and np.allclose(pooled.values, rows.values.mean(axis=0, keepdims=True), atol=1e-6)


def test_frames_get_their_shape_back_before_they_are_cropped(clip: str):
    wide = Frames(frames().pixels, frames().times, 2.0)
    assert not np.allclose(build(clip).encode(wide)[clip].values, build(clip).encode(frames())[clip].values)


def test_other_image_models(tmp_path: Path):
    torch.manual_seed(0)
    square = {"size": {"height": 32, "width": 32}}
    dino = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16
    )
    models = {
        "dino": (
            transformers.Dinov2Model(dino),
            processor("BitImageProcessor", size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        ),
        "vit": (transformers.ViTModel(transformers.ViTConfig(**PICTURES)), processor("ViTImageProcessor", **square)),
    }
    for name, (model, prepare) in models.items():
        spec = save(tmp_path / name, model, prepare)
        values = build(spec).encode(frames())[spec].values
        assert values.shape == (3, 16) and np.isfinite(values).all() and np.abs(values[0] - values[1]).max() > 1e-4


def test_an_image_classifier_gives_its_class_token_and_never_a_random_pooler(tmp_path: Path):
    torch.manual_seed(0)
    model = transformers.ViTForImageClassification(transformers.ViTConfig(**PICTURES)).eval()
    spec = save(tmp_path / "vit", model, processor("ViTImageProcessor", size={"height": 32, "width": 32}))
    first = build(spec)
    rows = first.encode(frames())[spec].values
    assert np.array_equal(build(spec).encode(frames())[spec].values, rows) and first.settings["vector"] == "class token"
    prepare = transformers.AutoImageProcessor.from_pretrained(tmp_path / "vit", backend="pil")
    with torch.no_grad():
        inputs = prepare(images=[Image.fromarray(frame[0]) for frame in frames().pixels], return_tensors="pt")
        expected = model.vit(**inputs).last_hidden_state[:, 0]
    assert np.allclose(rows, expected.numpy(), atol=1e-5)


def test_settings_of_another_kind_of_model_are_refused(clip: str):
    [few] = build_video_experts([clip], settings={clip: {"per_second": 2, "most": 3}})
    assert isinstance(few.sampling, FrameSampling) and (few.sampling.per_second, few.sampling.most) == (2, 3)
    with pytest.raises(InputError, match="'frames' is no setting of an image model: choose from per_second, most"):
        build_video_experts([clip], settings={clip: {"frames": 3}})


def test_sound_models(tmp_path: Path):
    torch.manual_seed(0)
    tiny = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    tiny |= {"encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "d_model": 16, "num_mel_bins": 80, "vocab_size": 20}
    ids = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
    whisper = transformers.WhisperConfig(**tiny, **dict.fromkeys(ids, 0))
    spec = save(tmp_path / "whisper", transformers.WhisperModel(whisper), transformers.WhisperFeatureExtractor())
    expert = build(spec)
    assert isinstance(expert.sampling, SoundSampling) and expert.sampling.rate == 16000
    noise = np.random.default_rng(0).normal(0, 3000, 25 * 16000).astype(np.int16)
    noise[10 * 16000 : 20 * 16000] = 0
    rows = expert.encode(Sound(noise, 16000))[spec]
    assert rows.values.shape == (2, 16) and rows.times.tolist() == [[0, 10], [20, 25]]
    model = transformers.WhisperModel.from_pretrained(tmp_path / "whisper")
    waves = [noise[:160_000] / 32768, noise[320_000:] / 32768]
    heard = transformers.WhisperFeatureExtractor()(waves, sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        states = model.encoder(**heard).last_hidden_state
    # 30 s are 1500 states: what fills a piece up to that is left out
    expected = torch.stack([states[0, :500].mean(dim=0), states[1, :250].mean(dim=0)])
    assert np.allclose(rows.values, expected.numpy(), atol=1e-4)
    assert expert.encode(Sound(noise[:0], 16000))[spec].values.shape == (0, 16)
    pooled = build(f"{spec}#pooled")
    assert pooled.encode(Sound(noise, 16000))[f"{spec}#pooled"].values.shape == (1, 16)
    assert pooled.encode(Sound(noise[:0], 16000))[f"{spec}#pooled"].values.shape == (0, 16)


def test_clap_gives_rows_of_the_space_of_its_texts(tmp_path: Path):
    spec = f"hf:{shared_models.clap(tmp_path / 'clap')}"
    expert = build(spec)
    noise = np.random.default_rng(0).normal(0, 3000, 12 * 48000).astype(np.int16)
    noise[10 * 48000 :] = 0
    assert expert.sampling.rate == 48000
    rows = expert.encode(Sound(noise, 48000))[spec]
    assert rows.times.tolist() == [[0, 10]], "a silent piece has no row"
    expected = SharedSpace(model=str(tmp_path / "clap"), device="cpu").encode_sound(noise[: 10 * 48000], 48000)
    assert np.allclose(rows.values, expected, atol=1e-6)
    with pytest.raises(InputError, match="'most' is no setting of a sound model: choose from most_s"):
        build_video_experts([spec], settings={spec: {"most": 3}})


def test_xclip_gives_a_row_a_clip(tmp_path: Path):
    spec = f"hf:{shared_models.xclip(tmp_path / 'xclip')}"
    expert = build(spec)
    sampling = expert.sampling
    assert isinstance(sampling, ClipSampling)
    assert (sampling.frames, sampling.resize, sampling.height, sampling.per_second) == (4, 32, 32, 1.0)
    clip = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    expected = SharedSpace(model=str(tmp_path / "xclip"), device="cpu").encode_clips([clip])[0]
    assert np.allclose(sampling.look(clip), expected, atol=1e-6) and expert.outputs == {spec: len(expected)}


def test_texts_and_frames_of_one_model_lie_in_one_space(clip: str):
    """Its text encoder gives the vectors that its frames were trained against, from the same files."""
    text, expert = build_text_encoder(f"{clip}#shared"), build(clip)
    space = SharedSpace(model=clip.removeprefix("hf:"), device="cpu")
    [vector, other] = text.encode(["a dog runs", "the red car"])
    assert vector.shape == (1, text.dim) and not text.tokens and text.dim == expert.outputs[clip]
    assert np.allclose([vector[0], other[0]], space.encode_texts(["a dog runs", "the red car"]), atol=1e-6)
    assert text.limit.exceeded(["a dog " * 20]) == [True] and text.encode([]) == []
    assert all(text.settings[key] == expert.settings[key] for key in ("model", "files", "space"))


def test_a_text_model_has_no_shared_space(tmp_path: Path):
    transformers.BertModel(transformers.BertConfig(vocab_size=20, **TINY)).save_pretrained(tmp_path / "bert")
    with pytest.raises(InputError, match=r"\(bert\) has no space for text and pictures .*clip.*siglip"):
        build_text_encoder(f"hf:{tmp_path / 'bert'}#shared")


def test_settings_follow_the_weights_and_nothing_is_unpickled(clip: str):
    folder = Path(clip.removeprefix("hf:"))
    before = build(clip).settings
    assert build(clip).settings == before != build(f"{clip}#pooled").settings
    model = transformers.CLIPModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"cannot be used .*weights in safetensors"):
        build(clip)


def test_a_text_model_is_no_video_expert(tmp_path: Path):
    config = transformers.BertConfig(vocab_size=20, **TINY)
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    with pytest.raises(InputError, match="cannot be loaded as a video expert"):
        build(f"hf:{tmp_path / 'bert'}")
