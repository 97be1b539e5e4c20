"""Families of shared-space models by the `model_type` of their config, and models that are refused, with a neighbour.

A new family is a class and a line in `FAMILIES`. The contract test then runs over the family by itself.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teachtext.errors import InputError
from teachtext.files import read_json

if TYPE_CHECKING:
    # needs torch, which a look at the names does not
    from teachtext.encoders.shared_space.family import Family

_HERE = "teachtext.encoders.shared_space"

FAMILIES: Mapping[str, str] = {
    "aimv2": f"{_HERE}.clip:AIMv2",
    "align": f"{_HERE}.clip:ALIGN",
    "altclip": f"{_HERE}.clip:AltCLIP",
    "blip": f"{_HERE}.blip:BLIP",
    "chinese_clip": f"{_HERE}.clip:ChineseCLIP",
    "clap": f"{_HERE}.clap:CLAP",
    "clip": f"{_HERE}.clip:CLIP",
    "embedding_gemma2": f"{_HERE}.embedding_gemma2:EmbeddingGemma2",
    "metaclip_2": f"{_HERE}.clip:CLIP",
    "pe_audio": f"{_HERE}.pe_av:PEAudio",
    "pe_audio_video": f"{_HERE}.pe_av:PEAudioVideo",
    "pe_video": f"{_HERE}.pe_av:PEVideo",
    "qwen3_vl": f"{_HERE}.qwen3_vl:Qwen3VL",
    "siglip": f"{_HERE}.siglip:SigLIP",
    "siglip2": f"{_HERE}.siglip:SigLIP",
    "tipsv2": f"{_HERE}.tipsv2:TIPSv2",
    "videoprism": f"{_HERE}.videoprism:VideoPrism",
    "xclip": f"{_HERE}.xclip:XCLIP",
}
"""`module:Class` by `model_type`."""

# of sentence-transformers
_MODULES = ("Pooling", "Normalize")
_PICTURES = "google/siglip2-base-patch16-224"
_CLIPS = "microsoft/xclip-base-patch32"
_ALL = "google/embeddinggemma-2"
# parts of names of models whose code comes with the checkpoint, and a neighbour that needs none
_WITH_CODE: Mapping[str, str] = {
    "jina-clip": _PICTURES,
    "jina-embeddings-v4": _ALL,
    "jina-embeddings-v5": _ALL,
    "languagebind": _CLIPS,
    "imagebind": _ALL,
    "gme": _ALL,
    "internvideo2": _CLIPS,
    "videoclip-xl": _CLIPS,
    "cosmos-embed": _CLIPS,
    "e5-omni": _ALL,
    "omnivinci": _ALL,
    "omniretriever": _ALL,
    "omni-embed": _ALL,
}
# models that open_clip reads and transformers does not
_OF_OPEN_CLIP = ("pe-core", "mobileclip")


def network_folder(folder: Path) -> Path:
    """Return the folder of a model's network: the folder itself, or a folder in a sentence-transformers model.

    A model that sentence-transformers saved is read as its network where the other modules do no more than its family
    does anyway: pooling and unit length.

    Raises:
        InputError: it has other modules.
    """
    path = folder / "modules.json"
    modules = read_json(path) if path.is_file() else []
    if not modules:
        return folder
    for module in modules[1:]:
        if (kind := str(module.get("type", "")).rpartition(".")[2]) not in _MODULES:
            raise InputError(f"{folder} has a module '{kind}' behind its towers", "give a model without that module")
    inner = (folder / str(modules[0].get("path", ""))).resolve()
    if not inner.is_relative_to(folder.resolve()):
        raise InputError(f"{path} names a module outside its folder", "give the folder as its authors published it")
    return inner


def check_family(model: str, folder: Path) -> None:
    """Refuse a model that is of no family here, without importing torch.

    Args:
        model: as the user gave it.
        folder: of the model.

    Raises:
        InputError: it is of no family; names what would work instead.
    """
    network = network_folder(folder)
    if str(_config(network).get("model_type")) not in FAMILIES:
        raise not_shared(model, network)


def family_of(folder: Path) -> "type[Family] | None":
    """Return the family of the network in a folder; None if it is of no family with a shared space."""
    target = FAMILIES.get(str(_config(folder).get("model_type")))
    if target is None:
        return None
    module, name = target.split(":")
    family: type[Family] = getattr(importlib.import_module(module), name)
    return family


def not_shared(model: str, folder: Path) -> InputError:
    """Return the error of a model that is of no family here, in one sentence that names what would work instead."""
    config = _config(folder)
    names = f"{model} {config.get('model_type', '')} {' '.join(config.get('architectures') or [])}".lower()
    squeezed = names.replace("_", "-")
    for part, neighbour in _WITH_CODE.items():
        if part in squeezed:
            return InputError(
                f"{model} runs code that comes with it, which is never run here", f"use {neighbour} instead"
            )
    if any(part in squeezed for part in _OF_OPEN_CLIP):
        return of_open_clip(model)
    if "auto_map" in config:
        return InputError(f"{model} runs code that comes with it, which is never run here", f"use {_ALL} instead")
    kind = config.get("model_type") or "no model_type"
    return InputError(
        f"{model} ({kind}) has no space for text and pictures that is supported here",
        f"give a model of one of these kinds: {', '.join(sorted(FAMILIES))}",
    )


def of_open_clip(model: str) -> InputError:
    """Return the error of a model that only open_clip reads."""
    return InputError(f"{model} is a model of open_clip, which is not read here", f"use hf:{_PICTURES}")


def _config(folder: Path) -> Mapping[str, Any]:
    path = folder / "config.json"
    config = read_json(path) if path.is_file() else {}
    return config if isinstance(config, dict) else {}
