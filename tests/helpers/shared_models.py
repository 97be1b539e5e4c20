"""Tiny shared-space models with random weights, a folder a family, as transformers itself saves them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

WORDS = ["a", "dog", "cat", "runs", "sleeps", "the", "red", "green", "blue", "ball", "car", "of", "photo", "quickly"]
SPECIAL = ["<pad>", "<unk>", "<bos>", "<eos>", "<boi>", "<eoi>", "<image>", "<video>", "<boa>", "<eoa>", "<audio>"]
VOCABULARY = [*SPECIAL, *WORDS]
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TOKENS = 16
IDS = {"vocab_size": len(VOCABULARY), "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
TEXT = {**IDS, "max_position_embeddings": TOKENS, **TINY}
PICTURE = {"image_size": 32, "patch_size": 16, **TINY}
SQUARE = {"size": {"height": 32, "width": 32}}
CROPPED = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}


def save_tokenizer(folder: Path, *, ends: bool = True, lower: bool = False, **options: Any) -> None:
    """Save a tokenizer of whole words; `ends` puts a special token at the beginning and at the end."""
    raw = Tokenizer(models.WordLevel({word: number for number, word in enumerate(VOCABULARY)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.add_special_tokens(SPECIAL)
    if lower:
        raw.normalizer = normalizers.Lowercase()
    if ends:
        raw.post_processor = processors.TemplateProcessing(
            single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 3)]
        )
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<bos>", "eos_token": "<eos>"}
    PreTrainedTokenizerFast(tokenizer_object=raw, **names, **options).save_pretrained(folder)


def random_weights(model: torch.nn.Module) -> Any:
    """Give a model weights that are large enough for its inputs to matter, the same in every call."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            # scales of norms stay near 1; a vector that transformers draws is drawn anew
            near_its_value = bool((parameter == parameter.flatten()[0]).all())
            parameter.copy_(parameter + 0.1 * noise if near_its_value else 0.3 * noise)
    return model.eval()


def save(folder: Path, model: torch.nn.Module, *processors: Any) -> Path:
    """Save a model, with its processors."""
    folder.mkdir(parents=True, exist_ok=True)
    random_weights(model).save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return folder


def pictures(name: str, **settings: Any) -> Any:
    """Return a picture processor that needs no torchvision."""
    return getattr(transformers, f"{name}Pil")(**settings)


def clip(folder: Path) -> Path:
    save_tokenizer(folder)
    config = transformers.CLIPConfig(text_config=TEXT, vision_config=PICTURE, projection_dim=12)
    return save(folder, transformers.CLIPModel(config), pictures("CLIPImageProcessor", **CROPPED))


def metaclip_2(folder: Path) -> Path:
    save_tokenizer(folder)
    config = transformers.MetaClip2Config(text_config=TEXT, vision_config=PICTURE, projection_dim=12)
    return save(folder, transformers.MetaClip2Model(config), pictures("CLIPImageProcessor", **CROPPED))


def chinese_clip(folder: Path) -> Path:
    save_tokenizer(folder)
    config = transformers.ChineseCLIPConfig(text_config=TEXT, vision_config=PICTURE, projection_dim=12)
    return save(
        folder,
        transformers.ChineseCLIPModel(config),
        pictures("ChineseCLIPImageProcessor", **SQUARE, crop_size=SQUARE["size"]),
    )


def altclip(folder: Path) -> Path:
    save_tokenizer(folder)
    config = transformers.AltCLIPConfig(
        text_config=TEXT | {"project_dim": 16}, vision_config=PICTURE, projection_dim=12
    )
    return save(folder, transformers.AltCLIPModel(config), pictures("CLIPImageProcessor", **CROPPED))


def align(folder: Path) -> Path:
    save_tokenizer(folder)
    picture = {
        "image_size": 32, "width_coefficient": 0.25, "depth_coefficient": 0.1, "hidden_dim": 8,
        "kernel_sizes": [3], "in_channels": [32], "out_channels": [16], "strides": [2], "num_block_repeats": [1],
        "expand_ratios": [1],
    }  # fmt: skip
    config = transformers.AlignConfig(text_config=TEXT, vision_config=picture, projection_dim=8)
    return save(folder, transformers.AlignModel(config), pictures("EfficientNetImageProcessor", **SQUARE))


def aimv2(folder: Path) -> Path:
    save_tokenizer(folder)
    text = TEXT | {"pad_token_id": 0}
    config = transformers.Aimv2Config(text_config=text, vision_config=PICTURE, projection_dim=12)
    return save(folder, transformers.Aimv2Model(config), pictures("CLIPImageProcessor", **CROPPED))


def siglip(folder: Path) -> Path:
    save_tokenizer(folder)
    config = transformers.SiglipConfig(text_config=TEXT, vision_config=PICTURE)
    return save(folder, transformers.SiglipModel(config), pictures("SiglipImageProcessor", **SQUARE))


def siglip2(folder: Path) -> Path:
    """Save a tiny NaFlex model."""
    save_tokenizer(folder)
    picture = {**TINY, "patch_size": 8, "num_patches": 16}
    config = transformers.Siglip2Config(text_config=TEXT, vision_config=picture)
    prepare = pictures("Siglip2ImageProcessor", patch_size=8, max_num_patches=16)
    return save(folder, transformers.Siglip2Model(config), prepare)


def xclip(folder: Path) -> Path:
    save_tokenizer(folder)
    picture = {**PICTURE, "num_frames": 4, "mit_hidden_size": 16, "mit_intermediate_size": 32}
    picture |= {"mit_num_hidden_layers": 1, "mit_num_attention_heads": 2}
    config = transformers.XCLIPConfig(
        text_config=TEXT, vision_config=picture, projection_dim=16, prompt_layers=1, prompt_num_attention_heads=2
    )
    return save(folder, transformers.XCLIPModel(config), pictures("CLIPImageProcessor", **CROPPED))


def videoprism(folder: Path) -> Path:
    save_tokenizer(folder, ends=False)
    picture = {"image_size": 32, "num_frames": 4, "tubelet_size": [1, 16, 16], "num_spatial_layers": 1}
    picture |= {"num_temporal_layers": 1, "num_auxiliary_layers": 1, "hidden_size": 16, "num_attention_heads": 2}
    config = transformers.VideoPrismConfig(text_config=TEXT, vision_config=picture | {"intermediate_size": 32})
    save(folder, transformers.VideoPrismClipModel(config))
    processor = {"size": {"height": 32, "width": 32}, "do_resize": True, "do_rescale": True, "do_normalize": False}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def clap(folder: Path) -> Path:
    save_tokenizer(folder)
    sound = transformers.ClapAudioConfig(
        patch_embeds_hidden_size=8, hidden_size=16, depths=[1, 1], num_attention_heads=[2, 2], spec_size=256,
        num_mel_bins=64, patch_size=4, window_size=8, num_hidden_layers=2, projection_dim=12,
    )  # fmt: skip
    text = transformers.ClapTextConfig(**TEXT, projection_dim=12)
    config = transformers.ClapConfig(text_config=text.to_dict(), audio_config=sound.to_dict(), projection_dim=12)
    prepare = transformers.ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    return save(folder, transformers.ClapModel(config), prepare)


def blip(folder: Path) -> Path:
    save_tokenizer(folder)
    config = transformers.BlipConfig(
        text_config=TEXT | {"encoder_hidden_size": 16, "sep_token_id": 3},
        vision_config=PICTURE,
        image_text_hidden_size=12,
    )
    return save(folder, transformers.BlipForImageTextRetrieval(config), pictures("BlipImageProcessor", **SQUARE))


def tipsv2(folder: Path) -> Path:
    save_tokenizer(folder, ends=False, lower=True)
    picture = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32, "patch_size": 16}
    config = transformers.Tipsv2Config(text_config=TEXT, vision_config=picture)
    save(folder, transformers.Tipsv2Model(config))
    processor = {"size": {"height": 32, "width": 32}, "do_resize": True, "do_rescale": True, "do_normalize": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor | {"resample": 2}))
    return folder


PE_TEXT = {"model_type": "modernbert", **TEXT, "cls_token_id": 2, "sep_token_id": 3}
PE_LAYERS = {**TINY, "num_key_value_heads": 2, "head_dim": 8}
PE_CLIPS = {
    "vision_config": {
        "architecture": "vit_tiny_patch16_224", "num_classes": 12, "do_pooling": True,
        "model_args": {"img_size": 32, "depth": 1, "embed_dim": 16, "num_heads": 2},
    }
}  # fmt: skip
PE_SOUND = {
    "dac_config": {
        "model_type": "dac", "downsampling_ratios": [2, 4], "encoder_hidden_size": 8, "codebook_dim": 8,
        "hidden_size": 32, "sampling_rate": 8000,
    }
}  # fmt: skip


def save_pe(folder: Path, model: torch.nn.Module) -> Path:
    """Save a model of PE-AV, with a processor of four frames and of sound."""
    save_tokenizer(folder)
    save(folder, model, transformers.PeAudioFeatureExtractor(sampling_rate=8000, hop_length=8))
    size = {"size": {"height": 32, "width": 32}, "do_resize": True, "resample": 2}
    scaled = {"do_rescale": True, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(size | scaled | {"num_frames": 4}))
    return folder


def pe_video(folder: Path) -> Path:
    """Save a tiny model; its picture network is one of timm."""
    config = transformers.PeVideoConfig(text_config=PE_TEXT, video_config=PE_LAYERS | PE_CLIPS)
    return save_pe(folder, transformers.PeVideoModel(config))


def pe_audio(folder: Path) -> Path:
    config = transformers.PeAudioConfig(text_config=PE_TEXT, audio_config=PE_LAYERS | PE_SOUND)
    return save_pe(folder, transformers.PeAudioModel(config))


def pe_audio_video(folder: Path) -> Path:
    both = {
        "audio_config": {"model_type": "pe_audio_encoder", **PE_LAYERS, **PE_SOUND},
        "video_config": {"model_type": "pe_video_encoder", **PE_LAYERS, **PE_CLIPS},
    }
    config = transformers.PeAudioVideoConfig(text_config=PE_TEXT, audio_video_config=PE_LAYERS | both)
    return save_pe(folder, transformers.PeAudioVideoModel(config))


MARKS = {"boi": 4, "eoi": 5, "image": 6, "video": 7, "boa": 8, "audio": 10}
CHAT = (
    "{% for message in messages %}<bos> {{ message.role }} {% for part in message.content %}"
    "{% if part.type in ('image', 'video') %}<boi><{{ part.type }}><eoi>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %} <eos> {% endfor %}"
    "{% if add_generation_prompt %}<bos> a {% endif %}"
)


def embedding_gemma2(folder: Path) -> Path:
    save_tokenizer(folder)
    heads = {"num_key_value_heads": 2, "head_dim": 8}
    layers = ["sliding_attention", "full_attention"]
    text = {**TINY, **heads, **IDS, "hidden_size_per_layer_input": 8, "embedding_dim": 12, "layer_types": layers}
    text |= {"global_head_dim": 8, "num_global_key_value_heads": 1, "max_position_embeddings": 512}
    picture = {"model_type": "gemma4_vision", **TINY, **heads, "patch_size": 8, "position_embedding_size": 256}
    sound = {"model_type": "gemma4_audio", **TINY, "subsampling_conv_channels": [128, 4], "output_proj_dims": 16}
    config = transformers.EmbeddingGemma2Config(
        text_config=text,
        vision_config=picture,
        audio_config=sound,
        eoa_token_index=9,
        **{f"{name}_token_id": number for name, number in MARKS.items()},
    )
    prepare = pictures("Gemma4ImageProcessor", patch_size=8, max_soft_tokens=70)
    hearing = transformers.Gemma4AudioFeatureExtractor()
    save(folder, transformers.EmbeddingGemma2Model(config), prepare)
    # the two processors have one file name: in a published folder both are parts of one file
    parts = {"image_processor": prepare.to_dict(), "feature_extractor": hearing.to_dict()}
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").write_text(json.dumps(parts, default=str))
    return folder


def qwen3_vl(folder: Path) -> Path:
    save_tokenizer(folder, ends=False, chat_template=CHAT)
    text = {**TINY, **IDS, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 2048}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    picture = {"depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16}
    picture |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}
    marks = {"image_token_id": 6, "video_token_id": 7, "vision_start_token_id": 4, "vision_end_token_id": 5}
    config = transformers.Qwen3VLConfig(text_config=text, vision_config=picture, **marks)
    return save(folder, transformers.Qwen3VLModel(config), pictures("Qwen2VLImageProcessor", patch_size=16))


BUILDERS: Mapping[str, Callable[[Path], Path]] = {
    "aimv2": aimv2,
    "align": align,
    "altclip": altclip,
    "blip": blip,
    "chinese_clip": chinese_clip,
    "clap": clap,
    "clip": clip,
    "embedding_gemma2": embedding_gemma2,
    "metaclip_2": metaclip_2,
    "pe_audio": pe_audio,
    "pe_audio_video": pe_audio_video,
    "pe_video": pe_video,
    "qwen3_vl": qwen3_vl,
    "siglip": siglip,
    "siglip2": siglip2,
    "tipsv2": tipsv2,
    "videoprism": videoprism,
    "xclip": xclip,
}
"""By `model_type`: a function that saves a tiny model into a folder, and returns the folder."""
