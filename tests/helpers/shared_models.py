"""Tiny shared-space models with random weights, a folder a family, as transformers itself saves them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

WORDS = ["a", "dog", "cat", "runs", "sleeps", "the", "red", "green", "blue", "ball", "car", "of", "photo", "quickly"]
SPECIAL = ["<pad>", "<unk>", "<bos>", "<eos>"]
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
            # scales of norms stay near 1
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * noise if parameter.dim() > 1 else parameter + 0.1 * noise)
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


BUILDERS: Mapping[str, Callable[[Path], Path]] = {
    "align": align,
    "altclip": altclip,
    "chinese_clip": chinese_clip,
    "clip": clip,
    "metaclip_2": metaclip_2,
}
"""By `model_type`: a function that saves a tiny model into a folder, and returns the folder."""
