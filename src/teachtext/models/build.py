"""From a model's kind and plain arguments to the model: adding a model is one class and one line."""

import inspect
from collections.abc import Mapping
from typing import Any

from teachtext.errors import InputError
from teachtext.models.ce import CE
from teachtext.models.concat import Concat
from teachtext.models.dual import PooledDualEncoder
from teachtext.models.mmt import MMT
from teachtext.models.moee import MoEE
from teachtext.models.retrieval import RetrievalModel

MODELS: dict[str, type[RetrievalModel]] = {
    "ce": CE,
    "moee": MoEE,
    "concat": Concat,
    "mmt": MMT,
    "pooled": PooledDualEncoder,
}
# by kind, its name in version 0.1.0: model folders and fingerprints of that time have it
FORMER_KINDS = {"pooled": "dual"}


def build_model(kind: str, arguments: Mapping[str, Any]) -> RetrievalModel:
    """Build a model.

    Args:
        kind: a name of `MODELS`, or one of `FORMER_KINDS`.
        arguments: keyword arguments of that model; arguments that only other models have are left out.

    Raises:
        InputError: an unknown kind, or arguments that do not fit one another.
    """
    kind = next((name for name, former in FORMER_KINDS.items() if former == kind), kind)
    if kind not in MODELS:
        raise InputError(f"model '{kind}' is unknown", f"use one of {', '.join(MODELS)}")
    try:
        return MODELS[kind](**known_arguments(kind, arguments))
    except ValueError as error:
        raise InputError(f"model '{kind}' cannot be built ({error})", "change its settings") from error


def known_arguments(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the arguments that a kind of model has."""
    return {name: value for name, value in arguments.items() if name in argument_names(kind)}


def argument_names(kind: str) -> list[str]:
    """Return the names of the keyword arguments of a kind of model.

    >>> argument_names("pooled")
    ['expert_dims', 'text_dim', 'shared_dim', 'dropout', 'identity_start']
    """
    return list(inspect.signature(MODELS[kind]).parameters)
