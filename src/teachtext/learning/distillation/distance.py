"""Distance: what is between the student's lists and the target, both (B, B).

Functions that return a number for each pair, (B, B), or for each list, (B,), and which of these numbers count.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from teachtext.learning.distillation.lists import Lists
from teachtext.learning.distillation.numbers import divided, rounding
from teachtext.learning.losses import diagonal, own_among_others

Measured = tuple[Tensor, Tensor]


def huber(student: Tensor, target: Tensor, lists: Lists, *, threshold: float) -> Measured:
    """Half of d^2 for |d| < threshold, else threshold (|d| - threshold / 2) (Croitoru et al., ICCV 2021, eq. 3)."""
    return F.huber_loss(student, target, reduction="none", delta=threshold), lists.counted


def mse(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """Square of the difference."""
    return (student - target).square(), lists.counted


def l1(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """Size of the difference."""
    return (student - target).abs(), lists.counted


def kl(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """Part of KL(p || q) = sum over the list of p (log p - log q): p is the teacher's, q the student's.

    Both come as logarithms.
    """
    return target.exp() * (target - student).masked_fill(~lists.counted, 0), lists.counted


def pearson(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """1 - Pearson's correlation of the two lists; a list that the teacher finds all equal is left out."""
    ours, theirs = _centred(student, lists.counted), _centred(target, lists.counted)
    return 1 - (ours * theirs).sum(dim=1), theirs.any(dim=1)


def cosine(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """1 - the cosine of the two lists; a list that is all zero for the teacher is left out."""
    ours, theirs = _unit(student, lists.counted), _unit(target, lists.counted)
    return 1 - (ours * theirs).sum(dim=1), theirs.any(dim=1)


def margin_mse(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """Square of the difference of margins, s_ii - s_ij of the own pair and a wrong one (Hofstätter et al., 2020)."""
    ours, theirs = (scores.diagonal()[:, None] - scores for scores in (student, target))
    return (ours - theirs).square(), lists.counted & lists.counted.diagonal()[:, None] & ~lists.same_video


def nce(student: Tensor, target: Tensor, lists: Lists, *, temperature: float) -> Measured:
    """Cross-entropy of the own key among all: the student's lists are of its embeddings and the teacher's, the keys."""
    counted = lists.counted | diagonal(student)
    logits = (student / temperature).masked_fill(~counted, -torch.inf)
    return own_among_others(logits, lists.same_video), lists.counted.diagonal()


DISTANCES: dict[str, Callable[..., Measured]] = {
    "huber": huber,
    "mse": mse,
    "l1": l1,
    "kl": kl,
    "pearson": pearson,
    "margin_mse": margin_mse,
    "cosine": cosine,
    "nce": nce,
}


def _unit(lists: Tensor, counted: Tensor) -> Tensor:
    """Return what counts of each list, of unit length; zeros for zeros."""
    kept = torch.where(counted, lists, 0)
    return divided(kept, torch.linalg.vector_norm(kept, dim=1, keepdim=True))


def _centred(lists: Tensor, counted: Tensor) -> Tensor:
    """Return what counts of each list, of mean zero and unit length; zeros for a list of equal numbers."""
    kept = torch.where(counted, lists, 0)
    means = kept.sum(dim=1, keepdim=True) / counted.sum(dim=1, keepdim=True).clamp(min=1)
    centred = torch.where(counted, lists - means, 0)
    size = torch.linalg.vector_norm(kept.detach(), dim=1, keepdim=True)
    return divided(centred, torch.linalg.vector_norm(centred, dim=1, keepdim=True), least=rounding(size))
