"""Schedules, and how teachers are weighed."""

from dataclasses import replace

import pytest
import torch
from matrices import Fixed, batch_of, distillation, random_matrix, student_of
from torch.nn import functional as F

from teachtext.learning.distillation.compare import entropy, list_entropies, trust
from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss

TEACHTEXT = preset("teachtext")


@pytest.mark.parametrize(
    ("schedule", "weights"),
    [
        ("constant", [2.0] * 5),
        ("warm_up", [0.5, 1.0, 1.5, 2.0, 2.0]),
        ("exponential", [2.0, 1.0, 0.5, 0.25, 0.125]),
        ("cosine", [2.0, 1 + 0.5**0.5, 1.0, 1 - 0.5**0.5, 0.0]),
    ],
)
def test_the_weight_depends_on_the_epoch_alone(schedule, weights):
    parts = replace(TEACHTEXT, schedule=schedule, weight=2.0, warm_up_epochs=4, decay=0.5)
    objective = Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=[Fixed(random_matrix(4))])
    plain = distillation(TEACHTEXT, random_matrix(4, 1), random_matrix(4))
    for epoch in (5, 1, 3, 2, 4):
        objective.start_epoch(epoch, 5)
        found = objective(student_of(random_matrix(4, 1)), batch_of(4))["distillation"]
        assert found.item() == pytest.approx(weights[epoch - 1] * plain.item(), abs=1e-12)


@pytest.mark.parametrize("ranking", [MaxMarginRankingLoss(margin=0.5), InfoNCE(temperature=0.05)])
def test_in_units_of_gradients_both_losses_pull_as_the_weight_says(ranking):
    parts = replace(TEACHTEXT, weight=0.5, weight_unit="gradient")
    objective = Distillation(ranking=ranking, parts=parts, teachers=[Fixed(random_matrix(6))])
    student = student_of(random_matrix(6, 1))
    vectors = [*student.text.vectors.values(), *student.video.vectors.values()]
    leaves = [vector.requires_grad_() for vector in vectors]
    losses = objective(student, batch_of(6))
    sizes = {}
    for name, loss in losses.items():
        gradients = torch.autograd.grad(loss, leaves, retain_graph=True, allow_unused=True)
        sizes[name] = torch.cat([part.flatten() for part in gradients if part is not None]).norm().item()
    assert sizes["distillation"] == pytest.approx(0.5 * sizes["ranking"], rel=1e-4) and sizes["ranking"] > 0


def test_in_units_of_gradients_a_perfect_student_is_left_alone():
    parts = replace(TEACHTEXT, weight_unit="gradient")
    scores = random_matrix(4)
    objective = Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=[Fixed(scores)])
    student = student_of(scores)
    for vector in [*student.text.vectors.values(), *student.video.vectors.values()]:
        vector.requires_grad_()
    exact = Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=[Fixed(student.scores.detach())])
    assert exact(student, batch_of(4))["distillation"].item() == 0
    with pytest.raises(ValueError, match="needs a 'ranking_weight' above 0"):
        replace(preset("momentum"), weight_unit="gradient")
    assert objective.parts.identity() == {**preset("teachtext").identity(), "weight_unit": "gradient"}


def test_a_learned_pool_starts_as_the_mean_and_learns():
    parts = replace(TEACHTEXT, pool="learned")
    one, other = random_matrix(4, count=2)
    objective = Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=[Fixed(one), Fixed(other)])
    assert [name for name, _ in objective.named_parameters()] == ["pool.logits"]
    loss = objective(student_of(one), batch_of(4))["distillation"]
    torch.testing.assert_close(loss, distillation(TEACHTEXT, one, one, other))
    loss.backward()
    assert objective.pool.logits.grad[0] < 0 < objective.pool.logits.grad[1], "the first teacher is the nearer"


def test_a_learned_pool_keeps_finite_gradients_where_teachers_know_nothing():
    teachers = random_matrix(4, count=2)
    teachers[:, 1], teachers[0, 2] = torch.nan, torch.nan
    for target, distance, share in (("raw", "huber", 0.0), ("softmax", "kl", 0.3)):
        parts = replace(
            TEACHTEXT,
            pool="learned",
            target=target,
            distance=distance,
            label_share=share,
            pairs="top",
            candidates=1,
        )
        given = [Fixed(matrix) for matrix in teachers]
        objective = Distillation(ranking=MaxMarginRankingLoss(), parts=parts, teachers=given)
        objective(student_of(random_matrix(4, 3)), batch_of(4))["distillation"].backward()
        assert objective.pool.logits.grad.isfinite().all() and objective.pool.logits.grad.abs().max() > 0


def test_weights_of_teachers_are_shares():
    scores, one, other = random_matrix(4, count=3)
    parts = replace(TEACHTEXT, pool="weighted", pool_weights=[3.0, 1.0])
    expected = F.huber_loss(scores, 0.75 * one + 0.25 * other)
    torch.testing.assert_close(distillation(parts, scores, one, other), expected)


def test_how_sure_a_teacher_is_is_not_learned():
    scores, *teachers = random_matrix(4, count=3)
    parts = replace(TEACHTEXT, pool="learned", samples="entropy", ranking_samples="entropy", temperature=0.1)
    given = [Fixed(matrix) for matrix in teachers]
    objective = Distillation(ranking=MaxMarginRankingLoss(margin=1.0), parts=parts, teachers=given)
    sum(objective(student_of(scores), batch_of(4)).values()).backward()
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    pooled = (logits.softmax(0)[:, None, None] * torch.stack(teachers)).sum(0)
    doubts = entropy(*list_entropies(pooled.detach(), torch.ones(4, 4, dtype=torch.bool), 0.1))
    (trust(doubts)[:, None] * F.huber_loss(scores, pooled, reduction="none")).mean().backward()
    torch.testing.assert_close(objective.pool.logits.grad, logits.grad.float())
