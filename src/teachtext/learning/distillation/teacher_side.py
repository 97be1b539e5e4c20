"""The teachers' side of the objective: their matrices, brought to one scale, pooled, and the pairs of them that count.

A teacher's matrix is (B, B), rows = captions, columns = videos. NaN marks a pair that the teacher does not score.
Four tables hold the choices: `SOURCES`, `STANDARDS`, `POOLS` and `PAIRS`. A choice is one function and one line there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from teachtext.data.batch import Batch
from teachtext.learning.teachers import Teacher
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import Embedded, VideoEmbedding, similarity


def divided(values: Tensor, by: Tensor, *, least: float | Tensor = 0.0) -> Tensor:
    """Return values / by with finite gradients; zeros without gradient where `by` is not above `least`."""
    able = by > least
    return torch.where(able, values / torch.where(able, by, 1), 0)


def rounding(size: Tensor) -> Tensor:
    """Return the largest part of numbers of that size that may be rounding alone."""
    return 8 * torch.finfo(size.dtype).eps * size


# Source: who teaches. A module from the student's embeddings and the batch to the matrices of N teachers.


@dataclass(frozen=True)
class Taught:
    """The teaching of one batch.

    Attributes:
        scores: (N, B, B), NaN where a teacher does not score a pair.
        keys: embeddings in the student's own spaces; None for a source that has none.
    """

    scores: Tensor
    keys: Embedded | None = None


class Teachers(nn.Module):
    """Frozen teachers, each trained before."""

    def __init__(self, *, teachers: Sequence[Teacher]) -> None:
        super().__init__()
        self.teachers = teachers

    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return the matrices of all teachers."""
        return Taught(torch.stack([teacher.scores(batch) for teacher in self.teachers]))


class Momentum(nn.Module):
    """A moving average of the student's own weights (Li et al., NeurIPS 2021).

    The average starts as the student and moves with every batch, before that batch is scored:
    p <- m p + (1 - m) p_student. Batch normalisation statistics are the student's, and the average is always in
    evaluation mode.
    """

    def __init__(self, *, student: RetrievalModel, momentum: float) -> None:
        super().__init__()
        average = get_ema_multi_avg_fn(momentum)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(student, multi_avg_fn=average)
        self.average.requires_grad_(False)
        # a list hides the student from this module's own parameters
        self._student = [student]

    @torch.no_grad()
    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return the average's matrix and embeddings."""
        self.average.update_parameters(self._student[0])
        model: Any = self.average.module.eval()
        keys: Embedded = model.embed(batch)
        return Taught(keys.scores[None], keys)


class StudentItself(nn.Module):
    """The student's own fused matrix, without gradient."""

    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return the student's matrix and the embeddings that it is made of."""
        keys = student.detach()
        return Taught(keys.scores[None], keys)


class Captions(nn.Module):
    """The student's own similarity of captions with captions, with gradient (CrossKD: ACCV 2022, as released)."""

    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return that matrix; column j is the caption of video j, weighted by the experts that the video has."""
        return Taught(similarity(student.text, VideoEmbedding(student.text.vectors, student.video.present))[None])


SOURCES: dict[str, type[nn.Module]] = {
    "teachers": Teachers,
    "momentum": Momentum,
    "own": StudentItself,
    "captions": Captions,
}


# Standardise: functions of scores (B, B) and of the pairs that are scored, (B, B) bool. Other pairs become 0.


def as_is(scores: Tensor, scored: Tensor) -> Tensor:
    """Leave scores as they are: right where all are cosines, or weighted means of cosines."""
    return scores


def z_score(scores: Tensor, scored: Tensor) -> Tensor:
    """Give teachers' and student's matrix mean 0 and standard deviation 1; a constant matrix becomes zeros."""
    count = scored.sum().clamp(min=1)
    centred = torch.where(scored, scores - (scores * scored).sum() / count, 0)
    size = torch.linalg.vector_norm(scores.detach() * scored)
    deviation = torch.linalg.vector_norm(centred)
    return divided(centred, deviation / count.sqrt(), least=rounding(size / count.sqrt()))


def min_max(scores: Tensor, scored: Tensor) -> Tensor:
    """Stretch teachers' and student's matrix to [0, 1]; a constant matrix becomes zeros."""
    if not scored.any():
        return torch.zeros_like(scores)
    low, high = scores[scored].min(), scores[scored].max()
    return torch.where(scored, divided(scores - low, high - low), 0)


def rank(scores: Tensor, scored: Tensor) -> Tensor:
    """Replace teachers' scores by their ranks in the matrix, from 0 to 1; equal scores have their mean rank."""
    _, place, counts = torch.unique(scores[scored], return_inverse=True, return_counts=True)
    doubled = (2 * (counts.cumsum(dim=0) - counts) + counts - 1).to(scores.dtype)
    ranks = doubled / 2 / (counts.sum() - 1).clamp(min=1)
    return torch.zeros_like(scores).masked_scatter(scored, ranks[place])


STANDARDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "none": as_is,
    "z_score": z_score,
    "min_max": min_max,
    "rank": rank,
}


# Pool: functions of scores (N, B, B) and of the pairs that each teacher scores. A teacher has no say in other pairs.
# The result means nothing at pairs that no teacher scores.


def mean(scores: Tensor, scored: Tensor) -> Tensor:
    """Take the mean of the teachers, as TeachText does."""
    return _average(scores, scored, scores.new_ones(len(scores)))


def minimum(scores: Tensor, scored: Tensor) -> Tensor:
    """Take the lowest score."""
    return scores.masked_fill(~scored, torch.inf).amin(dim=0)


def maximum(scores: Tensor, scored: Tensor) -> Tensor:
    """Take the highest score."""
    return scores.masked_fill(~scored, -torch.inf).amax(dim=0)


def median(scores: Tensor, scored: Tensor) -> Tensor:
    """Take the median; of an even number of teachers the mean of the middle two."""
    return scores.masked_fill(~scored, torch.nan).nanquantile(0.5, dim=0)


def weighted(scores: Tensor, scored: Tensor, *, pool_weights: Sequence[float]) -> Tensor:
    """Take the mean with fixed weights, which sum to 1 over the teachers that score the pair."""
    return _average(scores, scored, scores.new_tensor(list(pool_weights)))


class Learned(nn.Module):
    """Take the mean with learned weights, a softmax of one number a teacher; the weights start equal."""

    def __init__(self, *, teachers: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(teachers))

    def forward(self, scores: Tensor, scored: Tensor) -> Tensor:
        """Return the mean (B, B), with a gradient for the weights."""
        return _average(scores, scored, self.logits.softmax(dim=0).to(scores.dtype))


def apart(scores: Tensor, scored: Tensor) -> Tensor:
    """Keep the teachers apart, (N, B, B): the mean is taken of the losses."""
    return scores


POOLS: dict[str, Callable[..., Any]] = {
    "mean": mean,
    "min": minimum,
    "max": maximum,
    "median": median,
    "weighted": weighted,
    "learned": Learned,
    "none": apart,
}


def _average(scores: Tensor, scored: Tensor, weights: Tensor) -> Tensor:
    shares = weights[:, None, None] * scored
    return (shares * scores).sum(dim=0) / shares.sum(dim=0).clamp(min=1e-12)


# Pairs: functions of the teacher's scores (B, B), of the pairs that it scores, and of the pairs of the same video.


def every_pair(teacher: Tensor, scored: Tensor, same_video: Tensor) -> Tensor:
    """Count every pair that the teacher scores."""
    return scored


def top(teacher: Tensor, scored: Tensor, same_video: Tensor, *, candidates: int) -> Tensor:
    """Count the right pairs, and the wrong ones that the teacher scores highest (DCD: Rao et al., IEEE TMM 2023)."""
    return _right_and_first(teacher, scored, same_video, candidates)


def random(teacher: Tensor, scored: Tensor, same_video: Tensor, *, candidates: int) -> Tensor:
    """Count the right pairs, and random wrong ones: those of the next items of the batch, whose order is random.

    No random number is drawn here, so that several processes count the same pairs.
    """
    place = torch.arange(len(scored), device=scored.device)
    behind = (place - place[:, None]) % len(scored)
    return _right_and_first(-behind.to(teacher.dtype), scored, same_video, candidates)


def _right_and_first(order: Tensor, scored: Tensor, same_video: Tensor, candidates: int) -> Tensor:
    """Count the right pairs, and `candidates` wrong ones of each row, those with the highest values of `order`."""
    wrong = order.masked_fill(~scored | same_video, -torch.inf)
    first = wrong.topk(min(candidates, wrong.shape[1]), dim=1).indices
    return scored & (same_video | torch.zeros_like(scored).scatter(1, first, True))


PAIRS: dict[str, Callable[..., Tensor]] = {"all": every_pair, "top": top, "random": random}


def label_first(teacher: Tensor, counted: Tensor, same_video: Tensor) -> Tensor:
    """Exchange scores within each list: the right pairs get its highest, the others keep their order.

    Pairs that do not count neither give nor get scores.

    Args:
        teacher: (B, B), a list a row.
        counted: (B, B) bool, the pairs that count.
        same_video: (B, B) bool, the right pairs.
    """
    scores = teacher.masked_fill(~counted, -torch.inf)
    # right pairs first, then by score: two stable sorts, the less important one first
    order = scores.argsort(dim=1, descending=True, stable=True)
    right = (same_video & counted).gather(1, order)
    order = order.gather(1, right.to(torch.int8).argsort(dim=1, descending=True, stable=True))
    exchanged = torch.zeros_like(teacher).scatter(1, order, scores.sort(dim=1, descending=True).values)
    return torch.where(counted, exchanged, teacher)
