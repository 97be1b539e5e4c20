"""Video networks of transformers, tiny and with random weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

transformers = pytest.importorskip("transformers")
import torch  # noqa: E402

pytest.importorskip("av")
pytest.importorskip("cv2")
from teachtext.data.store import FeatureFile  # noqa: E402
from teachtext.data.types import Video  # noqa: E402
from teachtext.encoders.base import VideoExpert  # noqa: E402
from teachtext.encoders.registry import VIDEO_EXPERTS, build_video_experts  # noqa: E402
from teachtext.encoders.video.hf.processor import ClipProcessor  # noqa: E402
from teachtext.errors import InputError  # noqa: E402
from teachtext.extraction.extract import extract  # noqa: E402
from teachtext.video.decode import sample_video  # noqa: E402
from teachtext.video.sampling import ClipSampling  # noqa: E402

pytestmark = pytest.mark.slow

Make = Callable[..., Path]
Moving = Callable[..., NDArray[np.uint8]]
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
SIZES = {"image_size": 32, "num_frames": 4, **TINY}
PROCESSOR = {
    "do_resize": True, "size": {"shortest_edge": 40}, "resample": 2, "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32}, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
    "image_mean": [0.48, 0.45, 0.4], "image_std": [0.23, 0.22, 0.21],
}  # fmt: skip


def videomae(**changes: Any) -> Any:
    return transformers.VideoMAEConfig(patch_size=16, **SIZES | changes)


def vivit(**changes: Any) -> Any:
    return transformers.VivitConfig(tubelet_size=[2, 16, 16], **SIZES | changes)


def vjepa2() -> Any:
    predictor = {"pred_hidden_size": 24, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1}
    return transformers.VJEPA2Config(
        crop_size=32, frames_per_clip=4, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, **predictor
    )


MODELS: dict[str, Callable[[], Any]] = {
    "videomae": lambda: transformers.VideoMAEModel(videomae()),
    "timesformer": lambda: transformers.TimesformerModel(transformers.TimesformerConfig(patch_size=16, **SIZES)),
    "vivit": lambda: transformers.VivitModel(vivit()),
    "vjepa2": lambda: transformers.VJEPA2Model(vjepa2()),
}


def save(folder: Path, model: Any, file: str = "preprocessor_config.json", **processor: Any) -> str:
    model.save_pretrained(folder)
    (folder / file).write_text(json.dumps(PROCESSOR | processor))
    return f"hf:{folder}"


def build(spec: str, **settings: Any) -> VideoExpert:
    [expert] = build_video_experts([spec], settings={spec: settings})
    return expert


def random_model(make: Callable[[], Any]) -> Any:
    model = make().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return model


def noise(count: int = 4, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def look(expert: VideoExpert, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
    assert isinstance(expert.sampling, ClipSampling)
    return expert.sampling.look(clip)


def as_told(clip: NDArray[np.uint8]) -> torch.Tensor:
    """A clip as the processor above scales it."""
    pixels = torch.from_numpy(clip).permute(0, 3, 1, 2)[None].double() / 255
    mean, std = (torch.tensor(PROCESSOR[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
    return ((pixels - mean) / std).float()


@pytest.mark.parametrize(
    ("name", "expected", "rate"),
    [
        ("videomae", lambda out: out.last_hidden_state.mean(1), 7.5),
        ("timesformer", lambda out: out.last_hidden_state[:, 0], 1.0),
        ("vivit", lambda out: out.pooler_output, 12.5),
        ("vjepa2", lambda out: out.last_hidden_state.mean(1), 4.0),
    ],
)
def test_each_family_eats_clips(name: str, expected: Callable[[Any], Any], rate: float, tmp_path: Path):
    model = random_model(MODELS[name])
    spec = save(tmp_path / name, model, "video_preprocessor_config.json")
    expert = build(spec)
    sampling = expert.sampling
    assert isinstance(sampling, ClipSampling)
    assert (sampling.frames, sampling.per_second, sampling.most) == (4, rate, 32)
    assert (sampling.resize, sampling.height, sampling.width) == (40, 32, 32)
    with torch.no_grad():
        vector = expected(model(as_told(noise())))[0].numpy()
    actual = look(expert, noise())
    assert actual.shape == (expert.outputs[spec],) and np.allclose(actual, vector, atol=1e-5)
    assert np.abs(actual - look(expert, noise()[::-1].copy())).max() > 1e-5, "the order of frames matters"


@pytest.mark.parametrize("name", ["VideoMAE", "Vivit"])
def test_pixels_are_scaled_as_the_processors_of_transformers_do(name: str, tmp_path: Path):
    kind = getattr(transformers, f"{name}ImageProcessorPil", None) or getattr(transformers, f"{name}ImageProcessor")
    theirs = kind(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    theirs.save_pretrained(tmp_path)
    ours = ClipProcessor.of(tmp_path)
    [expected] = theirs(list(noise()), return_tensors="pt")["pixel_values"]
    assert torch.allclose(ours(noise())[0], expected, atol=1e-6)


def test_frames_are_resized_nearly_as_pil_does(make_video: Make, moving: Moving, tmp_path: Path):
    frames = moving(count=4, dx=2, height=96, width=128)
    theirs = transformers.VideoMAEImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32})
    theirs.save_pretrained(tmp_path)
    MODELS["videomae"]().save_pretrained(tmp_path)
    sampling = build(f"hf:{tmp_path}").sampling
    assert isinstance(sampling, ClipSampling)
    observed: list[NDArray[np.uint8]] = []

    def keep(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        observed.append(clip.copy())
        return np.zeros(1, np.float32)

    path = make_video("v.mkv", frames, fps=15, codec="ffv1", options={}, pixels="bgr0")
    fields = {name: getattr(sampling, name) for name in sampling.__dataclass_fields__}
    sample_video(path, [ClipSampling(**fields | {"look": keep, "per_second": 15})])
    [expected] = theirs(list(frames), return_tensors="pt")["pixel_values"]
    actual = ClipProcessor.of(tmp_path)(observed[0])[0]
    assert (actual - expected).abs().mean() < 0.02 and (actual - expected).abs().max() < 0.2, "of a range from -1 to 1"


def test_rows_are_clips_with_times_and_pooled_is_their_mean(make_video: Make, moving: Moving, tmp_path: Path):
    spec = save(tmp_path / "m", random_model(MODELS["videomae"]))
    video = Video("v", make_video("v.mp4", moving(count=45, dx=1, height=64, width=96), fps=15))
    settings = {spec: {"per_second": 4, "most": 8}}
    store = tmp_path / "store"
    assert extract([video], [spec, f"{spec}#pooled", "motion"], store, settings=settings).failed == ()
    rows = FeatureFile(store / VIDEO_EXPERTS.folder_name(spec, settings[spec]))
    assert rows.times("v").tolist() == [[0, 1], [1, 2], [2, 3]] and rows.read("v").shape == (3, 16)
    assert rows.provenance["encoder"] == f"{spec}#frames"
    message = rows.provenance["settings"]
    assert message["model"] == "m" and len(message["files"]) == 16 and message["vector"] == "mean of tokens"
    assert {"frames": 4, "per_second": 4, "most": 8, "resize": 40, "interpolation": "BILINEAR"}.items() <= (
        message["sampling"].items()
    )
    alone = tmp_path / "alone"
    extract([video], [spec], alone, settings=settings)
    assert np.array_equal(
        FeatureFile(alone / VIDEO_EXPERTS.folder_name(spec, settings[spec])).read("v"), rows.read("v")
    )
    # not asked for with those settings, so made with the usual ones
    pooled = FeatureFile(store / VIDEO_EXPERTS.folder_name(f"{spec}#pooled"))
    assert pooled.times("v") is None and pooled.read("v").shape == (1, 16)
    extract([video], [spec], alone)
    mean = FeatureFile(alone / VIDEO_EXPERTS.folder_name(spec)).read("v").astype(np.float32).mean(axis=0)
    assert np.allclose(pooled.read("v")[0], mean, atol=1e-2)


def test_settings_and_processor_say_how_clips_are_sampled(tmp_path: Path):
    spec = save(tmp_path / "m", random_model(MODELS["timesformer"]), fps=3, num_frames=8, size=48, crop_size=32)
    sampling = build(spec).sampling
    assert isinstance(sampling, ClipSampling)
    assert (sampling.per_second, sampling.frames, sampling.resize, sampling.height) == (3, 8, 48, 32)
    local = build(spec, per_second=2.5, frames=6, most=5).sampling
    assert isinstance(local, ClipSampling) and (local.per_second, local.frames, local.most) == (2.5, 6, 5)
    squeezed = save(
        tmp_path / "s", random_model(MODELS["vjepa2"]), size={"height": 32, "width": 32}, do_center_crop=False
    )
    assert build(squeezed).sampling.resize == (32, 32)  # type: ignore[union-attr]
    with pytest.raises(InputError, match=r"'most_s' is no setting of a video network: choose from per_second, most"):
        build(spec, most_s=3)


def test_the_processor_may_be_part_of_a_whole(tmp_path: Path):
    spec = save(tmp_path / "m", random_model(MODELS["videomae"]))
    whole = tmp_path / "m" / "processor_config.json"
    (tmp_path / "m" / "preprocessor_config.json").unlink()
    whole.write_text(json.dumps({"processor_class": "X", "video_processor": PROCESSOR | {"crop_size": 32}}))
    assert build(spec).sampling.height == 32  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        ({"do_flip_channel_order": True}, "its processor asks for 'do_flip_channel_order', which is not known here"),
        ({"image_mean": None}, "its processor tells no 'image_mean' of three channels"),
        ({"size": None, "crop_size": None}, "its processor tells no size"),
        ({"num_frames": 7}, "cannot be loaded as a video expert"),
        ({"crop_size": 48}, "cannot be loaded as a video expert"),
    ],
)
def test_a_processor_that_cannot_be_followed_is_refused(processor: dict[str, Any], message: str, tmp_path: Path):
    spec = save(tmp_path / "m", random_model(MODELS["videomae"]), **processor)
    with pytest.raises(InputError) as caught:
        build(spec)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_model_without_a_processor_is_refused(tmp_path: Path):
    MODELS["videomae"]().save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"it has no processor: none of video_preprocessor_config.json, preproc"):
        build(f"hf:{tmp_path}")


def test_weights_of_another_task_never_give_random_features(tmp_path: Path):
    # a classifier has no pooler in its file; a random one would give other numbers each time
    classifier = random_model(lambda: transformers.VivitForVideoClassification(vivit()))
    spec = save(tmp_path / "v", classifier)
    first = look(build(spec), noise())
    assert np.array_equal(look(build(spec), noise()), first)
    assert build(spec).settings["vector"] == "class token"
    with torch.no_grad():
        expected = classifier.vivit(as_told(noise())).last_hidden_state[0, 0]
    assert np.allclose(first, expected.numpy(), atol=1e-5)
    ssv2 = random_model(lambda: transformers.VJEPA2ForVideoClassification(vjepa2()))
    assert np.isfinite(look(build(save(tmp_path / "j", ssv2)), noise())).all()
    pretrained = random_model(lambda: transformers.VideoMAEForPreTraining(videomae(use_mean_pooling=False)))
    assert np.isfinite(look(build(save(tmp_path / "p", pretrained)), noise())).all()


def test_a_file_that_lacks_weights_is_refused(tmp_path: Path):
    from safetensors.torch import load_file, save_file

    spec = save(tmp_path / "m", random_model(MODELS["videomae"]))
    path = tmp_path / "m" / "model.safetensors"
    weights = load_file(path)
    lost = next(name for name in weights if "layer.1" in name and name.endswith("weight"))
    save_file({name: value for name, value in weights.items() if name != lost}, path, metadata={"format": "pt"})
    with pytest.raises(InputError, match=rf"its file of weights lacks {lost}, which would be random"):
        build(spec)
