import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.learning.losses import POOLS, InfoNCE, MaxMarginRankingLoss, huber


def loop_ranking(scores, margin):
    """L_r = 1 / (2 B (B - 1)) sum_{i != j} max(0, m + s_ij - s_ii) + max(0, m + s_ji - s_ii)."""
    total = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if i != j:
                total += max(0.0, margin + scores[i, j] - scores[i, i])
                total += max(0.0, margin + scores[j, i] - scores[i, i])
    return total / (2 * len(scores) * (len(scores) - 1))


def loop_huber(scores, target, threshold):
    total = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            d = abs(scores[i, j] - target[i, j])
            total += d**2 / 2 if d < threshold else threshold * (d - threshold / 2)
    return total / len(scores) ** 2


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.sampled_from([0.05, 0.2, 1.0]), st.integers(0, 99))
def test_the_ranking_loss_equals_the_double_loop(size, margin, seed):
    scores = torch.rand(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    assert MaxMarginRankingLoss(margin=margin)(scores).item() == pytest.approx(float(loop_ranking(scores, margin)))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.sampled_from([0.02, 0.1, 1.0]), st.integers(0, 99))
def test_info_nce_equals_the_double_loop(size, temperature, seed):
    scores = torch.rand(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    total = 0.0
    for i in range(size):
        for line in (scores[i], scores[:, i]):
            total -= math.log(math.exp(scores[i, i] / temperature) / sum(math.exp(s / temperature) for s in line))
    assert InfoNCE(temperature=temperature)(scores).item() == pytest.approx(total / (2 * size), rel=1e-5)


def test_the_temperature_of_info_nce_learns_but_stays_above_a_hundredth():
    scores = torch.eye(3)
    loss = InfoNCE(temperature=0.5)
    loss(scores).backward()
    assert loss.log_scale.grad < 0, "right pairs are first: a sharper softmax is better"
    assert InfoNCE(temperature=0.001)(scores) == InfoNCE(temperature=0.0101)(scores * 1.01)


def test_the_ranking_loss_tells_texts_from_videos():
    # by hand: text 0 finds video 1 too close by 0.5 + 0.6 - 0.4, video 1 finds text 0 by 0.5 + 0.6 - 0.9
    scores = torch.tensor([[0.4, 0.6], [-0.5, 0.9]])
    assert MaxMarginRankingLoss(margin=0.5)(scores).item() == pytest.approx((0.7 + 0.2) / 4)


@pytest.mark.parametrize("margin", [0.1, 0.3])
def test_ranking_loss_of_scores_that_are_all_equal_is_the_margin_and_of_good_ones_nothing(margin):
    assert MaxMarginRankingLoss(margin=margin)(torch.full((5, 5), 0.3)).item() == pytest.approx(margin)
    assert MaxMarginRankingLoss(margin=margin)(torch.eye(5) * 2 * margin).item() == 0


@pytest.mark.parametrize("threshold", [0.3, 1.0])
def test_huber_equals_its_formula_with_the_diagonal(threshold):
    scores, target = torch.randn(2, 5, 5, dtype=torch.float64)
    expected = float(loop_huber(scores, target, threshold))
    assert huber(scores, target, threshold=threshold).item() == pytest.approx(expected)
    # far apart on the diagonal alone: 4 of 16 places, in the linear branch
    far = huber(torch.eye(4) * 3, torch.zeros(4, 4), threshold=threshold)
    assert far.item() == pytest.approx(threshold * (3 - threshold / 2) / 4)


def test_huber_has_threshold_one_unless_told():
    assert huber(torch.full((2, 2), 3.0), torch.zeros(2, 2)).item() == pytest.approx(2.5)
    assert huber(torch.full((2, 2), 0.5), torch.zeros(2, 2)).item() == pytest.approx(0.125)


def test_gradients_of_the_losses():
    scores = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randn(4, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(MaxMarginRankingLoss(margin=0.5), scores)
    assert torch.autograd.gradcheck(lambda given: huber(given, target, threshold=0.7), scores)


@pytest.mark.parametrize(
    ("pool", "three", "four"), [("mean", 4.0, 5.0), ("min", 1.0, 1.0), ("max", 9.0, 9.0), ("median", 2.0, 5.0)]
)
def test_pools(pool, three, four):
    teachers = torch.tensor([9.0, 1.0, 2.0])[:, None, None].expand(3, 2, 2)
    torch.testing.assert_close(POOLS[pool](teachers), torch.full((2, 2), three))
    teachers = torch.tensor([9.0, 1.0, 2.0, 8.0])[:, None, None].expand(4, 2, 2)
    torch.testing.assert_close(POOLS[pool](teachers), torch.full((2, 2), four))


@pytest.mark.parametrize("pool", POOLS)
def test_pools_work_place_by_place(pool):
    teachers = torch.randn(3, 4, 4)
    pooled = POOLS[pool](teachers)
    assert pooled.shape == (4, 4)
    for i in range(4):
        for j in range(4):
            torch.testing.assert_close(pooled[i, j], POOLS[pool](teachers[:, i : i + 1, j : j + 1])[0, 0])
