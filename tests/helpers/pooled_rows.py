"""The formula by which encoders of one vector pool the rows of an expert."""

import torch
from torch import Tensor


def unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


def pooled(rows: Tensor, length: int) -> Tensor:
    """The mean of unit rows, of unit length."""
    return unit(torch.stack([unit(row) for row in rows[:length]]).mean(dim=0))
