import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.learning.losses import InfoNCE, MaxMarginRankingLoss


def loop_ranking(scores, margin):
    """L_r = 1 / (2 B (B - 1)) sum_{i != j} max(0, m + s_ij - s_ii) + max(0, m + s_ji - s_ii)."""
    total = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if i != j:
                total += max(0.0, margin + scores[i, j] - scores[i, i])
                total += max(0.0, margin + scores[j, i] - scores[i, i])
    return total / (2 * len(scores) * (len(scores) - 1))


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


def test_a_temperature_is_learned_only_where_that_is_asked_for():
    for learned in (True, False):
        loss = InfoNCE(temperature=0.5, learn_temperature=learned)
        loss(torch.rand(4, 4).requires_grad_()).backward()
        assert (loss.log_scale.grad is not None) == learned
    assert InfoNCE(temperature=0.5).state_dict() == InfoNCE(temperature=0.5, learn_temperature=False).state_dict()


def test_the_ranking_loss_tells_texts_from_videos():
    # by hand: text 0 finds video 1 too close by 0.5 + 0.6 - 0.4, video 1 finds text 0 by 0.5 + 0.6 - 0.9
    scores = torch.tensor([[0.4, 0.6], [-0.5, 0.9]])
    assert MaxMarginRankingLoss(margin=0.5)(scores).item() == pytest.approx((0.7 + 0.2) / 4)


@pytest.mark.parametrize("margin", [0.1, 0.3])
def test_ranking_loss_of_scores_that_are_all_equal_is_the_margin_and_of_good_ones_nothing(margin):
    assert MaxMarginRankingLoss(margin=margin)(torch.full((5, 5), 0.3)).item() == pytest.approx(margin)
    assert MaxMarginRankingLoss(margin=margin)(torch.eye(5) * 2 * margin).item() == 0


def matrices(videos, seed=0):
    """Scores of captions of the given videos, a caption a row, and which pairs are of the same video."""
    generator = torch.Generator().manual_seed(seed)
    of = torch.tensor(videos)
    return torch.rand(len(of), len(of), dtype=torch.float64, generator=generator) * 2 - 1, of[:, None] == of


LOSSES = {
    "max_margin": MaxMarginRankingLoss(margin=0.5),
    "info_nce": InfoNCE(temperature=0.2),
    "info_nce, all right": InfoNCE(temperature=0.2, same_video="positive"),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_of_the_losses(loss):
    scores, same = matrices([0, 1, 1, 2])
    weights = torch.tensor([0.5, 1.5, 1.0, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(loss, scores.requires_grad_())
    assert torch.autograd.gradcheck(lambda given: loss(given, same, weights), scores)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_with_a_caption_a_video_nothing_changes(loss):
    scores, same = matrices([0, 1, 2, 3, 4])
    torch.testing.assert_close(loss(scores, same), loss(scores), atol=0, rtol=0)
    torch.testing.assert_close(loss(scores, same, torch.ones(5, dtype=torch.float64)), loss(scores))


@pytest.mark.parametrize("name", ["max_margin", "info_nce"])
@settings(deadline=None, max_examples=20)
@given(videos=st.lists(st.integers(0, 3), min_size=2, max_size=7), seed=st.integers(0, 99))
def test_a_caption_of_the_same_video_is_never_wrong(name, videos, seed):
    scores, same = matrices(videos, seed)
    if same.all():
        return
    scores.requires_grad_()
    LOSSES[name](scores, same).backward()
    elsewhere = same & ~torch.eye(len(videos), dtype=torch.bool)
    assert (scores.grad[elsewhere] == 0).all(), "such pairs are neither pulled nor pushed"


def test_the_ranking_loss_of_several_captions_equals_the_double_loop():
    scores, same = matrices([0, 0, 1, 2, 1])
    wrong = [
        max(0.0, 0.5 + value - scores[i, i])
        for i in range(5)
        for j in range(5)
        if not same[i, j]
        for value in (scores[i, j], scores[j, i])
    ]
    assert MaxMarginRankingLoss(margin=0.5)(scores, same).item() == pytest.approx(float(sum(wrong)) / len(wrong))


def test_info_nce_of_several_captions_masks_them_or_counts_them_all_right():
    scores, same = matrices([0, 0, 1, 2])
    own = torch.eye(4, dtype=torch.bool)
    masked = right = 0.0
    for lists in (scores, scores.T):
        for i in range(4):
            exp = (lists[i] / 0.2).exp()
            masked -= (exp[i] / exp[~same[i] | own[i]].sum()).log().item() / 8
            right -= (exp[same[i]].sum() / exp.sum()).log().item() / 8
    assert LOSSES["info_nce"](scores, same).item() == pytest.approx(masked, rel=1e-6)
    assert LOSSES["info_nce, all right"](scores, same).item() == pytest.approx(right, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_pair_counts_as_much_as_its_weight(loss):
    scores, same = matrices([0, 1, 2])
    alone = torch.stack([loss(scores, same, weights) for weights in 3 * torch.eye(3, dtype=torch.float64)])
    torch.testing.assert_close(alone.mean(), loss(scores, same))
    weights = torch.tensor([0.3, 1.2, 1.5], dtype=torch.float64)
    torch.testing.assert_close(loss(scores, same, weights), (alone * weights).mean())
