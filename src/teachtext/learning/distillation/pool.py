"""Pool: how the matrices of N teachers become one (B, B), or not.

Functions of scores (N, B, B) and which of them are known; a teacher that knows nothing of a pair has no say in it, and
what stands at pairs that no teacher knows means nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def mean(scores: Tensor, known: Tensor) -> Tensor:
    """Take the mean of the teachers: what TeachText does."""
    return _average(scores, known, scores.new_ones(len(scores)))


def minimum(scores: Tensor, known: Tensor) -> Tensor:
    """Take the lowest score."""
    return scores.masked_fill(~known, torch.inf).amin(dim=0)


def maximum(scores: Tensor, known: Tensor) -> Tensor:
    """Take the highest score."""
    return scores.masked_fill(~known, -torch.inf).amax(dim=0)


def median(scores: Tensor, known: Tensor) -> Tensor:
    """Take the median, of an even number of teachers the mean of the middle two."""
    return scores.masked_fill(~known, torch.nan).nanquantile(0.5, dim=0)


def weighted(scores: Tensor, known: Tensor, *, pool_weights: Sequence[float]) -> Tensor:
    """Take the mean with the given weights, made to sum to 1 over those that know."""
    return _average(scores, known, scores.new_tensor(list(pool_weights)))


class Learned(nn.Module):
    """Take the mean with learned weights, a softmax of one number a teacher; it starts as the mean."""

    def __init__(self, *, teachers: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(teachers))

    def forward(self, scores: Tensor, known: Tensor) -> Tensor:
        """Return the mean (B, B), with a gradient for the weights."""
        return _average(scores, known, self.logits.softmax(dim=0).to(scores.dtype))


def none(scores: Tensor, known: Tensor) -> Tensor:
    """Keep the teachers apart, (N, B, B): the mean is taken of the losses."""
    return scores


POOLS: dict[str, Callable[..., Any]] = {
    "mean": mean,
    "min": minimum,
    "max": maximum,
    "median": median,
    "weighted": weighted,
    "learned": Learned,
    "none": none,
}


def _average(scores: Tensor, known: Tensor, weights: Tensor) -> Tensor:
    shares = weights[:, None, None] * known
    return (shares * scores).sum(dim=0) / shares.sum(dim=0).clamp(min=1e-12)
