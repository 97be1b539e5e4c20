"""Two sets of defaults: those that won here, which stand beside each setting, and those of the authors.

`docs/methods/recipe.md` has the measurements behind the first set.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any

# the defaults of version 0.1.0, which follow the authors' paper and code
AUTHORS_MODEL: Mapping[str, Any] = {
    "kind": "ce",
    "shared_dim": 768,
    "standardise": None,
    "feature_dropout": 0.0,
    "class_names": False,
}
AUTHORS_MMT: Mapping[str, Any] = {"layers": 4, "feedforward": 3072}
AUTHORS_TRAINING: Mapping[str, Any] = {
    "epochs": 50,
    "batch_size": 64,
    "lr": 1e-3,
    "lr_decay": 0.95,
    "loss": "max_margin",
    "initial_temperature": 0.07,
    "learn_temperature": True,
    "keep": "best",
}
AUTHORS_DISTILLATION: Mapping[str, Any] = {"preset": "teachtext"}

# of the teachers, where a config gives none: how strongly they pull, as a multiple of the ranking loss's pull
TUNED_WEIGHT: Mapping[str, Any] = {"weight": 1.0, "weight_unit": "gradient"}
_INSTEAD = {"epochs": "steps", "steps": "epochs", "lr_decay": "last_lr", "last_lr": "lr_decay"}
# batches of a training, and the fewest and most epochs that they may become
_STEPS, _FEWEST_EPOCHS, _MOST_EPOCHS = 600, 30, 100


def default_epochs(videos: int, batch_size: int) -> int:
    """Return the number of epochs for a number of training videos: 600 batches, but 30 to 100 epochs.

    >>> [default_epochs(videos, 32) for videos in (3, 300, 9000)]
    [100, 60, 30]
    """
    batches = max(1, ceil(videos / batch_size))
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, ceil(_STEPS / batches)))


def model_of_authors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a model, completed by the authors' defaults.

    >>> model_of_authors({"kind": "moee"})["shared_dim"] is None
    True
    """
    completed = {**AUTHORS_MODEL, **values}
    if completed["kind"] == "mmt":
        completed = {**AUTHORS_MMT, **completed}
    if "shared_dim" not in values:
        if completed["kind"] == "moee":
            completed["shared_dim"] = None
        elif completed["kind"] == "concat":
            # a setting that it does not have
            del completed["shared_dim"]
    return completed


def training_of_authors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a training, completed by the authors' defaults.

    >>> training_of_authors({"steps": 100})["batch_size"]
    64
    """
    given = {name for name, value in values.items() if value is not None}
    return {**{name: value for name, value in AUTHORS_TRAINING.items() if replaced_by(name) not in given}, **values}


def replaced_by(name: str) -> str | None:
    """Return the setting of a training that stands for another one, so that only one of the two is given.

    >>> replaced_by("epochs"), replaced_by("margin")
    ('steps', None)
    """
    return _INSTEAD.get(name)


def completed_by_authors(run: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the settings of a run with the authors' defaults; what is no mapping is left for validation."""
    completed = {"distillation": AUTHORS_DISTILLATION, **run}
    for name, complete in (("model", model_of_authors), ("training", training_of_authors)):
        if isinstance(run.get(name, {}), dict):
            completed[name] = complete(run.get(name, {}))
    if isinstance(completed["distillation"], dict):
        completed["distillation"] = {**AUTHORS_DISTILLATION, **completed["distillation"]}
    return completed


def teacher_with_inherited(teacher: Any, run: Mapping[str, Any]) -> Any:
    """Complete the settings that a teacher changes with those of the run, before either is validated."""
    if not isinstance(teacher, dict):
        return teacher
    completed = {
        name: {key: value for key, value in run[name].items() if replaced_by(key) not in teacher[name]} | teacher[name]
        for name in ("model", "training")
        if isinstance(teacher.get(name), dict) and isinstance(run.get(name), dict)
    }
    return teacher | completed
