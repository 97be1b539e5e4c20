"""The student's side of the objective: which of its matrices are taught, and the form in which they are compared.

Two tables hold the choices: `VIEWS` and `TARGETS`. A choice is one function and one line of its table.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from teachtext.models.similarity import Embedded

View = tuple[Tensor, Tensor]
"""Scores (B, B) of the student, and the pairs that it scores, (B, B) bool."""


@dataclass(frozen=True)
class Lists:
    """B lists of B pairs: the rows of a matrix (B, B) or of its transpose, right pairs on the diagonal.

    Attributes:
        counted: (B, B) bool, pairs that count.
        same_video: (B, B) bool, pairs of the same video: never wrong ones.
    """

    counted: Tensor
    same_video: Tensor


# Views: functions of the student's embeddings.


def fused(student: Embedded) -> list[View]:
    """Return the student's similarity matrix."""
    return [(student.scores, torch.ones_like(student.scores, dtype=torch.bool))]


def experts(student: Embedded) -> list[View]:
    """Return one matrix an expert, of cosines; it does not score videos that lack the expert."""
    views = []
    for e, name in enumerate(sorted(student.text.vectors)):
        scores = student.text.vectors[name] @ student.video.vectors[name].T
        views.append((scores, student.video.present[:, e].expand_as(scores)))
    return views


def both(student: Embedded) -> list[View]:
    """Return the student's similarity matrix and one an expert."""
    return [*fused(student), *experts(student)]


VIEWS: dict[str, Callable[[Embedded], list[View]]] = {"fused": fused, "experts": experts, "both": both}


# Targets: functions of the student's and the teacher's lists, both (B, B); they return both transformed.


def raw(student: Tensor, teacher: Tensor, lists: Lists) -> tuple[Tensor, Tensor]:
    """Compare the scores as they are."""
    return student, teacher


def softmax(
    student: Tensor, teacher: Tensor, lists: Lists, *, temperature: float, label_share: float
) -> tuple[Tensor, Tensor]:
    """Compare the softmaxes of each list, of scores / temperature; the teacher's may have the label mixed in.

    Both are returned as logarithms.
    """
    ours, theirs = (_log_softmax(scores / temperature, lists.counted) for scores in (student, teacher))
    if label_share:
        right = (lists.same_video & lists.counted).to(theirs.dtype)
        label = label_share * right / right.sum(dim=1, keepdim=True).clamp(min=1)
        mixed = torch.logaddexp(math.log(1 - label_share) + theirs, label.log())
        theirs = torch.where(right.any(dim=1, keepdim=True), mixed, theirs)
    return ours, theirs


def rank(student: Tensor, teacher: Tensor, lists: Lists, *, temperature: float) -> tuple[Tensor, Tensor]:
    """Compare the ranks within each list, from 0 to 1; the student's are soft, a sigmoid of differences / temperature.

    Needs memory for B x B x B numbers.
    """
    counted = lists.counted
    beats = ((student[:, :, None] - student[:, None, :]) / temperature).sigmoid() * counted[:, None, :]
    scored = teacher.masked_fill(~counted, torch.inf).contiguous()
    order = scored.sort(dim=1).values
    lower, not_higher = torch.searchsorted(order, scored), torch.searchsorted(order, scored, right=True)
    others = counted.sum(dim=1, keepdim=True).clamp(min=2) - 1
    # the sigmoid gives a pair half a win over itself
    return (beats.sum(dim=2) - 0.5) / others, (lower + not_higher - 1).to(teacher.dtype) / 2 / others


TARGETS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {"raw": raw, "softmax": softmax, "rank": rank}


def _log_softmax(scores: Tensor, counted: Tensor) -> Tensor:
    # A list in which nothing counts must not become NaN, nor may a gradient: so all of its pairs take part, and pairs
    # that are left out have a large negative score instead of minus infinity.
    included = counted | ~counted.any(dim=1, keepdim=True)
    return scores.masked_fill(~included, -1e30).log_softmax(dim=1)
