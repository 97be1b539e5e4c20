"""From a model's kind and plain arguments to the model: adding a model is one class and one line."""

import inspect
from collections.abc import Mapping
from typing import Any

from teachtext.errors import InputError
from teachtext.models.ce import CE
from teachtext.models.class_names import ALL_CLASSES, EXPERT, FORMER_LIKELIEST, NamedModel
from teachtext.models.concat import Concat
from teachtext.models.dual import PooledDualEncoder
from teachtext.models.mmt import MMT
from teachtext.models.moee import MoEE
from teachtext.models.omni import Omni
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.scaling import StandardisedModel

MODELS: dict[str, type[RetrievalModel]] = {
    "ce": CE,
    "moee": MoEE,
    "concat": Concat,
    "mmt": MMT,
    "pooled": PooledDualEncoder,
    "omni": Omni,
}
# by kind, its name in version 0.1.0: model folders and fingerprints of that time have it
FORMER_KINDS = {"pooled": "dual"}


def build_model(kind: str, arguments: Mapping[str, Any]) -> RetrievalModel:
    """Build a model.

    Args:
        kind: a name of `MODELS`, or one of `FORMER_KINDS`.
        arguments: keyword arguments of that model; arguments that only other models have are left out. Any model may
            have `standardise` and `feature_dropout`: exponent and dropout of
            `teachtext.models.scaling.StandardisedModel`; and `class_names`, for
            `teachtext.models.class_names.NamedModel`: `all`, or true in models of earlier versions.

    Raises:
        InputError: an unknown kind, or arguments that do not fit one another.
    """
    kind = next((name for name, former in FORMER_KINDS.items() if former == kind), kind)
    if kind not in MODELS:
        raise InputError(f"model '{kind}' is unknown", f"use one of {', '.join(MODELS)}")
    try:
        model = MODELS[kind](**known_arguments(kind, arguments))
        exponent = arguments.get("standardise")
        scaled = model if exponent is None else _standardised(model, float(exponent), arguments)
        counted = arguments.get("class_names")
        if not counted:
            return scaled
        classes = arguments["expert_dims"].get(EXPERT, 0)
        likeliest = None if counted == ALL_CLASSES else FORMER_LIKELIEST
        return NamedModel(model=scaled, classes=classes, text_dim=arguments["text_dim"], likeliest=likeliest)
    except ValueError as error:
        raise InputError(f"model '{kind}' cannot be built ({error})", "change its settings") from error


def _standardised(model: RetrievalModel, exponent: float, arguments: Mapping[str, Any]) -> RetrievalModel:
    """Return a model that reads standardised features.

    Experts that start aligned with the captions share the captions' space, and are left as they are.
    """
    if not 0 <= exponent <= 1:
        raise ValueError(f"standardise is {exponent}, and not from 0 to 1")
    aligned = arguments.get("aligned", ())
    dims = {name: dim for name, dim in arguments["expert_dims"].items() if name not in aligned}
    dropout = arguments.get("feature_dropout", 0.0)
    return StandardisedModel(model=model, expert_dims=dims, exponent=exponent, dropout=dropout)


def known_arguments(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the arguments that a kind of model has."""
    return {name: value for name, value in arguments.items() if name in argument_names(kind)}


def argument_names(kind: str) -> list[str]:
    """Return the names of the keyword arguments of a kind of model.

    >>> argument_names("pooled")
    ['expert_dims', 'text_dim', 'shared_dim', 'dropout', 'identity_start', 'weighed']
    """
    return list(inspect.signature(MODELS[kind]).parameters)
