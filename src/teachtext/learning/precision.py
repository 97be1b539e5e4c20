"""The precision of products in training: a GPU may multiply in half precision, all else is in single precision."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from teachtext.errors import InputError

Precision = Literal["float32", "bfloat16"]


def check_precision(precision: Precision, device: torch.device) -> None:
    """Check that a device computes in a precision; devices other than CUDA always take `float32`.

    Raises:
        InputError: the GPU has no products in bfloat16.
    """
    if precision == "float32" or device.type != "cuda":
        return
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name(device)
        raise InputError(f"the GPU '{name}' has no products in bfloat16", "set 'precision: float32'")


def reduced_products(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which a CUDA device multiplies in a precision; sums, norms and softmax stay in float32.

    bfloat16 has the range of float32, so gradients need no scaling.

    >>> with reduced_products("bfloat16", torch.device("cpu")):
    ...     (torch.eye(2) @ torch.eye(2)).dtype
    torch.float32
    """
    if precision == "float32" or device.type != "cuda":
        return nullcontext()
    return torch.autocast("cuda", torch.bfloat16)
