"""Select: which pairs of each list count.

Functions of the teacher's scores (B, B), of which of them are known, and of which pairs are of the same video.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def everything(teacher: Tensor, known: Tensor, same_video: Tensor) -> Tensor:
    """Count every pair that is known."""
    return known


def top(teacher: Tensor, known: Tensor, same_video: Tensor, *, candidates: int) -> Tensor:
    """Count the right pairs, and the wrong ones that the teacher scores highest (DCD: Rao et al., IEEE TMM 2023)."""
    wrong = teacher.masked_fill(~known | same_video, -torch.inf)
    hardest = wrong.topk(min(candidates, wrong.shape[1]), dim=1).indices
    return known & (same_video | torch.zeros_like(known).scatter(1, hardest, True))


SELECTIONS: dict[str, Callable[..., Tensor]] = {"all": everything, "top": top}


def label_first(teacher: Tensor, counted: Tensor, same_video: Tensor) -> Tensor:
    """Give a list's highest scores to its right pairs, and the rest in their order to the others.

    Only pairs that count give and get scores.
    """
    scores = teacher.masked_fill(~counted, -torch.inf)
    # right pairs first, then by score; two stable sorts, the less important first
    order = scores.argsort(dim=1, descending=True, stable=True)
    right = (same_video & counted).gather(1, order)
    order = order.gather(1, right.to(torch.int8).argsort(dim=1, descending=True, stable=True))
    given = torch.zeros_like(teacher).scatter(1, order, scores.sort(dim=1, descending=True).values)
    return torch.where(counted, given, teacher)
