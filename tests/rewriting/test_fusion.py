"""Fusion of the rankings of several queries: closed forms, and what holds for every fusion."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from teachtext.errors import InputError
from teachtext.rewriting.fusion import Fusion, check_fusion, fuse_rankings, fuse_scores

FUSIONS = get_args(Fusion)
every_fusion = pytest.mark.parametrize("how", FUSIONS)
# a few digits, so that ties are frequent
SCORES = st.tuples(st.integers(1, 4), st.integers(2, 12)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-20, 20).map(lambda number: number / 20))
)


def test_closed_forms():
    scores = np.array([[0.9, 0.5, 0.1], [0.2, 0.8, 0.6]])
    ranks = np.array([[1, 2, 3], [3, 1, 2]])
    np.testing.assert_allclose(fuse_scores(scores, "reciprocal"), (1 / (60 + ranks)).sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(fuse_scores(scores, "borda"), (4 - ranks).sum(axis=0))
    np.testing.assert_allclose(fuse_scores(scores, "mean"), [(1 + 0) / 2, (0.5 + 1) / 2, (0 + 2 / 3) / 2], atol=1e-12)
    # all have two votes, and the mean rank decides
    assert np.argsort(-fuse_scores(scores, "vote")).tolist() == [1, 0, 2]


def test_votes_outweigh_mean_ranks():
    scores = np.zeros((3, 12))
    scores[:, 0] = [1, 1, -1]  # first, first, last: two votes
    scores[:, 1] = [-1, -1, 1]  # last, last, first: one vote
    scores[:, 2:] = np.linspace(0.9, 0.1, 10)
    fused = fuse_scores(scores, "vote")
    assert 2 < fused[0] < 3 and 1 < fused[1] < 2


@every_fusion
@given(scores=SCORES)
@settings(deadline=None, max_examples=40)
def test_one_query_alone_gives_its_ranking(how: Fusion, scores: np.ndarray):
    fused = fuse_scores(scores[:1], how)
    assert np.array_equal(np.sign(fused[:, None] - fused), np.sign(scores[0][:, None] - scores[0]))


@every_fusion
@given(scores=SCORES, data=st.data())
@settings(deadline=None, max_examples=40)
def test_neither_the_order_of_queries_nor_that_of_videos_matters(how: Fusion, scores: np.ndarray, data: st.DataObject):
    rows = data.draw(st.permutations(range(len(scores))))
    columns = data.draw(st.permutations(range(scores.shape[1])))
    fused = fuse_scores(scores, how)
    np.testing.assert_allclose(fuse_scores(scores[rows], how), fused, atol=1e-9)
    np.testing.assert_allclose(fuse_scores(scores[:, columns], how), fused[columns], atol=1e-9)


@every_fusion
@given(scores=SCORES, data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_better_score_never_makes_a_video_worse(how: Fusion, scores: np.ndarray, data: st.DataObject):
    row = data.draw(st.integers(0, len(scores) - 1))
    video = data.draw(st.integers(0, scores.shape[1] - 1))
    better = scores.copy()
    better[row, video] += data.draw(st.integers(1, 40)) / 20
    before, after = fuse_scores(scores, how), fuse_scores(better, how)
    ahead = before[video] > before
    assume(ahead.any())
    assert (after[video] >= after[ahead] - 1e-12).all()


@every_fusion
def test_all_videos_beyond_the_depth_follow_in_the_order_of_the_original_query(how: Fusion):
    generator = np.random.default_rng(0)
    scores = generator.permuted(np.tile(np.linspace(-1, 1, 50), (3, 1)), axis=1)
    fused = fuse_scores(scores, how, depth=5)
    ranks = (-scores).argsort(axis=1).argsort(axis=1)
    listed = (ranks < 5).any(axis=0)
    assert fused[listed].min() > fused[~listed].max()
    assert np.array_equal(np.argsort(-fused[~listed]), np.argsort(-scores[0][~listed]))


@every_fusion
def test_lists_and_a_matrix_agree(how: Fusion):
    scores = np.random.default_rng(1).normal(size=(4, 30))
    # equal values are ordered by the original query
    scores = scores[:, np.argsort(-scores[0])]
    ids = [f"v{number:02}" for number in range(30)]
    lists = [[(ids[column], float(row[column])) for column in np.argsort(-row)] for row in scores]
    assert fuse_rankings(lists, how) == [ids[column] for column in np.argsort(-fuse_scores(scores, how), kind="stable")]
    assert fuse_rankings([lists[0]], how) == [name for name, _ in lists[0]]
    assert fuse_rankings([[], []], how) == []


def test_an_unknown_fusion_is_refused():
    with pytest.raises(InputError, match="unknown fusion 'bord': did you mean 'borda'"):
        check_fusion("bord")
