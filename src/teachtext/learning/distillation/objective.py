"""The distillation objective: a ranking loss, and a distance to the teachers, put together from its parts."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from teachtext.data.batch import Batch
from teachtext.learning.distillation.compare import SAMPLES, list_entropies, mistrust, reduced, trust
from teachtext.learning.distillation.parts import Parts, chosen
from teachtext.learning.distillation.student_side import Lists, View
from teachtext.learning.distillation.teacher_side import (
    PAIRS,
    SOURCES,
    Learned,
    Momentum,
    Taught,
    Teachers,
    label_first,
)
from teachtext.learning.frames import FrameScores, frame_loss
from teachtext.learning.losses import Candidates
from teachtext.learning.objective import Objective
from teachtext.learning.teachers import Teacher
from teachtext.models.retrieval import RetrievalModel
from teachtext.models.similarity import Embedded

Target = tuple[Tensor, Tensor]


class Distillation(Objective):
    """Ranking loss and distance to teachers: L = w_r L_r + lambda(epoch) (w_d D + w_f F).

    source -> standardise -> pool -> pairs -> target -> distance -> weights; see `Parts`. The preset `teachtext` is
    the objective of the paper, `teachtext.learning.teachtext.TeachText`. A teacher has no say in pairs that it does not
    score (NaN). Pairs that no teacher scores are left out.

    Args:
        ranking: L_r, a loss of scores (B, B), of the pairs of the same video (B, B), of weights (B,), and
            with other `ranking_pairs` than `all` of `candidates`.
        parts: all other settings; see `teachtext.learning.distillation.presets`.
        teachers: N frozen teachers; none where the student teaches itself.
        student: the model in training; needed by `source: momentum`, which averages its weights.
        frames: the teachers' scores of rows, for a student that weighs rows; read where there is a `frame_weight`.

    Raises:
        ValueError: the parts need another number of teachers, the student, or scores of rows.
    """

    def __init__(
        self,
        *,
        ranking: nn.Module,
        parts: Parts,
        teachers: Sequence[Teacher] = (),
        student: RetrievalModel | None = None,
        frames: Sequence[FrameScores] = (),
    ) -> None:
        super().__init__()
        parts.check_teachers(len(teachers))
        if parts.frame_weight and not frames:
            raise ValueError("'frame_weight' needs teachers that score rows")
        self.frames = frames
        self.ranking = ranking
        self.parts = parts
        self.source = _source(parts, teachers, student)
        self.pool = Learned(teachers=len(teachers)) if parts.pool == "learned" else chosen("pool", parts)
        self.views, self.standardise = chosen("views", parts), chosen("standardise", parts)
        self.pairs, self.target, self.distance = (chosen(name, parts) for name in ("pairs", "target", "distance"))
        self.direction, self.reduction = chosen("direction", parts), chosen("reduction", parts)
        self.schedule, self.samples = chosen("schedule", parts), chosen("samples", parts)
        self.ranking_samples = SAMPLES[parts.ranking_samples]
        self.start_epoch(1, 1)

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Set the weights that distance and frame weights have in this epoch."""
        share = self.schedule(epoch, epochs)
        self.weight: float = self.parts.weight * share
        self.frame_weight: float = self.parts.frame_weight * share

    def forward(self, student: Embedded, batch: Batch) -> dict[str, Tensor]:
        """Return the ranking and the distillation loss, and that of frame weights where it has a weight."""
        same_video = batch.same_video
        taught: Taught = self.source(student, batch)
        targets = self._pooled(taught.scores)
        of_rows, of_columns = self._views(student, taught)
        losses = [
            self.direction(
                partial(self._loss, of_rows, teacher, scored, same_video),
                partial(self._loss, of_columns, teacher.T, scored.T, same_video),
            )
            for teacher, scored in targets
        ]
        # a loss that reads no candidates is not given any
        mined = {} if self.parts.ranking_pairs == "all" else {"candidates": self._candidates(targets, same_video)}
        ranking = self.parts.ranking_weight * self.ranking(
            student.scores, same_video, self._ranking_weights(targets, same_video), **mined
        )
        distillation = torch.stack(losses).mean()
        if self.parts.weight_unit == "gradient":
            distillation = distillation * _relative_pull(ranking, distillation, student)
        losses_by_name = {"ranking": ranking, "distillation": self.weight * distillation}
        if self.parts.frame_weight:
            losses_by_name["frames"] = self.frame_weight * self._frame_loss(student, batch)
        return losses_by_name

    def _frame_loss(self, student: Embedded, batch: Batch) -> Tensor:
        """Return the mean over teachers, and over the weighed experts of all videos, of the cross-entropy of rows."""
        losses, counts = [], []
        for expert, logits in student.video.frames.items():
            lengths = batch.video.lengths[expert]
            counts.append((lengths > 0).sum())
            for teacher in self.frames:
                scores = teacher.of(batch, expert).to(logits.dtype)
                by_video = frame_loss(
                    logits,
                    scores,
                    lengths,
                    temperature=self.parts.frame_temperature,
                    reduction=self.parts.frame_reduction,
                )
                losses.append(by_video.sum() / len(self.frames))
        return torch.stack(losses).sum() / torch.stack(counts).sum().clamp(min=1)

    def _pooled(self, scores: Tensor) -> list[Target]:
        """Return the target matrix and the pairs that it scores: one of all teachers, or one of each."""
        scored = ~scores.isnan()
        matrices = zip(torch.where(scored, scores, 0), scored, strict=True)
        scores = torch.stack([self.standardise(matrix, pairs) for matrix, pairs in matrices])
        if self.parts.pool == "none":
            return list(zip(scores, scored, strict=True))
        by_any = scored.any(dim=0)
        return [(torch.where(by_any, self.pool(scores, scored), 0), by_any)]

    def _views(self, student: Embedded, taught: Taught) -> tuple[list[View], list[View]]:
        """Return the student's matrices for the direction of rows, and transposed for that of columns."""
        of_rows = of_columns = student
        if self.parts.distance == "nce" and taught.keys is not None:
            of_rows = Embedded(student.text, taught.keys.video)
            of_columns = Embedded(taught.keys.text, student.video)
        rows = self.views(of_rows)
        columns = rows if of_columns is of_rows else self.views(of_columns)
        if self.parts.standardise in ("z_score", "min_max"):
            rows, columns = ([(self.standardise(*view), view[1]) for view in views] for views in (rows, columns))
        return rows, [(scores.T, scored.T) for scores, scored in columns]

    def _loss(self, views: Sequence[View], teacher: Tensor, scored: Tensor, same_video: Tensor) -> Tensor:
        """Return the mean over views of the distance between their rows and the teacher's."""
        parts = self.parts
        counted = self.pairs(teacher, scored, same_video)
        weights = None
        if parts.samples != "uniform":
            weights = trust(self.samples(*list_entropies(teacher.detach(), counted, parts.temperature)))
        if parts.label_first:
            teacher = label_first(teacher, counted, same_video)
        losses = []
        for scores, scored_by_student in views:
            lists = Lists(counted & scored_by_student, same_video)
            ours, theirs = self.target(scores, teacher, lists)
            if parts.target == "softmax" and parts.distance != "kl":
                # logarithms are for kl alone
                ours, theirs = ours.exp(), theirs.exp()
            values, measured = self.distance(ours, theirs, lists)
            losses.append(reduced(self.reduction, values, measured, weights))
        return torch.stack(losses).mean()

    def _ranking_weights(self, targets: Sequence[Target], same_video: Tensor) -> Tensor | None:
        if self.parts.ranking_samples == "uniform":
            return None
        weights = [
            self.direction(
                partial(self._mistrust, teacher, scored, same_video),
                partial(self._mistrust, teacher.T, scored.T, same_video),
            )
            for teacher, scored in targets
        ]
        together = torch.stack(weights).mean(dim=0)
        return together / together.mean()

    def _candidates(self, targets: Sequence[Target], same_video: Tensor) -> Candidates:
        """Return the pairs that the ranking loss sees, of any teacher."""
        mined = partial(PAIRS[self.parts.ranking_pairs], same_video=same_video, candidates=self.parts.candidates)
        of_rows = [mined(teacher, scored) for teacher, scored in targets]
        of_columns = [mined(teacher.T, scored.T) for teacher, scored in targets]
        return torch.stack(of_rows).any(dim=0), torch.stack(of_columns).any(dim=0)

    def _mistrust(self, teacher: Tensor, scored: Tensor, same_video: Tensor) -> Tensor:
        counted = self.pairs(teacher, scored, same_video)
        return mistrust(self.ranking_samples(*list_entropies(teacher.detach(), counted, self.parts.temperature)))


def _relative_pull(ranking: Tensor, distillation: Tensor, student: Embedded) -> Tensor:
    """Return the size of one loss's gradient as a multiple of the other's: |d ranking| / |d distillation|.

    The gradients are those by the student's unit vectors. 0 where the distillation loss does not depend on them.
    """
    vectors = [*student.text.vectors.values(), *student.video.vectors.values()]
    ours, theirs = (_gradient_size(loss, vectors) for loss in (ranking, distillation))
    return torch.where(theirs > 0, ours / theirs.clamp(min=1e-12), 0.0)


def _gradient_size(loss: Tensor, vectors: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of a loss's gradient by all vectors together, those that are learned."""
    learned = [vector for vector in vectors if vector.requires_grad]
    if not loss.requires_grad or not learned:
        return loss.new_zeros(())
    gradients = torch.autograd.grad(loss, learned, retain_graph=True, allow_unused=True)
    squares = [(part**2).sum() for part in gradients if part is not None]
    return torch.stack([loss.new_zeros(()), *squares]).sum().sqrt()


def _source(parts: Parts, teachers: Sequence[Teacher], student: RetrievalModel | None) -> nn.Module:
    if parts.source == "teachers":
        return Teachers(teachers=teachers)
    if parts.source != "momentum":
        return SOURCES[parts.source]()
    if student is None:
        raise ValueError("'source: momentum' needs the student")
    return Momentum(student=student, momentum=parts.momentum)
