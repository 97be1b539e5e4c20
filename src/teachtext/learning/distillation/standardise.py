"""Standardise: matrices of different scales, brought to one before they are pooled.

Functions of scores (B, B) and which of them are known; what is not known becomes 0.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from teachtext.learning.distillation.numbers import divided, rounding


def none(scores: Tensor, known: Tensor) -> Tensor:
    """Leave scores as they are: right where all are cosines, or weighted means of cosines."""
    return scores


def z_score(scores: Tensor, known: Tensor) -> Tensor:
    """Give teachers' and student's matrix mean 0 and standard deviation 1; of one that is constant it makes zeros."""
    count = known.sum().clamp(min=1)
    centred = torch.where(known, scores - (scores * known).sum() / count, 0)
    size = torch.linalg.vector_norm(scores.detach() * known)
    deviation = torch.linalg.vector_norm(centred)
    return divided(centred, deviation / count.sqrt(), least=rounding(size / count.sqrt()))


def min_max(scores: Tensor, known: Tensor) -> Tensor:
    """Stretch teachers' and student's matrix to [0, 1]; of one that is constant it makes zeros."""
    if not known.any():
        return torch.zeros_like(scores)
    low, high = scores[known].min(), scores[known].max()
    return torch.where(known, divided(scores - low, high - low), 0)


def rank(scores: Tensor, known: Tensor) -> Tensor:
    """Replace teachers' scores by their ranks in the matrix, from 0 to 1, equal ones by their mean rank."""
    _, place, counts = torch.unique(scores[known], return_inverse=True, return_counts=True)
    doubled = (2 * (counts.cumsum(dim=0) - counts) + counts - 1).to(scores.dtype)
    ranks = doubled / 2 / (counts.sum() - 1).clamp(min=1)
    return torch.zeros_like(scores).masked_scatter(known, ranks[place])


STANDARDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "none": none,
    "z_score": z_score,
    "min_max": min_max,
    "rank": rank,
}
