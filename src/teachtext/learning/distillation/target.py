"""Target: what is compared of the two matrices.

Functions of the student's and the teacher's lists, both (B, B); they return both transformed.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from teachtext.learning.distillation.lists import Lists

Pair = tuple[Tensor, Tensor]


def raw(student: Tensor, teacher: Tensor, lists: Lists) -> Pair:
    """Compare the scores as they are."""
    return student, teacher


def softmax(student: Tensor, teacher: Tensor, lists: Lists, *, temperature: float, label_share: float) -> Pair:
    """Compare the softmaxes of each list, of scores / temperature; into the teacher's the label may be mixed."""
    ours, theirs = (_log_softmax(scores / temperature, lists.counted) for scores in (student, teacher))
    if label_share:
        right = (lists.same_video & lists.counted).to(theirs.dtype)
        label = label_share * right / right.sum(dim=1, keepdim=True).clamp(min=1)
        mixed = torch.logaddexp(math.log(1 - label_share) + theirs, label.log())
        theirs = torch.where(right.any(dim=1, keepdim=True), mixed, theirs)
    return ours, theirs


def rank(student: Tensor, teacher: Tensor, lists: Lists, *, temperature: float) -> Pair:
    """Compare the ranks within each list, from 0 to 1; the student's are soft, a sigmoid of differences / temperature.

    Needs memory for B x B x B numbers.
    """
    counted = lists.counted
    beats = ((student[:, :, None] - student[:, None, :]) / temperature).sigmoid() * counted[:, None, :]
    known = teacher.masked_fill(~counted, torch.inf).contiguous()
    order = known.sort(dim=1).values
    lower, not_higher = torch.searchsorted(order, known), torch.searchsorted(order, known, right=True)
    others = counted.sum(dim=1, keepdim=True).clamp(min=2) - 1
    # no pair beats itself, though it is half the one and half the other
    return (beats.sum(dim=2) - 0.5) / others, (lower + not_higher - 1).to(teacher.dtype) / 2 / others


TARGETS: dict[str, Callable[..., Pair]] = {"raw": raw, "softmax": softmax, "rank": rank}


def _log_softmax(scores: Tensor, counted: Tensor) -> Tensor:
    # a list in which nothing counts must not become NaN, though nobody will ask for it; nor must a gradient, so that
    # what is left out is not -inf
    there = counted | ~counted.any(dim=1, keepdim=True)
    return scores.masked_fill(~there, -1e30).log_softmax(dim=1)
