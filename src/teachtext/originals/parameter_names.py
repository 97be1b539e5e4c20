"""What the authors call the parameters of CE and MoEE (their public code, `model/`)."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from teachtext.errors import InputError
from teachtext.models.retrieval import RetrievalModel

_VLAD = {"assignment": "clusters", "centres": "clusters2", "norm": "batch_norm"}
_UNIT = {"project": "fc", "gate": "cg.fc", "norm": "cg.batch_norm"}
_PLACES: list[tuple[str, str, Mapping[str, str]]] = [
    (r"pooling\.poolings\.(\d+)\.", "pooling.{expert}.", _VLAD),
    (r"reduce\.(\d+)\.", "ce.video_dim_reduce.{number}.fc.", {}),
    (r"embeddings\.(\d+)\.", "ce.video_GU.{number}.", _UNIT),
    (r"collaborate\.pair\.", "ce.g_reason_1.", {}),
    (r"collaborate\.shared\.", "ce.g_reason_shared.", {}),
    (r"collaborate\.own\.(\d+)\.", "ce.video_GU.{number}.cg.fc.", {}),
    (r"collaborate\.own_norm\.(\d+)\.", "ce.video_GU.{number}.cg.batch_norm2.", {}),
    (r"collaborate\.others_norm\.(\d+)\.", "ce.video_GU.{number}.cg.batch_norm.", {}),
    (r"text\.pooling\.", "text_pooling.", _VLAD),
    (r"text\.embeddings\.(\d+)\.", "ce.text_GU.{number}.", _UNIT),
    (r"text\.mixture\.", "ce.moe_fc.", {}),
]
"""Where we keep a module, where the authors do, and what its parts are called there."""

_COUNTER = "num_batches_tracked"
_SHOWN = 5


def original_names(model: RetrievalModel) -> dict[str, str]:
    """Return the authors' name of every parameter and buffer, by ours.

    Raises:
        InputError: the model has parts that theirs does not.
    """
    return {name: _original_name(name, model.experts) for name in model.state_dict()}


def from_original(
    model: RetrievalModel, state: Mapping[str, Tensor], *, source: object = "the state"
) -> dict[str, Tensor]:
    """Turn an authors' state dict into ours.

    Args:
        model: a CE or MoEE that the weights are for; may be on the meta device.
        state: by the authors' names; counters of batches may be absent, as in old checkpoints.
        source: where it comes from, for the error.

    Raises:
        InputError: parameters that are missing, too many, or of another shape; it names them.
    """
    wanted = model.state_dict()
    counters = {name: torch.zeros((), dtype=torch.int64) for name in wanted if name.endswith(_COUNTER)}
    return counters | rename_original(model, state, wanted, source=source)


def rename_original(
    model: RetrievalModel, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], *, source: object
) -> dict[str, Tensor]:
    """Give tensors with the authors' names our names.

    Args:
        model: see `from_original`.
        state: by the authors' names; exactly those of `wanted`, but counters of batches may be absent.
        wanted: by our names, tensors of the right shape.
        source: where they come from, for the error.

    Raises:
        InputError: see `from_original`.
    """
    names = original_names(model)
    theirs = {names[name]: name for name in wanted}
    lacking = [name for name in theirs if name not in state and not name.endswith(_COUNTER)]
    extra = [name for name in state if name not in theirs]
    found = {theirs[name]: tensor for name, tensor in state.items() if name in theirs}
    wrong = []
    for name, tensor in found.items():
        # the authors keep the centres with a leading axis of 1
        shape = (1, *wanted[name].shape) if name.endswith(".centres") else tuple(wanted[name].shape)
        if tuple(tensor.shape) != shape:
            wrong.append(f"{names[name]} {tuple(tensor.shape)} and not {shape}")
        elif tensor.is_floating_point() != wanted[name].is_floating_point():
            wrong.append(f"{names[name]} of type {tensor.dtype}")
    told = [("lacks", lacking), ("has no place for", extra), ("has", wrong)]
    if problems := [f"{what} {_some(these)}" for what, these in told if these]:
        raise InputError(
            f"{source} {', '.join(problems)}", "give the weights of such a model, all of its experts named"
        )
    return {name: tensor[0] if name.endswith(".centres") else tensor for name, tensor in found.items()}


def _original_name(name: str, experts: Sequence[str]) -> str:
    for place, original, parts in _PLACES:
        if match := re.match(place, name):
            number = int(match[1]) if match.lastindex else 0
            part, dot, rest = name[match.end() :].partition(".")
            return original.format(number=number, expert=experts[number]) + parts.get(part, part) + dot + rest
    raise InputError(f"'{name}' has no counterpart in the authors' models", "use a ce or moee model")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
