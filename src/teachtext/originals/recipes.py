"""Complete configs by dataset and model: with the authors' hyper-parameters, or on a model like CLIP.

TeachText-CE, TeachText-MoEE and TeachText-MMT have no recipes, because no public source states their teachers.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from teachtext.errors import InputError
from teachtext.originals.clip_recipes import CLIP_RECIPES, MODEL

_COMMON = ("imagenet.resnext101_32x48d.0", "imagenet.senet154.0", "r2p1d.r2p1d-ig65m.0", "scene.densenet161.0")
_FIRST = (*_COMMON, "i3d.i3d.0")
_REFINED = (*_COMMON, "r2p1d.r2p1d-ig65m-kinetics.0")
_RADAM = {"optimizer": "radam", "lr": 0.001, "weight_decay": 0.00001}
# the authors' settings for 1k-A and 1k-B are those of the full split, except for the lists
_ON_1K_B = {"text": "w2v", "face": "antoine-face"}
_LIKE_MSRVTT = ("msrvtt-1k-a", "msrvtt-1k-b")


def recipe_names() -> list[str]:
    """Return the names of all recipes, `<dataset>/<model>`."""
    datasets = (*_settings(), *_LIKE_MSRVTT)
    return [f"{dataset}/{model}" for dataset in datasets for model in (*_models_of(dataset), *CLIP_RECIPES)]


def recipe(name: str, *, data: str, model: str = MODEL) -> str:
    """Return a recipe as the YAML of a complete config.

    Args:
        name: `<dataset>/<model>`, one of `recipe_names`.
        data: folder of the imported archive, as the config names it; for a recipe on a model like CLIP, folder of the
            videos and captions.
        model: spec of the model like CLIP.

    Raises:
        InputError: there is no recipe of this name.

    >>> print(recipe("msvd/ce", data="MSVD").splitlines()[0])
    # Collaborative Experts: the authors' settings.
    """
    dataset, _, kind = name.partition("/")
    if name not in recipe_names():
        raise InputError(f"recipe '{name}' is unknown", f"use one of {', '.join(recipe_names())}")
    base: dict[str, Any] = {
        "name": f"{dataset}-{kind}".replace("+", "-plus").replace("*", "-star"),
        "dataset": {"path": data, "benchmark": dataset},
        "seeds": [0, 1, 2],
    }
    if kind in CLIP_RECIPES:
        title, on_clip = CLIP_RECIPES[kind]
        return f"# {title}.\n" + yaml.safe_dump(base | on_clip(dataset, model), sort_keys=False)
    title, build = _models_of(dataset)[kind]
    base["dataset"] |= {"features": f"{data}/features", "missing_videos": "keep"}
    config = base | build(_settings()["msrvtt" if dataset in _LIKE_MSRVTT else dataset])
    return f"# {title}: the authors' settings.\n" + yaml.safe_dump(config, sort_keys=False)


@cache
def _settings() -> Mapping[str, Any]:
    settings: Mapping[str, Any] = yaml.safe_load(files(__package__).joinpath("recipes.yaml").read_text("utf-8"))
    return settings


def _models_of(dataset: str) -> dict[str, tuple[str, Callable[[Any], dict[str, Any]]]]:
    if dataset == "msrvtt-1k-b":
        return {
            "ce": ("CE on 1k-B, word2vec captions", lambda base: _baseline("ce", base | _ON_1K_B)),
            "moee*": ("MoEE with the four experts of its paper", _moee_with_its_features),
        }
    return {
        "ce": ("Collaborative Experts", lambda base: _baseline("ce", base)),
        "moee": (
            "Mixture of Embedding Experts",
            lambda base: _baseline("moee", _merge(base, base.get("moee", {}))),
        ),
        "ce+": ("CE+, refined experts and captions by a fine-tuned GPT2-xl", _ce_plus),
        "teachtext-ce+": ("TeachText with three CE teachers (their optimizer, Ranger, is inferred)", _teachtext),
    }


def _baseline(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "experts": _experts((*_FIRST, settings.get("face", "face")), settings["sequences"]),
        "teachers": [],
        "student": {"text": settings["text"]},
        "model": _model(kind, settings),
        "training": {**settings["training"], "lr_decay": 0.95, "optimizer": "ranger", **settings["ranger"]},
    }


def _moee_with_its_features(settings: dict[str, Any]) -> dict[str, Any]:
    sequences = {"antoine-audio": settings["sequences"]["audio"]}
    experts = _experts(("antoine-face", "antoine-rgb", "flow"), sequences)
    return _baseline("moee", settings | _ON_1K_B) | {"experts": experts}


def _ce_plus(settings: dict[str, Any]) -> dict[str, Any]:
    sequences = {name: values for name, values in settings["sequences"].items() if name != "ocr"}
    return {
        "experts": _experts(_REFINED, sequences),
        "teachers": [],
        "student": {"text": "gpt2-xl-finetune"},
        "model": _model("ce", settings),
        "training": {**settings["training"], "lr_decay": 0.95, **_RADAM},
    }


def _teachtext(settings: dict[str, Any]) -> dict[str, Any]:
    ranger = {"optimizer": "ranger"} | settings["ranger"]
    texts = ("w2v", "gpt2-xl", "gpt2-xl-finetune")
    return _ce_plus(settings) | {
        "teachers": [{"text": text, "training": dict(ranger)} for text in texts],
        "distillation": {"preset": "teachtext"},
    }


def _model(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    # each expert of MoEE has its own width
    shared_dim = None if kind == "moee" else 768
    return {"kind": kind, "faithful": True, "shared_dim": shared_dim, "ghost_clusters": 0, **settings["model"]}


def _experts(pooled: tuple[str, ...], sequences: Mapping[str, Any]) -> list[Any]:
    rows = [{"name": name, "pool": False} | values for name, values in sequences.items()]
    return sorted([*pooled, *rows], key=lambda expert: expert if isinstance(expert, str) else str(expert["name"]))


def _merge(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**settings, **{name: settings[name] | change for name, change in changes.items()}}
