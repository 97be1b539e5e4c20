from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachtext.video.segments import _EVEN, _PENALTY, cut


def spans_of(lengths):
    ends = np.cumsum(lengths)
    return np.stack([ends - lengths, ends], axis=1)


def scenes(counts, noise=0.0, dim=32, seed=0):
    """Rows of one direction a scene, with noise."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.tile(rng.normal(size=dim), (count, 1)) for count in counts])
    return (rows + noise * rng.normal(size=rows.shape)).astype(np.float32)


def borders(segments):
    return [*segments[:, 0].tolist(), int(segments[-1, 1])]


pieces = st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.7, 2.0]), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(pieces, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.05, 3.0]), st.integers(1, 8))
def test_segments_cover_all_pieces_in_order_with_bounded_lengths(lengths, seed, noise, scene):
    counts = [min(scene, len(lengths) - start) for start in range(0, len(lengths), scene)]
    spans = spans_of(np.array(lengths))
    segments = cut(scenes(counts, noise, seed=seed), spans)
    assert segments[0, 0] == 0
    assert segments[-1, 1] == len(lengths)
    assert all(first[1] == second[0] for first, second in pairwise(segments))
    seconds = spans[segments[:, 1] - 1, 1] - spans[segments[:, 0], 0]
    assert (segments[:, 1] > segments[:, 0]).all()
    assert (seconds <= max(20, min(12, sum(lengths))) + 0.01).all()
    assert (seconds >= min(2, sum(lengths)) - 0.01).all()
    if sum(lengths) <= 12:
        assert len(segments) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=7, max_size=11), st.integers(0, 2**32 - 1))
def test_the_cut_costs_least_of_all(lengths, seed):
    seconds = np.array(lengths)
    rows = scenes([2] * 6, 0.5, seed=seed)[: len(lengths)]
    units = rows.astype(float) / np.linalg.norm(rows, axis=1, keepdims=True)

    def cost(places):
        total = 0.0
        for first, last in pairwise(places):
            weights, inside = seconds[first:last], units[first:last]
            mean = weights @ inside / weights.sum()
            scatter = weights @ np.square(inside - mean).sum(axis=1)
            total += scatter + _PENALTY + _EVEN * (weights.sum() / 8) ** 2
        return total

    def is_allowed(places):
        return all(2 <= seconds[first:last].sum() <= 8 for first, last in pairwise(places))

    inner = range(1, len(lengths))
    everything = [[0, *places, len(lengths)] for count in range(len(lengths)) for places in combinations(inner, count)]
    allowed = [places for places in everything if is_allowed(places)]
    segments = cut(rows, spans_of(seconds), most_s=8, whole_s=2)
    if allowed:
        assert is_allowed(borders(segments))
        assert cost(borders(segments)) == pytest.approx(min(map(cost, allowed)), abs=1e-4)


def test_cuts_where_the_rows_change():
    counts = [5, 3, 8, 2, 6]
    segments = cut(scenes(counts, noise=0.3), spans_of(np.full(sum(counts), 2.0)))
    assert borders(segments) == [0, *np.cumsum(counts).tolist()]


def test_footage_without_a_change_is_divided_evenly():
    segments = cut(np.ones((25, 8), np.float32), spans_of(np.full(25, 2.0)))
    lengths = segments[:, 1] - segments[:, 0]
    assert len(segments) == 3
    assert lengths.max() - lengths.min() <= 1
    # of rows without any content too
    assert np.array_equal(cut(np.zeros((25, 8), np.float32), spans_of(np.full(25, 2.0))), segments)


def test_short_videos_are_one_segment():
    assert cut(np.zeros((0, 4), np.float32), np.zeros((0, 2))).tolist() == []
    assert cut(np.ones((1, 4), np.float32), np.array([[0.0, 500.0]])).tolist() == [[0, 1]]
    assert cut(scenes([3, 3]), spans_of(np.full(6, 2.0))).tolist() == [[0, 6]]
    assert len(cut(scenes([3, 4]), spans_of(np.full(7, 2.0)))) == 2


def test_pieces_that_are_longer_than_a_segment_may_be_stand_alone():
    segments = cut(np.ones((3, 4), np.float32), spans_of(np.array([30.0, 2.0, 30.0])))
    assert segments.tolist() == [[0, 1], [1, 2], [2, 3]]


def test_pieces_without_a_length_are_taken():
    segments = cut(np.ones((2000, 4), np.float32), np.zeros((2000, 2)), whole_s=-1)
    assert segments[0, 0] == 0
    assert segments[-1, 1] == 2000


def test_blocks_do_not_change_the_cut(monkeypatch):
    rows, spans = scenes([4, 7, 3, 9, 2, 5] * 5, 0.8), spans_of(np.tile([2.0, 2.0, 0.5], 50))
    whole = cut(rows, spans)
    monkeypatch.setattr("teachtext.video.segments._BLOCK", 13)
    assert np.array_equal(cut(rows, spans), whole)


@pytest.mark.slow
def test_a_film_of_a_day_takes_seconds():
    rows = scenes([5] * 8640, 0.5, dim=1280)
    segments = cut(rows, spans_of(np.full(43_200, 2.0)))
    assert len(segments) == pytest.approx(8640, rel=0.01)


def test_a_smaller_penalty_makes_more_segments():
    rows, spans = scenes([3, 3, 3], noise=0.3), spans_of(np.full(9, 0.5))
    counts = [len(cut(rows, spans, least_s=0.5, whole_s=0.0, penalty_s=penalty)) for penalty in (0.01, 0.5, 5.0)]
    assert counts[0] > counts[1] == 3 > counts[2] == 1
