"""Writes a torch module as an ONNX graph."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

TOLERANCE = 1e-5
"""The largest difference between values of an exported graph and of torch."""


def write_graph(module: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str], path: Path) -> None:
    """Export a module whose inputs may have any number of rows and, on a second axis, any number of tokens.

    Args:
        module: the module.
        example: its inputs.
        inputs: their names.
        path: of the file.
    """
    axes = {
        name: {0: "C", 1: "L"} if value.dim() > 1 else {0: "C"} for name, value in zip(inputs, example, strict=True)
    }
    with warnings.catch_warnings(), torch.no_grad():
        # the tracing exporter, because the newer exporter cannot follow the selection of valid rows in NetVLAD
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), example, str(path), input_names=list(inputs), dynamic_axes=axes, dynamo=False, verbose=False
        )
