"""Exports the text side of a trained model to ONNX files, which answer queries without torch."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from teachtext.data.batch import TextBatch
from teachtext.devices import CPU
from teachtext.encoders.embedder import QueryVectors, pad_rows
from teachtext.encoders.onnx_graph import TOLERANCE, write_graph
from teachtext.encoders.registry import TEXT_ENCODERS, build_text_encoder
from teachtext.encoders.spec import Spec
from teachtext.encoders.text_side_files import DESCRIPTION, ENCODER, TOKENIZER, probe_of
from teachtext.errors import InputError
from teachtext.files import write_bytes, write_json
from teachtext.learning.checkpoint import ModelSpec, load_model
from teachtext.learning.onnx_runtime import BRANCH, FORMAT, ExportedBranch, probe_row, probe_values
from teachtext.models.retrieval import RetrievalModel
from teachtext.packages import load

_PROBES = (
    "a dog",
    "Two men, one with a red hat, play chess in the park; a crowd looks on \u4f60\u597d.",
    "word " * 400,
)
_LENGTHS = (1, 2, 7, 20)


def export(model_folder: Path, folder: Path, *, with_encoder: bool = True) -> float:
    """Export the text side of a trained model: `text.onnx`, `text.json`, and the text encoder if its entry has `onnx`.

    Other text encoders need no torch, or cannot work without it; they are not exported. The values of the files are
    compared with those of torch before the files are moved into `folder`.

    Args:
        model_folder: a trained model.
        folder: folder of the files; `ExportedText` reads them.
        with_encoder: also export the text encoder, if its entry has `onnx`; else the reader of the files builds it.

    Returns:
        The largest absolute difference between the values of the files and those of torch, at most 1e-5.

    Raises:
        InputError: no such model, a package that is not installed, a text encoder that is not in the registry, or
            files whose values differ from torch's.
    """
    for package in ("onnx:ModelProto", "onnxruntime:InferenceSession", "tokenizers:Tokenizer"):
        load(package, "onnx")
    model, spec = load_model(model_folder)
    text = TEXT_ENCODERS.parse(spec.text_encoder)
    with TemporaryDirectory() as scratch:
        difference = _write(model, spec, text, Path(scratch), with_encoder)
        if difference > TOLERANCE:
            raise InputError(
                f"{model_folder} cannot be exported (values differ by {difference:.1g})", "use it as it is"
            )
        # the description comes last: without it the folder is no export
        for file in sorted(Path(scratch).iterdir(), key=lambda path: path.name == DESCRIPTION):
            write_bytes(folder / file.name, file.read_bytes())
    return difference


def _write(model: RetrievalModel, spec: ModelSpec, text: Spec, folder: Path, with_encoder: bool) -> float:
    """Write all files, and return the largest difference from torch."""
    side = _TextSide(model)
    example = _features(spec, length=min(2, spec.max_words))
    write_graph(side, example, ["tokens", "lengths"], folder / BRANCH)
    arguments, difference = None, 0.0
    if with_encoder and TEXT_ENCODERS[text.name].onnx:
        arguments, difference = write_text_encoder(text, folder)
    description = {
        "format": FORMAT,
        "text_encoder": str(text),
        "encoder": arguments,
        "max_words": spec.max_words,
        "fill": spec.fill_words,
        "spaces": side.spaces,
        **probe_of(_probe(side, spec)),
    }
    write_json(folder / DESCRIPTION, description)
    return max(difference, _branch_difference(side, spec, folder))


class _TextSide(nn.Module):
    """The text branch as a function of tensors: one vector a space, in sorted order, then the mixture weights."""

    def __init__(self, model: RetrievalModel) -> None:
        super().__init__()
        self.model = model
        self.spaces = model.spaces

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        embedding = self.model.encode_text(TextBatch([], tokens, lengths))
        return (*(embedding.vectors[space] for space in self.spaces), embedding.weights)


class _LastStates(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states


def write_text_encoder(text: Spec, folder: Path) -> tuple[dict[str, Any], float]:
    """Write a sentence transformer for `OnnxEncoder`.

    Returns:
        The arguments of `OnnxEncoder`, and the largest absolute difference from torch.
    """
    from teachtext.encoders.text.onnx import OnnxEncoder

    encoder: Any = build_text_encoder(str(text), device=CPU)
    transformer = encoder.transformer
    transformer.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    ids = torch.tensor([transformer.tokenizer("a dog runs")["input_ids"]])
    example = (ids, torch.ones_like(ids))
    write_graph(_LastStates(transformer.model), example, ["input_ids", "attention_mask"], folder / ENCODER)
    arguments = {"pooled": not encoder.tokens, "max_tokens": transformer.max_tokens}
    exported = OnnxEncoder(folder, **arguments, device=CPU)
    pairs = zip(encoder.encode(_PROBES), exported.encode(_PROBES), strict=True)
    return arguments, max(float(np.abs(by_torch - by_onnx).max()) for by_torch, by_onnx in pairs)


def _features(spec: ModelSpec, *, length: int) -> tuple[Tensor, Tensor]:
    """Return random features (1, L, D) of one caption of `length` words, padded for the model, and the length (1,)."""
    tokens = torch.zeros(1, spec.max_words if spec.fill_words else length, spec.arguments["text_dim"])
    tokens[0, :length] = torch.randn(length, tokens.shape[2], generator=torch.Generator().manual_seed(length))
    return tokens, torch.tensor([length])


@torch.no_grad()
def _probe(side: _TextSide, spec: ModelSpec) -> NDArray[np.float32]:
    rows, lengths = pad_rows([probe_row(spec.arguments["text_dim"])], max_rows=spec.max_words, fill=spec.fill_words)
    *vectors, weights = (tensor[0].numpy() for tensor in side(torch.from_numpy(rows), torch.from_numpy(lengths)))
    return probe_values(QueryVectors(dict(zip(side.spaces, vectors, strict=True)), weights))


@torch.no_grad()
def _branch_difference(side: _TextSide, spec: ModelSpec, folder: Path) -> float:
    branch = ExportedBranch(folder)
    largest = 0.0
    for length in {min(length, spec.max_words) for length in (*_LENGTHS, spec.max_words)}:
        tokens, lengths = _features(spec, length=length)
        *vectors, weights = (tensor[0].numpy() for tensor in side(tokens, lengths))
        exported = branch.embed([tokens[0, :length].numpy()])[0]
        pairs = [(weights, exported.weights), *zip(vectors, exported.vectors.values(), strict=True)]
        largest = max(largest, *(float(np.abs(by_torch - by_onnx).max()) for by_torch, by_onnx in pairs))
    return largest
