"""Imports published checkpoints of the authors as models."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from teachtext.data.restricted.checkpoints import Inert, read_checkpoint
from teachtext.errors import InputError
from teachtext.files import content_hash, write_bytes, write_json
from teachtext.learning.checkpoint import ModelSpec, save_spec
from teachtext.learning.model_card import save_card
from teachtext.learning.model_files import METRICS, WEIGHTS
from teachtext.learning.model_sharing import card_facts
from teachtext.originals.model_inputs import ModelInputs, find_inputs, mapping_at
from teachtext.originals.parameter_names import from_original

# parameters of old checkpoints that no model has; the authors' loader drops them too
_DROPPED = ("ce.moe_fc_bottleneck1.", "ce.moe_cg.", "ce.moe_fc_proj.")
# values of the authors' `arch.args` in our models; names and shapes of weights do not show these settings
_ASSUMED = {
    "include_self": True,
    "use_mish": True,
    "keep_missing_modalities": False,
    "freeze_weights": False,
    "l2renorm": False,
}


def import_published(
    path: Path, folder: Path, *, inputs: ModelInputs | None = None, trained_on: Sequence[str] | None = None
) -> ModelSpec:
    """Turn a checkpoint of the authors' trainer into a model folder for `load_model`.

    Names and shapes of the weights state the kind (CE or MoEE), all widths and clusters, and the sequence experts. The
    names of pooled experts, the text encoder and the numbers of rows come from `inputs`, or else from the pickled
    config of the checkpoint. The config is read as data (see `read_checkpoint`).

    Args:
        path: of the checkpoint.
        folder: of the model; new or empty.
        inputs: commonly from `find_inputs`; they take precedence over the config of the checkpoint.
        trained_on: ids of the training videos; None if unknown.

    Raises:
        InputError: the checkpoint is refused, or parameters do not fit or inputs are unknown; the message names them.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not an empty folder", "give a new folder")
    if trained_on is not None and not trained_on:
        raise InputError("the list of training videos is empty", "write one id a line, or leave it out")
    state, rest = read_checkpoint(path)
    state = {name: tensor for name, tensor in state.items() if not name.startswith(_DROPPED)}
    config = _pickled_config(rest.get("config"))
    _check_assumptions(config, path)
    completed = (inputs or ModelInputs()).completed_by(find_inputs(config, path))
    spec = replace(_spec(state, completed, path, _origin(path, rest)), trained_on=trained_on)
    with torch.device("meta"):
        model = spec.build()
    weights = from_original(model, state, source=path)
    count = sum(parameter.numel() for parameter in model.parameters())
    write_bytes(folder / WEIGHTS, save({name: _plain(tensor) for name, tensor in weights.items()}))
    save_spec(folder, spec)
    metrics = {"best_epoch": spec.origin["epoch"], "parameters": count, "history": []}
    save_card(folder, f"{path.stem}, imported", card_facts(spec, metrics))
    # last, because this file marks the folder as complete
    write_json(folder / METRICS, metrics)
    return spec


def _spec(state: Mapping[str, Tensor], inputs: ModelInputs, path: Path, origin: Mapping[str, Any]) -> ModelSpec:
    kind = "ce" if "ce.video_dim_reduce.0.fc.weight" in state else "moee"
    video = "ce.video_dim_reduce.{}.fc.weight" if kind == "ce" else "ce.video_GU.{}.fc.weight"
    count, text_width = _matrix(state, "ce.moe_fc.weight", path)
    vlads = {match[1]: name for name in state if (match := re.fullmatch(r"pooling\.(.+)\.clusters2", name))}
    sequences = {expert: _matrix(state, name, path) for expert, name in vlads.items()}
    widths = [_matrix(state, video.format(number), path) for number in range(count)]
    tokens = "text_pooling.clusters2" in state
    text_dim, clusters = _matrix(state, "text_pooling.clusters2", path) if tokens else (text_width, 0)
    ghosts = _matrix(state, "text_pooling.clusters", path)[1] - clusters if tokens else 0
    if not tokens:
        # a sentence vector is one row
        inputs = inputs.completed_by(ModelInputs(max_words=1))
    experts, text_encoder, max_words = _complete(inputs, count, list(sequences), path)
    if ghosts < 0:
        raise InputError(f"{path} has fewer text clusters than centres", "give a checkpoint of the authors' trainer")
    dims = {
        name: sequences[name][0] if name in sequences else width
        for name, (_, width) in zip(experts, widths, strict=True)
    }
    arguments: dict[str, Any] = {
        "expert_dims": dims,
        "expert_clusters": {name: sizes[1] for name, sizes in sequences.items()},
        "text_dim": text_dim,
        "text_clusters": clusters,
        "ghost_clusters": ghosts,
        "mask_padding": False,
    }
    if kind == "ce":
        arguments |= {"shared_dim": widths[0][0], "gating": "sequential"}
    return ModelSpec(
        kind=kind,
        arguments=arguments,
        text_encoder=text_encoder,
        max_words=max_words,
        max_tokens={name: inputs.max_tokens[name] for name in sequences},
        origin=origin,
    )


def _complete(inputs: ModelInputs, count: int, sequences: Sequence[str], path: Path) -> tuple[list[str], str, int]:
    """Return sorted experts, text encoder and rows of a caption; check that no input is unknown."""
    among = f", among them {', '.join(sequences)}" if sequences else ""
    lacking = [name for name in sequences if name not in inputs.max_tokens]
    unknown = ["text (the text encoder)"] if inputs.text is None else []
    unknown += [f"experts ({count} names{among})"] if inputs.experts is None else []
    unknown += ["max_words (rows of a caption)"] if inputs.max_words is None else []
    unknown += [f"max_tokens (rows of {', '.join(lacking)})"] if lacking else []
    if unknown or inputs.experts is None or inputs.text is None or inputs.max_words is None:
        raise InputError(f"{path} does not state {'; '.join(unknown)}", "write these keys in a file for --config")
    if len(inputs.experts) != count or not set(sequences) <= set(inputs.experts):
        raise InputError(
            f"{path} has {count} experts{among}, but the config names {', '.join(inputs.experts)}",
            "name all of them in 'experts'",
        )
    return sorted(inputs.experts), inputs.text, inputs.max_words


def _origin(path: Path, rest: Mapping[str, Any]) -> dict[str, Any]:
    epoch, arch = rest.get("epoch"), rest.get("arch")
    return {
        "imported": path.name,
        "hash": content_hash(path),
        "arch": arch if isinstance(arch, str) else None,
        "epoch": epoch if isinstance(epoch, int) else None,
    }


def _pickled_config(config: Any) -> Mapping[str, Any]:
    """Return the dict inside the authors' config object; empty without one."""
    if isinstance(config, Inert):
        config = config.state
    if isinstance(config, Mapping) and isinstance(config.get("_config"), Mapping):
        config = config["_config"]
    return config if isinstance(config, Mapping) else {}


def _check_assumptions(config: Mapping[str, Any], path: Path) -> None:
    for name, value in mapping_at(config, "arch", "args").items():
        if name in _ASSUMED and bool(value) != _ASSUMED[name]:
            raise InputError(
                f"{path} was trained with {name}: {value}",
                "no model of this package does that; give another checkpoint",
            )


def _matrix(state: Mapping[str, Tensor], name: str, path: Path) -> tuple[int, int]:
    """Return the last two lengths of a tensor: outputs and inputs of a linear layer, or D and K of centres."""
    if name not in state or state[name].ndim not in (2, 3) or not state[name].numel():
        raise InputError(f"{path} has no matrix '{name}'", "give a CE or MoEE checkpoint of the authors' trainer")
    rows, columns = state[name].shape[-2:]
    return rows, columns


def _plain(tensor: Tensor) -> Tensor:
    return (tensor.float() if tensor.is_floating_point() else tensor.long()).contiguous()
