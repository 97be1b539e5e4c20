"""Samples: how much each list counts, by how sure the teacher is of it (DCD: Rao et al., IEEE TMM 2023).

Functions of the entropies (B,) of the teacher's lists and of how many pairs each has; they return doubts (B,), high
where the teacher is unsure.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from teachtext.learning.distillation.numbers import divided


def uniform(entropies: Tensor, pairs: Tensor) -> Tensor:
    """Count all alike."""
    return torch.zeros_like(entropies)


def entropy(entropies: Tensor, pairs: Tensor) -> Tensor:
    """Doubt by the entropy, divided by the highest that there can be: between 0 and 1, whatever the batch."""
    return torch.where(pairs > 1, entropies / pairs.clamp(min=2).log(), 1)


def entropy_share(entropies: Tensor, pairs: Tensor) -> Tensor:
    """Doubt by the list's share of all entropies, as published: the larger the batch, the weaker."""
    return divided(entropies, entropies.sum())


SAMPLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "uniform": uniform,
    "entropy": entropy,
    "entropy_share": entropy_share,
}


def list_entropies(teacher: Tensor, counted: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return the entropies (B,) of the softmaxes of lists (B, B), and how many pairs count in each.

    Of a list of which the teacher knows nothing it is the highest that there can be.
    """
    pairs = counted.sum(dim=1).to(teacher.dtype)
    there = counted | (pairs == 0)[:, None]
    logs = (teacher / temperature).masked_fill(~there, -torch.inf).log_softmax(dim=1)
    return -(logs.exp() * logs.masked_fill(~there, 0)).sum(dim=1), pairs


def trust(doubts: Tensor) -> Tensor:
    """Return weights of mean 1 for what the teacher says, r = B softmax((1 - doubt)^2): high where it is sure."""
    return (1 - doubts).square().softmax(dim=0) * len(doubts)


def mistrust(doubts: Tensor) -> Tensor:
    """Return weights of mean 1 for what the label says, w = B doubt / sum of doubts: high where it is unsure."""
    whole = doubts.sum()
    return torch.where(whole > 0, divided(doubts, whole) * len(doubts), 1)
