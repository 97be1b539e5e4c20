"""Checkpoints that the authors published, as models of our own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from teachtext.errors import InputError
from teachtext.files import content_hash, write_bytes, write_json
from teachtext.learning.checkpoint import METRICS, ModelSpec, save_card, save_spec
from teachtext.learning.foreign import Inert, read_checkpoint
from teachtext.learning.trainer import WEIGHTS
from teachtext.models.original import from_original

# in old checkpoints and in no model: the authors' loader drops them too
_DROPPED = ("ce.moe_fc_bottleneck1.", "ce.moe_cg.", "ce.moe_fc_proj.")
# settings of the authors' `arch.args` that leave no trace in names and shapes, as our models have them
_ASSUMED = {
    "include_self": True,
    "use_mish": True,
    "keep_missing_modalities": False,
    "freeze_weights": False,
    "l2renorm": False,
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a model reads, as far as weights do not tell; None and gaps where it is not known.

    Args:
        experts: names of all experts.
        text: the text encoder.
        max_words: rows of a caption.
        max_tokens: by expert, rows of a sequence.
    """

    experts: Sequence[str] | None = None
    text: str | None = None
    max_words: int | None = None
    max_tokens: Mapping[str, int] = field(default_factory=dict)

    def over(self, other: "Reading") -> "Reading":
        """Return this, with what it leaves open taken from another."""
        return Reading(
            experts=self.experts or other.experts,
            text=self.text or other.text,
            max_words=self.max_words or other.max_words,
            max_tokens={**other.max_tokens, **self.max_tokens},
        )


def read_reading(config: Mapping[str, Any], source: object) -> Reading:
    """Find in a config what a model reads.

    Three forms are understood: `experts: {name: rows or null}` or a list of names, `text`, `max_words` and
    `max_tokens: {expert: rows}`; the config of a TeachText run, of which the student is meant; the authors' own, with
    `experts.modalities`, `experts.text_feat` and `data_loader.args.max_tokens`.

    Raises:
        InputError: a key that holds something else.
    """
    experts, student, loader = config.get("experts"), _under(config, "student"), _under(config, "data_loader", "args")
    tokens = {**_rows(loader.get("max_tokens")), **_rows(config.get("max_tokens"))}
    words: Any = config.get("max_words") or _under(config, "model").get("max_words") or loader.get("max_words")
    text = (
        config.get("text")
        or student.get("text")
        or loader.get("text_feat")
        or _under(config, "experts").get("text_feat")
    )
    if isinstance(experts, Mapping) and "modalities" in experts:
        words, names = words or tokens.pop("text", None), experts["modalities"]
    elif isinstance(experts, Mapping):
        tokens, names = {**_rows(experts), **tokens}, list(experts)
    elif isinstance(experts, Sequence) and not isinstance(experts, str):
        one = [{"name": expert} if isinstance(expert, str) else expert for expert in experts]
        names = [expert.get("name") if isinstance(expert, Mapping) else None for expert in one]
        tokens |= _rows({name: expert.get("max_tokens") for name, expert in zip(names, one, strict=True) if name})
        names = student.get("experts") or names
    else:
        names = experts
    _check(names is None or (_is_list_of_names(names) and len(set(names)) == len(names)), "experts", names, source)
    _check(text is None or isinstance(text, str), "text", text, source)
    _check(words is None or _is_rows(words), "max_words", words, source)
    for name, rows in tokens.items():
        _check(_is_rows(rows), f"max_tokens.{name}", rows, source)
    return Reading(experts=names, text=text, max_words=words, max_tokens=tokens)


def import_published(
    path: Path, folder: Path, *, config: Mapping[str, Any] | None = None, trained_on: Sequence[str] | None = None
) -> ModelSpec:
    """Turn a checkpoint of the authors' trainer into the folder of a model, which `load_model` reads.

    Whether it is CE or MoEE, every width, clusters and which experts are sequences follow from names and shapes of its
    weights. The names of pooled experts, the text encoder and how many rows are read do not: they come from `config`
    or else from the config that was pickled into the checkpoint, which is read as data (see `read_checkpoint`).

    Args:
        path: the checkpoint.
        folder: of the model; new, or empty.
        config: see `read_reading`; goes before the checkpoint's own.
        trained_on: ids of the videos that it was trained on; None if unknown.

    Raises:
        InputError: a checkpoint that is refused, parameters that do not fit (named), or what the config lacks (named).
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already", "give a new folder")
    state, rest = read_checkpoint(path)
    state = {name: tensor for name, tensor in state.items() if not name.startswith(_DROPPED)}
    own = _pickled_config(rest.get("config"))
    _check_assumptions(own, path)
    given = Reading() if config is None else read_reading(config, "the config")
    spec = _spec(state, given.over(read_reading(own, path)), path, _origin(path, rest, trained_on))
    with torch.device("meta"):
        model = spec.build()
    weights = from_original(model, state, source=path)
    count = sum(parameter.numel() for parameter in model.parameters())
    save_spec(folder, spec)
    write_bytes(folder / WEIGHTS, save({name: _plain(tensor) for name, tensor in weights.items()}))
    facts = {
        "text encoder": spec.text_encoder,
        "video experts": ", ".join(spec.experts),
        "model": f"{spec.kind}, {count:,} parameters",
        "imported from": path.name,
    }
    save_card(folder, f"{path.stem}, imported", facts)
    # last, because it says that all the rest is there
    write_json(folder / METRICS, {"best_epoch": spec.origin["epoch"], "parameters": count, "history": []})
    return spec


def _spec(state: Mapping[str, Tensor], reading: Reading, path: Path, origin: Mapping[str, Any]) -> ModelSpec:
    kind = "ce" if "ce.video_dim_reduce.0.fc.weight" in state else "moee"
    video = "ce.video_dim_reduce.{}.fc.weight" if kind == "ce" else "ce.video_GU.{}.fc.weight"
    mixture = _matrix(state, "ce.moe_fc.weight", path)
    vlads = {match[1]: name for name in state if (match := re.fullmatch(r"pooling\.(.+)\.clusters2", name))}
    sequences = {expert: _matrix(state, name, path) for expert, name in vlads.items()}
    pooled = [_matrix(state, video.format(number), path) for number in range(mixture[0])]
    text = _matrix(state, "text_pooling.clusters2", path) if "text_pooling.clusters2" in state else None
    ghosts = 0 if text is None else _matrix(state, "text_pooling.clusters", path)[1] - text[1]
    max_words = reading.max_words or (1 if text is None else None)
    lacking = [name for name in sequences if name not in reading.max_tokens]
    needed = {
        f"experts ({mixture[0]} names{', among them ' + ', '.join(sequences) if sequences else ''})": reading.experts,
        "text (the text encoder)": reading.text,
        "max_words (rows of a caption)": max_words,
        f"max_tokens (rows of {', '.join(lacking)})": not lacking,
    }
    if unknown := [key for key, value in needed.items() if not value]:
        raise InputError(
            f"{path} does not say {'; '.join(unknown)}", "write these keys in a file and give it as --config"
        )
    experts = sorted(reading.experts or [])
    if len(experts) != mixture[0] or not set(sequences) <= set(experts):
        raise InputError(
            f"{path} has {mixture[0]} experts{', among them ' + ', '.join(sequences) if sequences else ''}, "
            f"but the config names {', '.join(experts)}",
            "name all of them in 'experts'",
        )
    arguments: dict[str, Any] = {
        "expert_dims": {
            name: sequences[name][0] if name in sequences else width[1]
            for name, width in zip(experts, pooled, strict=True)
        },
        "expert_clusters": {name: sizes[1] for name, sizes in sequences.items()},
        "text_dim": mixture[1] if text is None else text[0],
        "text_clusters": 0 if text is None else text[1],
        "ghost_clusters": ghosts,
        "mask_padding": False,
    }
    if kind == "ce":
        arguments |= {"shared_dim": pooled[0][0], "gating": "sequential"}
    return ModelSpec(
        kind=kind,
        arguments=arguments,
        text_encoder=reading.text or "",
        max_words=max_words or 1,
        max_tokens={name: reading.max_tokens[name] for name in sequences},
        origin=origin,
    )


def _origin(path: Path, rest: Mapping[str, Any], trained_on: Sequence[str] | None) -> dict[str, Any]:
    epoch, arch = rest.get("epoch"), rest.get("arch")
    return {
        "imported": path.name,
        "hash": content_hash(path),
        "arch": arch if isinstance(arch, str) else None,
        "epoch": epoch if isinstance(epoch, int) else None,
        "trained_on": None if trained_on is None else list(trained_on),
    }


def _pickled_config(config: Any) -> Mapping[str, Any]:
    """Return the dict that the authors' config object kept; empty where there is none."""
    if isinstance(config, Inert):
        config = config.state
    if isinstance(config, Mapping) and isinstance(config.get("_config"), Mapping):
        config = config["_config"]
    return config if isinstance(config, Mapping) else {}


def _check_assumptions(config: Mapping[str, Any], path: Path) -> None:
    for name, value in _under(config, "arch", "args").items():
        if name in _ASSUMED and bool(value) != _ASSUMED[name]:
            raise InputError(f"{path} was trained with {name}: {value}", "no model of ours does that; take another one")


def _matrix(state: Mapping[str, Tensor], name: str, path: Path) -> tuple[int, int]:
    """Return the last two lengths of a tensor: what a linear layer gives and takes, or D and K of centres."""
    if name not in state or state[name].ndim not in (2, 3) or not state[name].numel():
        raise InputError(f"{path} has no matrix '{name}'", "give a CE or MoEE checkpoint of the authors' trainer")
    rows, columns = state[name].shape[-2:]
    return rows, columns


def _plain(tensor: Tensor) -> Tensor:
    return (tensor.float() if tensor.is_floating_point() else tensor.long()).contiguous()


def _under(config: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        found = config.get(key)
        config = found if isinstance(found, Mapping) else {}
    return config


def _rows(found: Any) -> dict[str, Any]:
    return {name: rows for name, rows in found.items() if rows is not None} if isinstance(found, Mapping) else {}


def _is_rows(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_list_of_names(names: Any) -> bool:
    return isinstance(names, Sequence) and bool(names) and all(isinstance(name, str) and name for name in names)


def _check(holds: bool, key: str, value: Any, source: object) -> None:
    if not holds:
        raise InputError(f"{source}: '{key}' is {value!r}", "write names, and numbers from 1")
