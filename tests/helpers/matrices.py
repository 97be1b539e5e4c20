"""Students and teachers that are matrices and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from teachtext.data.batch import Batch, TextBatch, VideoBatch
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.parts import Parts
from teachtext.learning.losses import MaxMarginRankingLoss
from teachtext.models.similarity import Embedded, TextEmbedding, VideoEmbedding


@dataclass(frozen=True)
class Fixed:
    """A teacher of one matrix, whatever the batch."""

    matrix: Tensor

    def scores(self, batch: Batch) -> Tensor:
        return self.matrix

    def require(self, caption_ids: Sequence[str], video_ids: Sequence[str]) -> None:
        pass


def student_of(scores: Tensor) -> Embedded:
    """A student whose similarity matrix is exactly this one: its videos are the axes of the space."""
    size = len(scores)
    axes = torch.eye(size, dtype=scores.dtype)
    return Embedded(
        TextEmbedding({"e": scores}, scores.new_ones(size, 1)),
        VideoEmbedding({"e": axes}, torch.ones(size, 1, dtype=torch.bool)),
    )


def batch_of(videos: Sequence[object] | int) -> Batch:
    """A batch of captions of these videos, or of so many different ones."""
    ids = [str(video) for video in (range(videos) if isinstance(videos, int) else videos)]
    return Batch(
        TextBatch([f"{number}" for number in range(len(ids))], torch.zeros(len(ids), 1, 1), torch.ones(len(ids))),
        VideoBatch(ids, {}, {}),
    )


def random_matrix(size: int, seed: int = 0, *, count: int | None = None, dtype: torch.dtype = torch.float64) -> Tensor:
    """Scores between -1 and 1, (size, size), or (count, size, size)."""
    shape = (size, size) if count is None else (count, size, size)
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def distillation(parts: Parts, scores: Tensor, *teachers: Tensor, videos: Sequence[object] | None = None) -> Tensor:
    """The distillation loss alone."""
    objective = Distillation(
        ranking=MaxMarginRankingLoss(), parts=parts, teachers=[Fixed(matrix) for matrix in teachers]
    )
    return objective(student_of(scores), batch_of(videos or len(scores)))["distillation"]


def gradient(parts: Parts, scores: Tensor, *teachers: Tensor, videos: Sequence[object] | None = None) -> Tensor:
    """Its gradient with respect to the student's matrix."""
    scores = scores.detach().clone().requires_grad_()
    distillation(parts, scores, *teachers, videos=videos).backward()
    assert scores.grad is not None
    return scores.grad
