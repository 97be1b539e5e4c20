"""What training minimises: functions of a similarity matrix and the batch it came from."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from teachtext.data.batch import Batch
from teachtext.learning.losses import POOLS, huber
from teachtext.learning.teachers import Teacher


class Objective(Protocol):
    """Turns scores (B, B), rows = texts, into named losses; training minimises their sum."""

    def __call__(self, scores: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the losses, weights already applied."""
        ...


class Retrieval:
    """The ranking loss alone: how teachers, and the student without teachers, are trained."""

    def __init__(self, *, ranking: Callable[[Tensor], Tensor]) -> None:
        self.ranking = ranking

    def __call__(self, scores: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking loss."""
        return {"ranking": self.ranking(scores)}


class TeachText:
    """Ranking loss + Huber distance to the pooled teachers: L = L_r + w L_d (Croitoru et al., ICCV 2021, eq. 2-4).

    Raw similarities on both sides: no softmax, no temperature, no rescaling.

    Args:
        ranking: L_r.
        teachers: N frozen teachers.
        pool: how the N matrices become one; the paper uses the mean.
        threshold: of the Huber distance.
        weight: w; the paper uses 1.
    """

    def __init__(
        self,
        *,
        ranking: Callable[[Tensor], Tensor],
        teachers: Sequence[Teacher],
        pool: Literal["mean", "min", "max", "median"] = "mean",
        threshold: float = 1.0,
        weight: float = 1.0,
    ) -> None:
        self.ranking = ranking
        self.teachers = teachers
        self.pool = POOLS[pool]
        self.threshold = threshold
        self.weight = weight

    def __call__(self, scores: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking and the distillation loss."""
        target = self.pool(torch.stack([teacher.scores(batch) for teacher in self.teachers]))
        distance = huber(scores, target, threshold=self.threshold)
        return {"ranking": self.ranking(scores), "distillation": self.weight * distance}
