"""Whole configs with the authors' hyper-parameters, by dataset and model.

What no public source tells has no recipe: the teachers of TeachText-CE, TeachText-MoEE and TeachText-MMT.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from teachtext.errors import InputError

_COMMON = ("imagenet.resnext101_32x48d.0", "imagenet.senet154.0", "r2p1d.r2p1d-ig65m.0", "scene.densenet161.0")
_FIRST = (*_COMMON, "i3d.i3d.0")
_REFINED = (*_COMMON, "r2p1d.r2p1d-ig65m-kinetics.0")
_RADAM = {"optimizer": "radam", "lr": 0.001, "weight_decay": 0.00001}
# the authors' 1k-A and 1k-B settings are those of the full split, but for the lists
_ON_1K_B = {"text": "w2v", "face": "antoine-face"}
_LIKE_MSRVTT = ("msrvtt-1k-a", "msrvtt-1k-b")


def recipe_names() -> list[str]:
    """Return the names of all recipes, `<dataset>/<model>`."""
    return [f"{dataset}/{model}" for dataset in (*_settings(), *_LIKE_MSRVTT) for model in _models_of(dataset)]


def recipe(name: str, *, data: str) -> str:
    """Return a recipe as the YAML of a whole config.

    Args:
        name: `<dataset>/<model>`, one of `recipe_names`.
        data: folder of the imported archive, as the config shall name it.

    Raises:
        InputError: there is no such recipe.
    """
    dataset, _, model = name.partition("/")
    if name not in recipe_names():
        raise InputError(f"recipe '{name}' is unknown", f"use one of {', '.join(recipe_names())}")
    title, build = _models_of(dataset)[model]
    base = {
        "name": f"{dataset}-{model}".replace("+", "-plus").replace("*", "-star"),
        "dataset": {"path": data, "features": f"{data}/features", "benchmark": dataset, "missing_videos": "keep"},
        "seeds": [0, 1, 2],
    }
    config = base | build(_settings()["msrvtt" if dataset in _LIKE_MSRVTT else dataset])
    return f"# {title}: the authors' settings.\n" + yaml.safe_dump(config, sort_keys=False)


@cache
def _settings() -> Mapping[str, Any]:
    settings: Mapping[str, Any] = yaml.safe_load(files(__package__).joinpath("recipes.yaml").read_text("utf-8"))
    return settings


def _models_of(dataset: str) -> dict[str, tuple[str, Callable[[Any], dict[str, Any]]]]:
    if dataset == "msrvtt-1k-b":
        return {
            "ce": ("CE on 1k-B, word2vec captions", lambda own: _baseline("ce", own | _ON_1K_B)),
            "moee*": ("MoEE with its own four experts", _moee_with_its_features),
        }
    return {
        "ce": ("Collaborative Experts", lambda own: _baseline("ce", own)),
        "moee": ("Mixture of Embedding Experts", lambda own: _baseline("moee", _merge(own, own.get("moee", {})))),
        "ce+": ("CE+, refined experts and captions by a fine-tuned GPT2-xl", _ce_plus),
        "teachtext-ce+": ("TeachText with three CE teachers (that Ranger trained them is inferred)", _teachtext),
    }


def _baseline(kind: str, own: dict[str, Any]) -> dict[str, Any]:
    return {
        "experts": _experts((*_FIRST, own.get("face", "face")), own["sequences"]),
        "teachers": [],
        "student": {"text": own["text"]},
        "model": _model(kind, own),
        "training": {**own["training"], "lr_decay": 0.95, "optimizer": "ranger", **own["ranger"]},
    }


def _moee_with_its_features(own: dict[str, Any]) -> dict[str, Any]:
    sequences = {"antoine-audio": own["sequences"]["audio"]}
    experts = _experts(("antoine-face", "antoine-rgb", "flow"), sequences)
    return _baseline("moee", own | _ON_1K_B) | {"experts": experts}


def _ce_plus(own: dict[str, Any]) -> dict[str, Any]:
    sequences = {name: settings for name, settings in own["sequences"].items() if name != "ocr"}
    return {
        "experts": _experts(_REFINED, sequences),
        "teachers": [],
        "student": {"text": "gpt2-xl-finetune"},
        "model": _model("ce", own),
        "training": {**own["training"], "lr_decay": 0.95, **_RADAM},
    }


def _teachtext(own: dict[str, Any]) -> dict[str, Any]:
    ranger = {"optimizer": "ranger"} | own["ranger"]
    texts = ("w2v", "gpt2-xl", "gpt2-xl-finetune")
    return _ce_plus(own) | {
        "teachers": [{"text": text, "training": dict(ranger)} for text in texts],
        "distillation": {"preset": "teachtext"},
    }


def _model(kind: str, own: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "faithful": True, "shared_dim": 768, "ghost_clusters": 0, **own["model"]}


def _experts(pooled: tuple[str, ...], sequences: Mapping[str, Any]) -> list[Any]:
    rows = [{"name": name, "pool": False} | settings for name, settings in sequences.items()]
    return sorted([*pooled, *rows], key=lambda expert: expert if isinstance(expert, str) else str(expert["name"]))


def _merge(own: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**own, **{name: own[name] | change for name, change in changes.items()}}
