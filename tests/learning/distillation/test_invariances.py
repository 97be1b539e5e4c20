"""What a distance does not see, and what it must."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import distillation, gradient, random_matrix

from teachtext.learning.distillation.presets import preset

TEACHTEXT = preset("teachtext")


def shifted(matrix, seed=9):
    return matrix + random_matrix(len(matrix), seed)[:, :1]


@pytest.mark.parametrize("distance", ["kl", "pearson"])
def test_a_constant_added_to_a_row_changes_no_softmax_of_rows(distance):
    parts = replace(TEACHTEXT, target="softmax", distance=distance, reduction="mean_lists", temperature=0.2)
    scores, teacher = random_matrix(5), random_matrix(5, 1)
    loss = distillation(parts, scores, teacher)
    torch.testing.assert_close(distillation(parts, shifted(scores), teacher), loss)
    torch.testing.assert_close(distillation(parts, scores, shifted(teacher)), loss)
    columns = replace(parts, direction="columns")
    assert distillation(columns, shifted(scores), teacher) != pytest.approx(distillation(columns, scores, teacher))


def test_raw_distances_see_it():
    scores, teacher = random_matrix(5), random_matrix(5, 1)
    for distance in ("huber", "mse", "l1"):
        parts = replace(TEACHTEXT, distance=distance)
        found = distillation(parts, shifted(scores), teacher)
        assert abs(found - distillation(parts, scores, teacher)) > 1e-3


def test_margins_do_not_and_nor_does_pearson():
    scores, teacher = random_matrix(5), random_matrix(5, 1)
    margin = replace(TEACHTEXT, distance="margin_mse")
    pearson = replace(TEACHTEXT, distance="pearson", reduction="mean_lists")
    for parts in (margin, pearson):
        loss = distillation(parts, scores, teacher)
        torch.testing.assert_close(distillation(parts, shifted(scores), teacher), loss)
    torch.testing.assert_close(distillation(pearson, 3 * scores - 1, teacher), distillation(pearson, scores, teacher))


@pytest.mark.parametrize("standardise", ["z_score", "min_max"])
def test_standardised_matrices_have_no_scale(standardise):
    parts = replace(TEACHTEXT, standardise=standardise)
    scores, one, other = random_matrix(5, count=3)
    loss = distillation(parts, scores, one, other)
    torch.testing.assert_close(distillation(parts, 5 * scores + 2, 100 * one, other - 30), loss)


def test_of_ranked_teachers_the_order_alone_counts():
    parts = replace(TEACHTEXT, standardise="rank", distance="pearson", reduction="mean_lists")
    scores, one, other = random_matrix(5, count=3)
    torch.testing.assert_close(
        distillation(parts, scores, one.exp(), other**3), distillation(parts, scores, one, other)
    )


def test_rows_and_columns():
    scores, teacher = random_matrix(5, count=2)
    rows = replace(TEACHTEXT, target="softmax", distance="kl", reduction="mean_lists", temperature=0.5)
    columns, both, halved = (replace(rows, direction=way) for way in ("columns", "both", "both_halved"))
    found = {parts.direction: distillation(parts, scores, teacher) for parts in (rows, columns, both, halved)}
    assert found["rows"] != found["columns"]
    torch.testing.assert_close(found["columns"], distillation(rows, scores.T, teacher.T))
    torch.testing.assert_close(found["both"], found["rows"] + found["columns"])
    torch.testing.assert_close(found["both_halved"], found["both"] / 2)


def test_reductions_differ_by_the_size_of_the_batch():
    scores, teacher = random_matrix(5, count=2)
    reductions = ("mean_pairs", "mean_lists", "sum")
    pairs, lists, total = (distillation(replace(TEACHTEXT, reduction=name), scores, teacher) for name in reductions)
    torch.testing.assert_close(lists, 5 * pairs)
    torch.testing.assert_close(total, 25 * pairs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(deadline=None, max_examples=40)
@given(value=st.floats(-100, 100), size=st.integers(2, 9))
def test_a_list_of_equal_scores_has_no_correlation_and_no_wild_gradient(dtype, value, size):
    parts = replace(TEACHTEXT, distance="pearson", reduction="mean_lists")
    flat, other = torch.full((size, size), value, dtype=dtype), random_matrix(size, 1, dtype=dtype)
    assert distillation(parts, flat, other).item() == 1
    assert (gradient(parts, flat, other) == 0).all()
    # of a teacher that finds all equal nothing is learned
    assert distillation(parts, other, flat).item() == 0
    assert (gradient(parts, other, flat) == 0).all()
