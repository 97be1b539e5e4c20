"""Published methods by name: the settings of a run that each of them needs. A setting that a config gives counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Method:
    """A published method.

    Attributes:
        what: the publication, and what the method does.
        settings: of the run, by key of the config; None leaves out what a run has by default.
        multilingual: whether it needs captions in several languages.
        code: settings in which the released code differs, for `distillation: {preset_from: code}`.
    """

    what: str
    settings: Mapping[str, Mapping[str, Any] | None]
    code: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    multilingual: bool = False


METHODS: dict[str, Method] = {
    "teachtext": Method(
        what="Croitoru et al., ICCV 2021: several teachers, each with a text encoder of its own, and one student.",
        settings={},
    ),
    "c2kd": Method(
        what="Rouditchenko et al., ICASSP 2023: teachers that read English teach one student of every language.",
        settings={
            "dataset": {"language": "all"},
            "training": {"loss": "info_nce", "initial_temperature": 0.1},
            "distillation": {"preset": "c2kd"},
        },
        multilingual=True,
    ),
    "dcd": Method(
        what="Rao et al., IEEE TMM 2023: a teacher mines the pairs that the student sees, and is trusted where it is "
        "sure. Entropies are divided by the highest that is possible, so that weights do not depend on the batch.",
        settings={
            "distillation": {
                "preset": "dcd",
                "ranking_pairs": "top",
                "samples": "entropy",
                "ranking_samples": "entropy",
            }
        },
    ),
    "teachclip": Method(
        what="Tian et al., CVPR 2024: the student weighs the rows of a video, and learns scores and weights of rows "
        "from teachers. Softmaxes have the temperature of the ranking loss, as there.",
        settings={
            "model": {"kind": "pooled", "frame_weights": True},
            "training": {"loss": "info_nce", "initial_temperature": 0.1},
            "distillation": {"preset": "teachclip", "temperature": 0.1, "frame_weight": 1.0},
        },
        code={"distillation": {"frame_weight": 2.0, "frame_reduction": "mean"}},
    ),
    "gqe": Method(
        what="Generalized query expansion (arXiv 2408.07249, ICLR 2025), its side of training: captions of the events "
        "of a video, on which the student is pre-trained.",
        settings={"distillation": None},
    ),
    "omni": Method(
        what="OmniRetriever (arXiv 2605.26641, 2026), on features: one space for text, video, sound and their pairs, "
        "in which the fusion of all teaches each.",
        settings={
            "model": {"kind": "omni"},
            "training": {"loss": "info_nce", "learn_temperature": False},
            "distillation": None,
            "any_to_any": {},
        },
    ),
}


def completed_by_method(run: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the settings of a run with those of its method; an unknown method is left for validation.

    >>> completed_by_method({"method": "c2kd", "distillation": {"pool": "mean"}})["distillation"]
    {'preset': 'c2kd', 'pool': 'mean'}
    """
    name = run.get("method")
    method = METHODS.get(name) if isinstance(name, str) else None
    completed = {**run}
    distillation = run.get("distillation")
    from_code = isinstance(distillation, Mapping) and distillation.get("preset_from") == "code"
    for key, settings in (method.settings if method else {}).items():
        given = run.get(key, {})
        if settings is None:
            completed.setdefault(key, None)
        elif isinstance(given, Mapping):
            completed[key] = {**settings, **(method.code.get(key, {}) if method and from_code else {}), **given}
    return completed
