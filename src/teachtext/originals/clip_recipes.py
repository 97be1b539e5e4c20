"""Complete configs on the two sides of a model like CLIP, for the protocols of the published benchmarks.

They start from frozen features, so that a laptop is enough. CLIP4Clip (Luo et al., 2021) trains CLIP itself.
"""

from collections.abc import Callable
from typing import Any

MODEL = "hf:openai/clip-vit-base-patch32"
"""The model of CLIP4Clip."""

# of the paper: frames of a clip, and of a video of minutes that a paragraph describes
_FRAMES, _FRAMES_OF_MINUTES = 12, 64
_OF_MINUTES = ("activitynet", "didemo")
_TRAINING = {
    "batch_size": 128,
    "loss": "info_nce",
    "initial_temperature": 0.01,
    "learn_temperature": True,
    "lr": 0.0001,
    "epochs": 5,
}
_ALIGNED = {"kind": "pooled", "identity_start": True}

Recipe = Callable[[str, str], dict[str, Any]]


def meanp(dataset: str, model: str) -> dict[str, Any]:
    """Return CLIP4Clip's mean pooling: the mean of the frames against the sentence, from CLIP's own similarity on."""
    return {
        "experts": _experts(dataset, model),
        "teachers": [],
        "student": {"text": f"{model}#shared"},
        "model": dict(_ALIGNED),
        "training": dict(_TRAINING),
    }


def from_clip(dataset: str, model: str) -> dict[str, Any]:
    """Return a student with a small text encoder that learns from `meanp` by TeachText's distillation."""
    teacher = {"text": f"{model}#shared", "model": dict(_ALIGNED), "training": dict(_TRAINING)}
    return {
        "experts": _experts(dataset, model),
        "teachers": [teacher],
        "student": {"text": "minilm"},
        "model": {"kind": "pooled"},
    }


def mmt(dataset: str, model: str) -> dict[str, Any]:
    """Return a multi-modal transformer on the frames in their order, with the project's own settings of training.

    It starts from random weights, so it forgets that both sides are aligned: `meanp` does not.
    """
    return {
        "experts": [{**expert, "pool": False} for expert in _experts(dataset, model)],
        "teachers": [],
        "student": {"text": f"{model}#shared"},
        "model": {"kind": "mmt"},
    }


CLIP_RECIPES: dict[str, tuple[str, Recipe]] = {
    "clip4clip-meanp": ("After CLIP4Clip's mean pooling, on frozen features", meanp),
    "mmt-on-clip": ("A multi-modal transformer on the frames of a model like CLIP, of no paper", mmt),
    "teachtext-from-clip": ("A student with a small text encoder, taught by a model like CLIP", from_clip),
}


def _experts(dataset: str, model: str) -> list[dict[str, Any]]:
    frames = _FRAMES_OF_MINUTES if dataset in _OF_MINUTES else _FRAMES
    return [{"name": model, "settings": {"most": frames}}]
