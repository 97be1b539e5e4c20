"""The parameter names of CE and MoEE in the authors' public code (`model/`)."""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from teachtext.errors import InputError
from teachtext.models.retrieval import RetrievalModel

_VLAD = {"assignment": "clusters", "centres": "clusters2", "norm": "batch_norm"}
_UNIT = {"project": "fc", "gate": "cg.fc", "norm": "cg.batch_norm"}
_MODULE_NAMES: list[tuple[str, str, Mapping[str, str]]] = [
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
"""Our path of a module as a pattern, the path in the authors' code, and their names of its parts."""

_COUNTER = "num_batches_tracked"
_MOST_NAMES = 5


def original_names(model: RetrievalModel) -> dict[str, str]:
    """Return the authors' names of all parameters and buffers, by our names.

    Raises:
        InputError: the model has a module that the authors' models lack.
    """
    return {name: _original_name(name, model.experts) for name in model.state_dict()}


def from_original(
    model: RetrievalModel, state: Mapping[str, Tensor], *, source: object = "the state"
) -> dict[str, Tensor]:
    """Turn a state dict of the authors into a state dict of our model.

    Args:
        model: the CE or MoEE that gets the weights; may be on the meta device.
        state: tensors by the authors' names; counters of batches may be absent, as in old checkpoints.
        source: origin of the tensors, for the error message.

    Raises:
        InputError: parameters are missing, unexpected, or of another shape; the message names them.
    """
    expected = model.state_dict()
    counters = {name: torch.zeros((), dtype=torch.int64) for name in expected if name.endswith(_COUNTER)}
    return counters | rename_original(model, state, expected, source=source)


def rename_original(
    model: RetrievalModel, state: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, source: object
) -> dict[str, Tensor]:
    """Rename tensors from the authors' names to our names.

    Args:
        model: see `from_original`.
        state: tensors by the authors' names, one for each of `expected`; counters of batches may be absent.
        expected: tensors of the right shapes and types, by our names.
        source: origin of the tensors, for the error message.

    Raises:
        InputError: see `from_original`.
    """
    names = original_names(model)
    ours = {names[name]: name for name in expected}
    lacking = [name for name in ours if name not in state and not name.endswith(_COUNTER)]
    extra = [name for name in state if name not in ours]
    renamed = {ours[name]: tensor for name, tensor in state.items() if name in ours}
    wrong = []
    for name, tensor in renamed.items():
        # the centres of the authors have a leading axis of 1
        shape = (1, *expected[name].shape) if name.endswith(".centres") else tuple(expected[name].shape)
        if tuple(tensor.shape) != shape:
            wrong.append(f"{names[name]} {tuple(tensor.shape)} and not {shape}")
        elif tensor.is_floating_point() != expected[name].is_floating_point():
            wrong.append(f"{names[name]} of type {tensor.dtype}")
    mismatches = [("lacks", lacking), ("has no place for", extra), ("has", wrong)]
    if problems := [f"{verb} {_some(listed)}" for verb, listed in mismatches if listed]:
        raise InputError(
            f"{source} {', '.join(problems)}", "give the weights of such a model, all of its experts named"
        )
    return {name: tensor[0] if name.endswith(".centres") else tensor for name, tensor in renamed.items()}


def _original_name(name: str, experts: Sequence[str]) -> str:
    for pattern, original, parts in _MODULE_NAMES:
        if match := re.match(pattern, name):
            number = int(match[1]) if match.lastindex else 0
            part, dot, rest = name[match.end() :].partition(".")
            return original.format(number=number, expert=experts[number]) + parts.get(part, part) + dot + rest
    raise InputError(f"'{name}' has no counterpart in the authors' models", "use a ce or moee model")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
