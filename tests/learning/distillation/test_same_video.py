"""Captions of the same video in one batch."""

from dataclasses import replace

import pytest
import torch
from matrices import Fixed, batch_of, distillation, gradient, random_matrix, student_of
from torch.nn import functional as F

from teachtext.learning.distillation.objective import Distillation
from teachtext.learning.distillation.presets import preset
from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss
from teachtext.learning.objective import Retrieval

TEACHTEXT = preset("teachtext")

VIDEOS = ("a", "b", "a", "c", "a")
SAME = torch.tensor([[one == other for other in VIDEOS] for one in VIDEOS])


def test_margins_between_them_are_none():
    parts = replace(TEACHTEXT, distance="margin_mse")
    off = SAME & ~torch.eye(5, dtype=torch.bool)
    grad = gradient(parts, random_matrix(5), random_matrix(5, 1), videos=VIDEOS)
    assert (grad[off] == 0).all() and (grad[~SAME] != 0).all()


def test_they_are_no_hard_candidates():
    teacher = random_matrix(5, 1)
    teacher[SAME] = 1.0
    parts = replace(TEACHTEXT, pairs="top", candidates=1, distance="mse")
    grad = gradient(parts, random_matrix(5), teacher, videos=VIDEOS)
    counted = grad != 0
    assert (counted & SAME).sum() == SAME.sum(), "right pairs all count"
    assert ((counted & ~SAME).sum(dim=1) == 1).all(), "beside them the hardest wrong one"


def test_the_label_in_a_target_is_all_of_them():
    parts = replace(
        TEACHTEXT, target="softmax", distance="kl", reduction="mean_lists", temperature=1.0, label_share=0.9
    )
    scores, teacher = torch.zeros(5, 5, dtype=torch.float64), torch.zeros(5, 5, dtype=torch.float64)
    right = SAME.double()
    wanted = 0.1 / 5 + 0.9 * right / right.sum(dim=1, keepdim=True)
    # the gradient of a cross-entropy is what is said less what is wanted
    torch.testing.assert_close(gradient(parts, scores, teacher, videos=VIDEOS), (0.2 - wanted) / 5)


def test_a_teacher_that_is_never_wrong_gives_its_highest_scores_to_them():
    parts = replace(TEACHTEXT, label_first=True, distance="mse", reduction="sum")
    teacher = random_matrix(5, 1)
    expected = torch.empty_like(teacher)
    for i, row in enumerate(SAME):
        right = sorted(row.nonzero().flatten().tolist(), key=lambda j: -teacher[i, j])
        wrong = sorted((~row).nonzero().flatten().tolist(), key=lambda j: -teacher[i, j])
        expected[i, right + wrong] = teacher[i].sort(descending=True).values
    scores = random_matrix(5)
    found = distillation(parts, scores, teacher, videos=VIDEOS)
    torch.testing.assert_close(found, F.mse_loss(scores, expected, reduction="sum"))


def test_ids_decide_and_not_positions():
    scores, teacher = random_matrix(5, count=2)
    order = torch.tensor([3, 0, 4, 1, 2])
    shuffled = [VIDEOS[i] for i in order]
    for parts in (preset("dcd"), replace(TEACHTEXT, distance="margin_mse")):
        found = distillation(parts, scores[order][:, order], teacher[order][:, order], videos=shuffled)
        torch.testing.assert_close(found, distillation(parts, scores, teacher, videos=VIDEOS))


@pytest.mark.parametrize("ranking", [MaxMarginRankingLoss(margin=0.5), InfoNCE(temperature=0.2)])
def test_the_ranking_loss_is_told(ranking):
    scores = random_matrix(5)
    expected = ranking(scores, SAME)
    assert expected.item() != pytest.approx(ranking(scores).item(), rel=1e-3)
    objectives = [
        Retrieval(ranking=ranking),
        Distillation(ranking=ranking, parts=TEACHTEXT, teachers=[Fixed(random_matrix(5, 1))]),
    ]
    for objective in objectives:
        assert objective(student_of(scores), batch_of(VIDEOS))["ranking"].equal(expected)
