"""Arithmetic whose gradients stay finite."""

import torch
from torch import Tensor


def divided(values: Tensor, by: Tensor, *, least: float | Tensor = 0.0) -> Tensor:
    """Return values / by; where `by` is not above `least` zeros, without gradient."""
    able = by > least
    return torch.where(able, values / torch.where(able, by, 1), 0)


def rounding(size: Tensor) -> Tensor:
    """Return what of numbers of that size may be rounding alone."""
    return 8 * torch.finfo(size.dtype).eps * size
