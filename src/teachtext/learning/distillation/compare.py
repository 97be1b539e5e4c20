"""The comparison of student and target: distance, reduction to one loss, direction, weights by trust, schedule.

Five tables hold the choices: `DISTANCES`, `REDUCTIONS`, `DIRECTIONS`, `SAMPLES` and `SCHEDULES`. A choice is one
function and one line of its table.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from teachtext.learning.distillation.student_side import Lists
from teachtext.learning.distillation.teacher_side import divided, rounding
from teachtext.learning.losses import diagonal, own_among_others

# Distances: functions of the student's lists and the target, both (B, B). They return a number for each pair, (B, B),
# or for each list, (B,); and which of these numbers count, of the same shape.

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

    Both are logarithms of probabilities.
    """
    return target.exp() * (target - student).masked_fill(~lists.counted, 0), lists.counted


def pearson(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """1 - Pearson's correlation of the two lists; a list of equal scores of the teacher is left out."""
    ours, theirs = _centred(student, lists.counted), _centred(target, lists.counted)
    return 1 - (ours * theirs).sum(dim=1), theirs.any(dim=1)


def cosine(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """1 - the cosine of the two lists; a list of zeros of the teacher is left out."""
    ours, theirs = _unit(student, lists.counted), _unit(target, lists.counted)
    return 1 - (ours * theirs).sum(dim=1), theirs.any(dim=1)


def margin_mse(student: Tensor, target: Tensor, lists: Lists) -> Measured:
    """Square of the difference of margins, s_ii - s_ij of the right pair and a wrong one (Hofstätter et al., 2020)."""
    ours, theirs = (scores.diagonal()[:, None] - scores for scores in (student, target))
    return (ours - theirs).square(), lists.counted & lists.counted.diagonal()[:, None] & ~lists.same_video


def nce(student: Tensor, target: Tensor, lists: Lists, *, temperature: float) -> Measured:
    """Cross-entropy of the right key among all: lists of the student's embeddings and the teacher's, the keys."""
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
    """Return the pairs that count of each list, of unit length; zeros for a list of zeros."""
    kept = torch.where(counted, lists, 0)
    return divided(kept, torch.linalg.vector_norm(kept, dim=1, keepdim=True))


def _centred(lists: Tensor, counted: Tensor) -> Tensor:
    """Return the pairs that count of each list, of mean zero and unit length; zeros for a list of equal numbers."""
    kept = torch.where(counted, lists, 0)
    means = kept.sum(dim=1, keepdim=True) / counted.sum(dim=1, keepdim=True).clamp(min=1)
    centred = torch.where(counted, lists - means, 0)
    size = torch.linalg.vector_norm(kept.detach(), dim=1, keepdim=True)
    return divided(centred, torch.linalg.vector_norm(centred, dim=1, keepdim=True), least=rounding(size))


# Reductions: functions of numbers (B, B) or (B,), zero where they do not count, and of how much each counts.


def mean_pairs(values: Tensor, shares: Tensor) -> Tensor:
    """Take the mean over all pairs that count: over B x B where all do."""
    return values.sum() / shares.sum().clamp(min=1e-12)


def mean_lists(values: Tensor, shares: Tensor) -> Tensor:
    """Sum up each list, and take the mean over the lists in which something counts: over B where all do."""
    lists = shares.amax(dim=1) if shares.ndim == 2 else shares
    return values.sum() / lists.sum().clamp(min=1e-12)


def total(values: Tensor, shares: Tensor) -> Tensor:
    """Sum up everything."""
    return values.sum()


REDUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean_pairs": mean_pairs,
    "mean_lists": mean_lists,
    "sum": total,
}


def reduced(how: Callable[[Tensor, Tensor], Tensor], values: Tensor, counted: Tensor, weights: Tensor | None) -> Tensor:
    """Return one loss.

    Args:
        how: a function of `REDUCTIONS`.
        values: (B, B) or (B,).
        counted: of the same shape, bool.
        weights: (B,) of the lists, of mean 1; None for all 1.
    """
    shares = counted.to(values.dtype)
    if weights is not None:
        shares = shares * (weights[:, None] if shares.ndim == 2 else weights)
    return how(values.masked_fill(~counted, 0) * shares, shares)


# Directions: functions of two losses yet to be computed, that of the rows and that of the columns.

Part = Callable[[], Tensor]


def rows(of_rows: Part, of_columns: Part) -> Tensor:
    """Read rows: the videos that a text may mean."""
    return of_rows()


def columns(of_rows: Part, of_columns: Part) -> Tensor:
    """Read columns: the texts that may describe a video."""
    return of_columns()


def both(of_rows: Part, of_columns: Part) -> Tensor:
    """Read both, and add the two losses up."""
    return of_rows() + of_columns()


def both_halved(of_rows: Part, of_columns: Part) -> Tensor:
    """Read both, and take the mean of the two losses."""
    return (of_rows() + of_columns()) / 2


DIRECTIONS: dict[str, Callable[[Part, Part], Tensor]] = {
    "rows": rows,
    "columns": columns,
    "both": both,
    "both_halved": both_halved,
}


# Samples: functions of the entropies (B,) of the teacher's lists and of the number of pairs of each list. They return
# doubts (B,), high where the teacher is unsure (DCD: Rao et al., IEEE TMM 2023).


def uniform(entropies: Tensor, pairs: Tensor) -> Tensor:
    """Count all alike."""
    return torch.zeros_like(entropies)


def entropy(entropies: Tensor, pairs: Tensor) -> Tensor:
    """Doubt by the entropy, divided by the highest that is possible: between 0 and 1, whatever the batch."""
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
    """Return the entropies (B,) of the softmaxes of lists (B, B), and the number of pairs that count in each.

    A list without a pair that counts has the highest entropy that is possible.
    """
    pairs = counted.sum(dim=1).to(teacher.dtype)
    included = counted | (pairs == 0)[:, None]
    logs = (teacher / temperature).masked_fill(~included, -torch.inf).log_softmax(dim=1)
    return -(logs.exp() * logs.masked_fill(~included, 0)).sum(dim=1), pairs


def trust(doubts: Tensor) -> Tensor:
    """Return weights of mean 1 for the teacher's lists, r = B softmax((1 - doubt)^2): high where it is sure."""
    return (1 - doubts).square().softmax(dim=0) * len(doubts)


def mistrust(doubts: Tensor) -> Tensor:
    """Return weights of mean 1 for the labels, w = B doubt / sum of doubts: high where the teacher is unsure."""
    whole = doubts.sum()
    return torch.where(whole > 0, divided(doubts, whole) * len(doubts), 1)


# Schedules: functions of the number of the epoch, from 1, and of the number of all epochs. They return a factor on the
# weight of the distillation loss. Training resumes anywhere, because a schedule depends on these two alone.


def constant(epoch: int, epochs: int) -> float:
    """1 throughout."""
    return 1.0


def warm_up(epoch: int, epochs: int, *, warm_up_epochs: int) -> float:
    """Rise in equal steps to 1 in epoch `warm_up_epochs`, and stay there."""
    return min(1.0, epoch / warm_up_epochs)


def exponential(epoch: int, epochs: int, *, decay: float) -> float:
    """1 in the first epoch, then `decay` times as much from each to the next (as DL-DKD: ICCV 2023)."""
    return decay ** (epoch - 1)


def half_cosine(epoch: int, epochs: int) -> float:
    """Half a cosine, from 1 in the first epoch to 0 in the last."""
    return (1 + math.cos(math.pi * (epoch - 1) / max(1, epochs - 1))) / 2


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "warm_up": warm_up,
    "exponential": exponential,
    "cosine": half_cosine,
}
