"""What training minimises: functions of a similarity matrix and the batch it came from."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from teachtext.data.batch import Batch
from teachtext.learning.losses import POOLS, huber
from teachtext.learning.teachers import Teacher


class Objective(nn.Module, ABC):
    """Turns scores (B, B), rows = texts, into named losses; training minimises their sum.

    A module, for a loss may have parameters of its own: they are trained with the model's, and not kept with it.
    """

    @abstractmethod
    def forward(self, scores: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the losses, weights already applied."""


class Retrieval(Objective):
    """The ranking loss alone: how teachers, and the student without teachers, are trained."""

    def __init__(self, *, ranking: nn.Module) -> None:
        super().__init__()
        self.ranking = ranking

    def forward(self, scores: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking loss."""
        return {"ranking": self.ranking(scores)}


class TeachText(Objective):
    """Ranking loss + Huber distance to the pooled teachers: L = L_r + w L_d (Croitoru et al., ICCV 2021, eq. 2-4).

    Raw similarities on both sides: no softmax, no temperature, no rescaling.

    Args:
        ranking: L_r, a loss of scores (B, B).
        teachers: N frozen teachers.
        pool: how the N matrices become one; the paper uses the mean.
        threshold: of the Huber distance.
        weight: w; the paper uses 1.
    """

    def __init__(
        self,
        *,
        ranking: nn.Module,
        teachers: Sequence[Teacher],
        pool: Literal["mean", "min", "max", "median"] = "mean",
        threshold: float = 1.0,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.ranking = ranking
        self.teachers = teachers
        self.pool = POOLS[pool]
        self.threshold = threshold
        self.weight = weight

    def forward(self, scores: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking and the distillation loss."""
        target = self.pool(torch.stack([teacher.scores(batch) for teacher in self.teachers]))
        # what no teacher knows is left to the student
        target = torch.where(target.isnan(), scores.detach(), target)
        distance = huber(scores, target, threshold=self.threshold)
        return {"ranking": self.ranking(scores), "distillation": self.weight * distance}
