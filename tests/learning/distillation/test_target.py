"""What is compared of the two matrices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import random_matrix

from teachtext.learning.distillation.student_side import TARGETS, Lists
from teachtext.learning.distillation.teacher_side import STANDARDS

some = st.tuples(st.integers(2, 7), st.integers(0, 999), st.sampled_from([0.2, 0.7, 1.0]))


def drawn(size, seed, share):
    """Scores of few values, so that some are equal, and which count: of the first list one, of the last none."""
    scores = (random_matrix(size, seed) * 3).round() / 3
    counted = random_matrix(size, seed + 1) < 2 * share - 1
    counted[0], counted[-1] = torch.eye(size, dtype=torch.bool)[0], False
    return scores, Lists(counted, torch.eye(size, dtype=torch.bool))


def mean_rank(value, values):
    """From 0 to 1; equal values share the mean of their ranks."""
    others = sum((value > other) + 0.5 * (value == other) for other in values) - 0.5
    return others / max(1, len(values) - 1)


@settings(deadline=None, max_examples=40)
@given(some)
def test_ranks_within_a_list_are_those_among_what_counts(given):
    scores, lists = drawn(*given)
    soft, hard = TARGETS["rank"](scores, scores, lists, temperature=1e-6)
    for row, counted in enumerate(lists.counted):
        values = scores[row, counted].tolist()
        expected = torch.tensor([mean_rank(value, values) for value in values], dtype=torch.float64)
        torch.testing.assert_close(hard[row, counted], expected)
        torch.testing.assert_close(soft[row, counted], expected)


def test_soft_ranks_have_the_gradient_of_their_formula():
    lists = Lists(torch.rand(4, 4) < 0.8, torch.eye(4, dtype=torch.bool))
    student = random_matrix(4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: TARGETS["rank"](x, x, lists, temperature=0.3)[0], student)


@settings(deadline=None, max_examples=40)
@given(some, st.sampled_from([0.01, 0.5, 100.0]), st.sampled_from([0.0, 0.4]))
def test_softmaxes_are_over_what_counts_and_hold_the_label(given, temperature, label_share):
    scores, lists = drawn(*given)
    ours, theirs = TARGETS["softmax"](scores, scores, lists, temperature=temperature, label_share=label_share)
    for row, counted in enumerate(lists.counted):
        if not counted.any():
            assert ours[row].isfinite().all(), "whatever it is, it must not spoil a gradient"
            continue
        plain = (scores[row, counted] / temperature).softmax(0)
        torch.testing.assert_close(ours[row, counted].exp(), plain)
        label = torch.eye(len(scores), dtype=torch.float64)[row, counted]
        # there is no label to mix in where the right pair does not count
        share = label_share if counted[row] else 0.0
        torch.testing.assert_close(theirs[row, counted].exp(), (1 - share) * plain + share * label)
        assert ours[row].exp()[~counted].sum() == 0


@settings(deadline=None, max_examples=40)
@given(some)
def test_standardised_matrices(given):
    scores, lists = drawn(*given)
    known = lists.counted
    values = scores[known]
    found = {name: function(torch.where(known, scores, 0), known) for name, function in STANDARDS.items()}
    assert all((matrix[~known] == 0).all() for matrix in found.values())
    torch.testing.assert_close(found["none"][known], values)
    expected = [mean_rank(value, values.tolist()) for value in values.tolist()]
    torch.testing.assert_close(found["rank"][known], torch.tensor(expected, dtype=torch.float64))
    if values.min() < values.max():
        z = found["z_score"][known]
        assert z.mean().item() == pytest.approx(0, abs=1e-9) and z.square().mean().item() == pytest.approx(1)
        stretched = found["min_max"][known]
        assert (stretched.min().item(), stretched.max().item()) == pytest.approx((0, 1))
        torch.testing.assert_close(stretched, (values - values.min()) / (values.max() - values.min()))
    else:
        assert (found["z_score"] == 0).all() and (found["min_max"] == 0).all()


@pytest.mark.parametrize("name", ["z_score", "min_max"])
def test_a_constant_matrix_has_no_scale_and_no_wild_gradient(name):
    for value in (0.0, 0.1, 1 / 3, 7.7):
        scores = torch.full((5, 5), value, requires_grad=True)
        found = STANDARDS[name](scores, torch.ones(5, 5, dtype=torch.bool))
        assert (found == 0).all()
        (found * torch.randn(5, 5)).sum().backward()
        assert (scores.grad == 0).all()
