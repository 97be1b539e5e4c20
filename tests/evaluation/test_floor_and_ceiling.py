"""What stands below and above a student, on matrices that are small enough to compute by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.evaluation.floor_and_ceiling import MeanOpinion, chance_metrics, oracle_ranks, reference, standardised
from teachtext.evaluation.metrics import METRICS, metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks

NAN = np.nan
# two captions, three videos; the right ones are the first and the third
VIDEO_OF = np.array([0, 2])
# this teacher puts the first caption's video first, and the second caption's video last
ONE = np.array([[0.9, 0.5, 0.1], [0.8, 0.7, 0.2]])
# this teacher the other way round, with numbers a hundred times as small
OTHER = np.array([[0.001, 0.004, 0.005], [0.001, 0.002, 0.009]])


def mean_of(*matrices: np.ndarray) -> np.ndarray:
    mean = MeanOpinion()
    for matrix in matrices:
        mean.add(matrix)
    return mean.scores


def test_the_oracle_has_the_best_rank_of_each_caption():
    ranks = [t2v_ranks(scores, VIDEO_OF) for scores in (ONE, OTHER)]
    assert [list(each) for each in ranks] == [[0, 2], [2, 0]]
    assert oracle_ranks(ranks).tolist() == [0, 0]
    row = reference("oracle", "The best of two.", [oracle_ranks(ranks), ranks[0]])
    assert [seed["r1"] for seed in row.t2v] == [100.0, 50.0]
    assert row.spread("r1").mean == 75.0 and row.spread("mdr").values == [1.0, 2.0]


def test_a_mean_goes_by_the_teacher_with_the_largest_numbers_unless_all_are_standardised():
    assert mean_of(ONE, OTHER) == pytest.approx((ONE + OTHER) / 2)
    assert t2v_ranks(mean_of(ONE, OTHER), VIDEO_OF).tolist() == [0, 2]
    by_hand = [(scores - scores.mean()) / scores.std() for scores in (ONE, OTHER)]
    both = mean_of(standardised(ONE), standardised(OTHER))
    assert both == pytest.approx((by_hand[0] + by_hand[1]) / 2)
    assert t2v_ranks(both, VIDEO_OF).tolist() == [0, 0]


def test_a_teacher_without_an_opinion_does_not_count():
    first = np.array([[1.0, NAN, NAN], [2.0, NAN, NAN]])
    second = np.array([[3.0, 5.0, NAN], [0.0, -7.0, NAN]])
    assert mean_of(first, second).tolist() == [[2.0, 5.0, -8.0], [1.0, -7.0, -8.0]]
    assert np.isnan(standardised(first)).tolist() == np.isnan(first).tolist()
    assert standardised(first)[:, 0].tolist() == [-1.0, 1.0]


def test_scores_that_are_all_equal_rank_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert standardised(np.full((2, 3), 0.3)) == pytest.approx(np.zeros((2, 3)))
        assert np.isnan(standardised(np.full((2, 3), NAN))).all()
        assert mean_of(np.full((2, 3), NAN)).tolist() == np.zeros((2, 3)).tolist()


@given(st.integers(1, 40))
def test_chance_is_the_expectation_over_all_rankings(videos: int):
    chance = chance_metrics(videos)
    assert chance.keys() == METRICS.keys()
    assert chance["r1"] == pytest.approx(100 / videos)
    assert chance["r10"] == pytest.approx(100 * min(10, videos) / videos)
    assert chance["mdr"] == chance["mnr"] == pytest.approx((videos + 1) / 2)
    assert chance["geometric_mean"] == pytest.approx(np.cbrt(chance["r1"] * chance["r5"] * chance["r10"]))
    # a constant matrix ranks nothing, and its ties have the mean of all ranks
    constant = metrics_from_ranks(t2v_ranks(np.zeros((4, videos)), np.zeros(4, np.int64)))
    assert constant.mnr == pytest.approx(chance["mnr"])
