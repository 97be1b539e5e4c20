"""The contract of every family: vectors of the library's own recipe, of unit length, alone as in a batch."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

transformers = pytest.importorskip("transformers")
import shared_models  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from teachtext.encoders.shared_space.families import FAMILIES  # noqa: E402
from teachtext.encoders.shared_space.model import SharedSpace  # noqa: E402
from teachtext.errors import InputError  # noqa: E402

MEAN, STD = transformers.Qwen2VLImageProcessorPil.image_mean, transformers.Qwen2VLImageProcessorPil.image_std
TEXTS = ["a dog runs", "the red car", "a photo of a green ball quickly runs", "cat"]
Open = Callable[[str], SharedSpace]
Values = NDArray[np.float32]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a tiny model of a family."""
    root = tmp_path_factory.mktemp("shared")
    folders: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind in ("pe_video", "pe_audio_video"):
            pytest.importorskip("timm", reason="the picture network of PE-AV is one of timm, which needs torchvision")
        if kind not in folders:
            folders[kind] = shared_models.BUILDERS[kind](root / kind)
        return folders[kind]

    return folder


@pytest.fixture(scope="module")
def opened(folder_of: Callable[[str], Path]) -> Open:
    """Return a tiny model of a family."""
    models: dict[str, SharedSpace] = {}

    def open_model(kind: str) -> SharedSpace:
        if kind not in models:
            models[kind] = SharedSpace(model=str(folder_of(kind)), device="cpu")
        return models[kind]

    return open_model


def photos() -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in ((40, 60), (80, 50), (32, 32))]


def unit(output: Any) -> Values:
    values = output if isinstance(output, torch.Tensor) else output.pooler_output
    return torch.nn.functional.normalize(values.flatten(1), dim=1).numpy()


def library(folder: Path, class_name: str = "AutoModel", **options: Any) -> tuple[Any, Any]:
    """The model and the tokenizer, as transformers' own documentation opens them."""
    model = getattr(transformers, class_name).from_pretrained(folder, **options).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def prepared(folder: Path, picture: NDArray[np.uint8]) -> Any:
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    return processor(images=Image.fromarray(picture), return_tensors="pt")


def features(folder: Path, **options: Any) -> tuple[list[Values], list[Values]]:
    """Both towers, one input at a time."""
    model, tokenizer = library(folder, **options)
    with torch.no_grad():
        texts = [unit(model.get_text_features(**tokenizer(text, return_tensors="pt"))) for text in TEXTS]
        return texts, [unit(model.get_image_features(**prepared(folder, photo))) for photo in photos()]


def padded(tokenizer: Any, text: str) -> Any:
    return tokenizer(text, padding="max_length", max_length=shared_models.TOKENS, return_tensors="pt")


def siglip(folder: Path) -> tuple[list[Values], list[Values]]:
    """Texts of the full length, read without a mask."""
    model, tokenizer = library(folder)
    with torch.no_grad():
        texts = [unit(model.get_text_features(padded(tokenizer, text)["input_ids"])) for text in TEXTS]
        return texts, [unit(model.get_image_features(**prepared(folder, photo))) for photo in photos()]


def aimv2(folder: Path) -> tuple[list[Values], list[Values]]:
    """As the documentation says, with the attention that reads one way whether or not there is padding."""
    return features(folder, attn_implementation="eager")


def tipsv2(folder: Path) -> tuple[list[Values], list[Values]]:
    """Pictures are resized, and their values divided by 255."""
    model, tokenizer = library(folder)
    small = [Image.fromarray(photo).resize((32, 32), Image.Resampling.BILINEAR) for photo in photos()]
    pixels = [torch.tensor(np.array(photo)).permute(2, 0, 1)[None] / 255 for photo in small]
    with torch.no_grad():
        texts = [unit(model.get_text_features(**features_of(padded(tokenizer, text)))) for text in TEXTS]
        return texts, [unit(model.get_image_features(pixel_values=values)) for values in pixels]


def features_of(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: inputs[name] for name in ("input_ids", "attention_mask")}


PAIRS: Mapping[str, Callable[[Path], tuple[list[Values], list[Values]]]] = {
    **dict.fromkeys(("align", "altclip", "chinese_clip", "clip", "metaclip_2"), features),
    "aimv2": aimv2,
    "siglip": siglip,
    "siglip2": siglip,
    "tipsv2": tipsv2,
}


def test_every_family_has_a_tiny_model():
    assert set(shared_models.BUILDERS) == set(FAMILIES)


@pytest.mark.parametrize("kind", sorted(PAIRS))
def test_texts_and_pictures_equal_the_recipe_of_the_library(kind: str, opened: Open, folder_of: Callable[[str], Path]):
    texts, pictures = map(np.concatenate, PAIRS[kind](folder_of(kind)))
    model = opened(kind)
    assert np.allclose(model.encode_texts(TEXTS), texts, atol=1e-5)
    assert np.allclose(model.encode_pictures(photos()), pictures, atol=1e-5)
    assert np.abs(texts[0] - texts[1]).max() > 1e-3 and np.abs(pictures[0] - pictures[1]).max() > 1e-4


def test_blip_has_the_cosines_that_transformers_computes(opened: Open, folder_of: Callable[[str], Path]):
    model, tokenizer = library(folder_of("blip"), "BlipForImageTextRetrieval")
    inputs = tokenizer(TEXTS, padding=True, return_token_type_ids=False, return_tensors="pt")
    pixels = torch.cat([prepared(folder_of("blip"), photo)["pixel_values"] for photo in photos()])
    with torch.no_grad():
        scores = model(**inputs, pixel_values=pixels, use_itm_head=False).itm_score.numpy()
    space = opened("blip")
    assert np.allclose(space.encode_texts(TEXTS) @ space.encode_pictures(photos()).T, scores.T, atol=1e-5)


def test_xclip_takes_clips_and_its_texts_do_not_depend_on_them(opened: Open, folder_of: Callable[[str], Path]):
    model, tokenizer = library(folder_of("xclip"))
    frames = photos()[0][None].repeat(4, axis=0)
    frames[2:] //= 2
    pixels = torch.stack([prepared(folder_of("xclip"), frame)["pixel_values"][0] for frame in frames])
    with torch.no_grad():
        texts = [unit(model.get_text_features(**tokenizer(text, return_tensors="pt"))) for text in TEXTS]
        clip = unit(model.get_video_features(pixel_values=pixels[None]))
    space = opened("xclip")
    assert np.allclose(space.encode_texts(TEXTS), np.concatenate(texts), atol=1e-5)
    assert np.allclose(space.encode_clips([frames]), clip, atol=1e-5)
    # eight frames are sampled down to those four
    assert np.allclose(space.encode_clips([frames.repeat(2, axis=0)]), clip, atol=1e-5)


def test_videoprism_takes_clips_and_texts_of_full_length(opened: Open, folder_of: Callable[[str], Path]):
    model, tokenizer = library(folder_of("videoprism"), "VideoPrismClipModel")
    small = [Image.fromarray(photos()[0] // part).resize((32, 32), Image.Resampling.BICUBIC) for part in (1, 2, 3, 4)]
    pixels = torch.stack([torch.tensor(np.array(frame)).permute(2, 0, 1) / 255 for frame in small])
    with torch.no_grad():
        texts = [unit(model.get_text_features(**features_of(padded(tokenizer, text)))) for text in TEXTS]
        clip = unit(model.get_video_features(pixel_values_videos=pixels[None]))
    space = opened("videoprism")
    assert np.allclose(space.encode_texts(TEXTS), np.concatenate(texts), atol=1e-5)
    assert np.allclose(space.encode_clips([np.stack([photos()[0] // part for part in (1, 2, 3, 4)])]), clip, atol=1e-5)


def test_clap_hears_pieces_of_ten_seconds(opened: Open, folder_of: Callable[[str], Path]):
    model, tokenizer = library(folder_of("clap"))
    noise = np.random.default_rng(0).normal(0, 3000, 12 * 48_000).astype(np.int16)
    prepare = transformers.AutoFeatureExtractor.from_pretrained(folder_of("clap"))
    waves = [noise[:480_000] / 32768, noise[480_000:] / 32768]
    with torch.no_grad():
        inputs = [prepare(wave.astype(np.float32), sampling_rate=48_000, return_tensors="pt") for wave in waves]
        sound = [unit(model.get_audio_features(**piece)) for piece in inputs]
        texts = [unit(model.get_text_features(**tokenizer(text, return_tensors="pt"))) for text in TEXTS]
    space = opened("clap")
    assert np.allclose(space.encode_texts(TEXTS), np.concatenate(texts), atol=1e-5)
    assert np.allclose(space.encode_sound(noise, 48_000), np.concatenate(sound), atol=1e-5)
    assert space.encode_sound(noise[::3], 16_000).shape == (2, 12), "another rate is resampled"


def noise(seconds: float, rate: int) -> Values:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * rate)).astype(np.float32)


def heard(folder: Path, samples: Values) -> Any:
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    return extractor([samples], sampling_rate=extractor.sampling_rate, return_tensors="pt")


def test_pe_audio_equals_its_forward(opened: Open, folder_of: Callable[[str], Path]):
    """The vectors are those that `forward` returns; its own methods for texts fail."""
    folder = folder_of("pe_audio")
    model, tokenizer = library(folder)
    with torch.no_grad():
        outputs = [model(**tokenizer(text, return_tensors="pt"), **heard(folder, noise(2, 8000))) for text in TEXTS]
    space = opened("pe_audio")
    assert np.allclose(
        space.encode_texts(TEXTS), np.concatenate([unit(output.text_audio_embeds) for output in outputs]), atol=1e-5
    )
    assert np.allclose(space.encode_sound(noise(2, 8000), 8000), unit(outputs[0].audio_embeds), atol=1e-5)


@pytest.mark.parametrize("kind", ["pe_video", "pe_audio_video"])
def test_pe_video_equals_its_forward(kind: str, opened: Open, folder_of: Callable[[str], Path]):
    folder = folder_of(kind)
    model, tokenizer = library(folder)
    frames = np.stack([photos()[0] // part for part in (1, 2, 3, 4)])
    small = [Image.fromarray(frame).resize((32, 32), Image.Resampling.BILINEAR) for frame in frames]
    pixels = torch.stack([torch.tensor(np.array(frame)).permute(2, 0, 1) / 255 * 2 - 1 for frame in small])[None]
    sound = {} if kind == "pe_video" else heard(folder, noise(2, 8000))
    inputs = [tokenizer(text, return_tensors="pt") for text in TEXTS]
    with torch.no_grad():
        outputs = [model(**text, pixel_values_videos=pixels, **sound) for text in inputs]
        part = model if kind == "pe_video" else model.video_model
        texts = [
            unit(part.text_video_head(part.text_model(**text, output_hidden_states=True).hidden_states[-1][:, 0]))
            for text in inputs
        ]
    space = opened(kind)
    assert np.allclose(space.encode_texts(TEXTS), np.concatenate(texts), atol=1e-5)
    assert np.allclose(space.encode_clips([frames]), unit(outputs[0].video_embeds), atol=1e-5)
    if kind == "pe_audio_video":
        assert np.allclose(space.encode_sound(noise(2, 8000), 8000), unit(outputs[0].audio_embeds), atol=1e-5)
        both = space.encode_clips_with_sound([frames, frames], [noise(2, 8000), noise(1, 8000)], 8000)
        assert np.allclose(both[:1], unit(outputs[0].audio_video_embeds), atol=1e-5)
        assert np.abs(both[0] - both[1]).max() > 1e-3
        texts = np.concatenate([unit(output.text_audio_video_embeds) for output in outputs])
        assert np.allclose(space.encode_texts(TEXTS, for_both=True), texts, atol=1e-5)
        with pytest.raises(InputError, match="1 clips have 0 sounds: give each clip its sound"):
            space.encode_clips_with_sound([frames], [], 8000)


def test_clips_with_sound_are_refused_by_all_other_families(opened: Open):
    clap, mend = opened("clap"), "for clips together with their sound use a model such as facebook/pe-av-small"
    with pytest.raises(InputError, match=f"has no tower for clips with sound: .*{mend}"):
        clap.encode_clips_with_sound([clip_of()], [noise(1, 8000)], 8000)
    with pytest.raises(InputError, match=f"has no tower for clips with sound: .*{mend}"):
        clap.encode_texts(TEXTS, for_both=True)


def test_embeddinggemma_reads_everything_as_tokens(opened: Open, folder_of: Callable[[str], Path]):
    folder = folder_of("embedding_gemma2")
    model, tokenizer = library(folder)

    def mean(text: str, **inputs: Any) -> Values:
        with torch.no_grad():
            return unit(model(**tokenizer(text, return_tensors="pt"), **inputs).last_hidden_state.mean(dim=1))

    space = opened("embedding_gemma2")
    assert space.towers == {"text", "pictures", "clips", "sound"}
    for role, prefix in (("query", "task: search result | query: "), ("document", "title: none | text: ")):
        expected = np.concatenate([mean(prefix + text) for text in TEXTS])
        assert np.allclose(space.encode_texts(TEXTS, role=role), expected, atol=1e-5)
    for photo, vector in zip(photos(), space.encode_pictures(photos()), strict=True):
        inputs = prepared(folder, photo)
        [count] = inputs.pop("num_soft_tokens_per_image")
        assert np.allclose(mean(f"<boi>{'<image>' * int(count)}<eoi>", **inputs), vector, atol=1e-5)
    frames = np.stack([photos()[0] // (1 + part) for part in range(16)])
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    seen = processor(images=list(map(Image.fromarray, frames)), max_soft_tokens=70, return_tensors="pt")
    marks = "".join(f"<boi>{'<video>' * int(count)}<eoi>" for count in seen["num_soft_tokens_per_image"])
    clip = {"pixel_values_videos": seen["pixel_values"], "video_position_ids": seen["image_position_ids"]}
    expected = mean(marks, **clip, num_frames_per_video=torch.tensor([16]))
    assert np.allclose(space.encode_clips([frames]), expected, atol=1e-5)
    hearing = heard(folder, noise(2, 16_000))
    count = int(model.get_audio_features(**hearing).attention_mask.sum())
    expected = mean(f"<boa>{'<audio>' * count}<eoa>", **hearing)
    assert np.allclose(space.encode_sound(noise(2, 16_000), 16_000), expected, atol=1e-5)


def test_qwen_takes_the_last_state_of_a_chat(opened: Open, folder_of: Callable[[str], Path]):
    folder = folder_of("qwen3_vl")
    model, tokenizer = library(folder)

    def last(content: dict[str, str], pad: int = 1, **inputs: Any) -> Values:
        system = {"role": "system", "content": [{"type": "text", "text": "Represent the user's input."}]}
        chat = tokenizer.apply_chat_template(
            [system, {"role": "user", "content": [content]}], tokenize=False, add_generation_prompt=True
        )
        tokens = tokenizer(chat.replace("<image>", "<image>" * pad), return_tensors="pt")
        kinds = {"mm_token_type_ids": (tokens["input_ids"] == 6).int()} if inputs else {}
        with torch.no_grad():
            return unit(model(**tokens, **kinds, **inputs).last_hidden_state[:, -1])

    space = opened("qwen3_vl")
    texts = np.concatenate([last({"type": "text", "text": text}) for text in TEXTS])
    assert np.allclose(space.encode_texts(TEXTS), texts, atol=1e-5)
    for photo, vector in zip(photos(), space.encode_pictures(photos()), strict=True):
        inputs = prepared(folder, photo)
        count = int(inputs["image_grid_thw"].prod()) // 4
        assert np.allclose(last({"type": "image"}, count, **inputs), vector, atol=1e-5)
    assert np.allclose(space.encode_texts(TEXTS), texts, atol=1e-5), "a text does not depend on the picture before"


def clip_of(size: int = 64, frames: int = 16) -> NDArray[np.uint8]:
    """Return a clip whose frames have a size that the processor of Qwen3-VL keeps."""
    return np.random.default_rng(0).integers(0, 256, (frames, size, size, 3), np.uint8)


def in_chat(folder: Path, content: dict[str, str]) -> str:
    system = {"role": "system", "content": [{"type": "text", "text": "Represent the user's input."}]}
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer.apply_chat_template(
        [system, {"role": "user", "content": [content]}], tokenize=False, add_generation_prompt=True
    )


def test_qwen_sees_each_two_frames_of_a_clip_behind_their_time(opened: Open, folder_of: Callable[[str], Path]):
    """The layout of the patches is that of the documentation, and the times are those of a frame a second."""
    folder, clip = folder_of("qwen3_vl"), clip_of()
    model, tokenizer = library(folder)
    pixels = (torch.tensor(clip) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    # pairs, two frames, two rows of merged patches, two patches, 16 pixels, the same for columns, channels
    patches = pixels.float().reshape(8, 2, 2, 2, 16, 2, 2, 16, 3).permute(0, 2, 5, 3, 6, 8, 1, 4, 7)
    marks = "".join(f"<{2 * pair + 0.5} seconds><boi>{'<video>' * 4}<eoi>" for pair in range(8))
    tokens = tokenizer(in_chat(folder, {"type": "video"}).replace("<video>", marks), return_tensors="pt")
    with torch.no_grad():
        states = model(
            **tokens,
            mm_token_type_ids=2 * (tokens["input_ids"] == 7).int(),
            pixel_values_videos=patches.reshape(8 * 16, -1),
            video_grid_thw=torch.tensor([[8, 4, 4]]),
        )
    assert np.allclose(opened("qwen3_vl").encode_clips([clip]), unit(states.last_hidden_state[:, -1]), atol=1e-5)
    backwards = opened("qwen3_vl").encode_clips([clip[::-1]])
    assert np.abs(backwards - unit(states.last_hidden_state[:, -1])).max() > 1e-3


def test_qwen_reads_a_clip_as_the_processor_of_the_library_does(opened: Open, folder_of: Callable[[str], Path]):
    pytest.importorskip("torchvision", reason="the video processors of transformers need torchvision")
    folder, clip = folder_of("qwen3_vl"), clip_of(96)
    model, tokenizer = library(folder)
    # the marks of the tiny tokenizer
    tokenizer.image_token, tokenizer.video_token = "<image>", "<video>"
    tokenizer.vision_start_token, tokenizer.vision_end_token = "<boi>", "<eoi>"
    frames = {"patch_size": 16, "image_mean": MEAN, "image_std": STD, "cap_pixels_per_frame": True}
    processor = transformers.Qwen3VLProcessor(
        transformers.AutoImageProcessor.from_pretrained(folder, backend="pil"),
        tokenizer,
        transformers.Qwen3VLVideoProcessor(**frames, size={"shortest_edge": 4_096, "longest_edge": 7_864_320}),
    )
    inputs = processor(
        text=[in_chat(folder, {"type": "video"})],
        videos=[torch.tensor(clip).permute(0, 3, 1, 2)],
        do_sample_frames=False,
        video_metadata=[{"fps": 1.0, "total_num_frames": 16, "frames_indices": list(range(16))}],
        return_tensors="pt",
    )
    with torch.no_grad():
        expected = unit(model(**inputs).last_hidden_state[:, -1])
    assert np.allclose(opened("qwen3_vl").encode_clips([clip]), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["siglip", "siglip2", "tipsv2"])
def test_upper_case_is_lower_case_where_the_family_was_trained_so(kind: str, opened: Open):
    model = opened(kind)
    assert np.allclose(model.encode_texts(["A Red CAR"]), model.encode_texts(["a red car"]), atol=1e-6)


def test_the_first_siglip_reads_no_punctuation_and_needs_no_sentencepiece(opened: Open, tmp_path: Path):
    folder = shared_models.siglip(tmp_path / "siglip")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"tokenizer_class": "SiglipTokenizer"}))
    plain, marked = SharedSpace(model=str(folder), device="cpu").encode_texts(["a red car", "A red,  car!"])
    assert np.allclose(plain, marked, atol=1e-6)
    assert np.allclose(plain, opened("siglip").encode_texts(["a red car"])[0], atol=1e-6)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_vector_has_unit_length_and_does_not_depend_on_its_neighbours(kind: str, opened: Open):
    model = opened(kind)
    together = {"text": model.encode_texts(TEXTS)}
    alone = {"text": [model.encode_texts([text]) for text in TEXTS]}
    if "pictures" in model.towers:
        together["pictures"] = model.encode_pictures(photos())
        alone["pictures"] = [model.encode_pictures([photo]) for photo in photos()]
    if "clips" in model.towers:
        clips = [np.stack([photo] * frames) for photo, frames in zip(photos(), (1, 5, 20), strict=True)]
        together["clips"] = model.encode_clips(clips)
        alone["clips"] = [model.encode_clips([clip]) for clip in clips]
    if "sound" in model.towers:
        rate = model.family.sound_rate
        together["sound"] = model.encode_sound(noise(12, rate), rate)
        alone["sound"] = [model.encode_sound(part, rate) for part in np.split(noise(12, rate), [10 * rate])]
    assert set(together) == model.towers - {"clips with sound"} and len(together) > 1
    for tower, vectors in together.items():
        assert vectors.shape == (len(alone[tower]), model.dim) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert np.allclose(vectors, np.concatenate(alone[tower]), atol=1e-5), tower
    assert model.encode_texts([]).shape == (0, model.dim)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_long_text_is_cut_and_the_limit_says_so(kind: str, opened: Open):
    model = opened(kind)
    assert model.limit is not None
    long = "a red car " * model.limit.most
    assert model.limit.exceeded([long, "a red car"]) == [True, False]
    assert np.isfinite(model.encode_texts([long, ""])).all()
