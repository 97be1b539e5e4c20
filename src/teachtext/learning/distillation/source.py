"""Source: who teaches. Given what the student makes of a batch, N matrices (N, B, B), NaN where one knows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from teachtext.data.batch import Batch
from teachtext.learning.teachers import Teacher
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import Embedded, VideoEmbedding, similarity


@dataclass(frozen=True)
class Taught:
    """What is taught of a batch.

    Attributes:
        scores: (N, B, B), NaN where a teacher knows nothing.
        keys: embeddings in the student's own spaces, where there are such.
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

    It moves with every batch, before that is scored: p <- m p + (1 - m) p_student; it starts as the student. What
    batch normalisation has counted is the student's, and the average is always in evaluation mode.
    """

    def __init__(self, *, student: RetrievalModel, momentum: float) -> None:
        super().__init__()
        average = get_ema_multi_avg_fn(momentum)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(student, multi_avg_fn=average)
        self.average.requires_grad_(False)
        # in a list, for the student's weights are not ours to keep
        self._student = [student]

    @torch.no_grad()
    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return the average's matrix and embeddings."""
        self.average.update_parameters(self._student[0])
        model: Any = self.average.module.eval()
        keys: Embedded = model.embed(batch)
        return Taught(keys.scores[None], keys)


class Own(nn.Module):
    """The student's own fused matrix, without gradient."""

    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return it and the embeddings that it is made of."""
        keys = student.detach()
        return Taught(keys.scores[None], keys)


class Captions(nn.Module):
    """The student's own similarity of captions with captions, with gradient (CrossKD: ACCV 2022, as released)."""

    def forward(self, student: Embedded, batch: Batch) -> Taught:
        """Return it, column j standing for the caption of video j, weighed by the experts that the video has."""
        return Taught(similarity(student.text, VideoEmbedding(student.text.vectors, student.video.present))[None])


SOURCES: dict[str, type[nn.Module]] = {"teachers": Teachers, "momentum": Momentum, "own": Own, "captions": Captions}
