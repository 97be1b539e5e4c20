"""Exports the text side of a shared-space model to ONNX: the tokenizer, the text tower and its projection."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from teachtext.encoders.onnx_graph import TOLERANCE, write_graph
from teachtext.encoders.shared_space.embedder import SharedEmbedder
from teachtext.encoders.shared_space.exported_queries import FORMAT, PROBE, ExportedQueries
from teachtext.encoders.shared_space.family import Family
from teachtext.encoders.text_side_files import DESCRIPTION, ENCODER, TOKENIZER, probe_of
from teachtext.errors import InputError
from teachtext.files import atomic_folder, write_json

_PROBES = (
    "a dog",
    "Two men, one with a Red Hat, play chess in the park; a crowd looks on \u4f60\u597d.",
    "word " * 400,
)
MOST_BYTES = 2 * 10**9
"""The largest text side that is exported: a file of ONNX cannot be larger."""


def export_queries(embedder: SharedEmbedder, folder: Path) -> float:
    """Export the text side of a shared-space model, for `ExportedQueries`.

    The values of the files are compared with those of torch before the files are moved into `folder`.

    Args:
        embedder: of the model.
        folder: folder of the files; not there, or empty.

    Returns:
        The largest absolute difference between vectors of the files and of torch, at most 1e-5.

    Raises:
        InputError: a tokenizer that only transformers can run, a text side that is too large for one file, or files
            whose values differ from those of torch.
    """
    family, name = embedder.space.family, embedder.identity["name"]
    tokenizer = getattr(family.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise InputError(f"the tokenizer of {name} runs in transformers alone", "use the model as it is")
    if (size := _text_bytes(family)) > MOST_BYTES:
        raise InputError(
            f"the text side of {name} takes {size / 1e9:.1f} GB, and {MOST_BYTES / 1e9:.1f} GB are kept at most",
            "use the model as it is",
        )
    with atomic_folder(folder) as scratch:
        tokenizer.save(str(scratch / TOKENIZER))
        ids = torch.tensor([family.tokenizer("a dog runs")["input_ids"]], device=family.place.name)
        example = (ids, torch.ones_like(ids))
        write_graph(_TextSide(family), example, ["input_ids", "attention_mask"], scratch / ENCODER)
        write_json(scratch / DESCRIPTION, {"format": FORMAT, **_description(embedder)})
        difference = _difference(embedder, ExportedQueries(scratch), _PROBES)
        if not difference <= TOLERANCE:
            raise InputError(f"{name} cannot be exported (values differ by {difference:.1g})", "use the model as it is")
    return difference


class _TextSide(nn.Module):
    """The text tower with its projection as a function of tensors: vectors of unit length."""

    def __init__(self, family: Family) -> None:
        super().__init__()
        self.model = family.model
        self._text_vectors = family.text_vectors

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return nn.functional.normalize(self._text_vectors(input_ids, attention_mask).flatten(1), dim=1)


def _description(embedder: SharedEmbedder) -> dict[str, Any]:
    family, [space] = embedder.space.family, embedder.spaces
    tokenizer = family.tokenizer
    pad = {"pad_id": tokenizer.pad_token_id, "pad_token": tokenizer.pad_token, "direction": tokenizer.padding_side}
    return {
        "space": space,
        **probe_of(embedder.embed_queries([PROBE])[0].vectors[space]),
        "form": asdict(family.form("query")),
        "max_tokens": family.max_tokens,
        "most": family.limit.most,
        "pad": pad if family.padded else None,
        "cuts": tokenizer.truncation_side,
    }


def _text_bytes(family: Family) -> int:
    """Return the size of the weights of all modules that take part in a text."""
    used: dict[int, int] = {}

    def note(module: nn.Module, _: Any) -> None:
        used.update({id(weight): weight.nbytes for weight in module.parameters(recurse=False)})

    with register_module_forward_pre_hook(note), family.place.inference():
        family.texts(["a"], "query")
    return sum(used.values())


def _difference(embedder: SharedEmbedder, exported: ExportedQueries, texts: Sequence[str]) -> float:
    pairs = zip(embedder.embed_queries(texts), exported.embed_queries(texts), strict=True)
    return max(
        float(np.abs(by_torch.vectors[space] - by_onnx.vectors[space]).max())
        for by_torch, by_onnx in pairs
        for space in by_torch.vectors
    )
