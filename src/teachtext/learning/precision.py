"""The precision of products in training: they may be in half precision, all else is in single precision."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from teachtext.errors import InputError
from teachtext.learning.cpu_bfloat16 import LargeLayersInBfloat16, has_fast_products

Precision = Literal["float32", "bfloat16"]


def check_precision(precision: Precision, device: torch.device) -> None:
    """Check that a device computes in a precision; only CUDA devices refuse one.

    Raises:
        InputError: the GPU has no products in bfloat16.
    """
    if precision == "float32" or device.type != "cuda":
        return
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name(device)
        raise InputError(f"the GPU '{name}' has no products in bfloat16", "set 'precision: float32'")


def reduced_products(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a context, to be entered any number of times, in which a device multiplies in a precision.

    With bfloat16 a CUDA device multiplies all matrices so, and a CPU those of large layers, if its processor has such
    products; other devices and processors stay in float32. Sums, norms and softmax do so everywhere. bfloat16 has the
    range of float32, so gradients need no scaling.

    >>> with reduced_products("bfloat16", torch.device("cpu")):
    ...     (torch.eye(2) @ torch.eye(2)).dtype
    torch.float32
    """
    if precision == "bfloat16" and device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    if precision == "bfloat16" and device.type == "cpu" and has_fast_products():
        return LargeLayersInBfloat16()
    return nullcontext()
