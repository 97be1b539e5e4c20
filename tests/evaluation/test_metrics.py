from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from teachtext.errors import InputError
from teachtext.evaluation.metrics import (
    METRICS,
    Metric,
    hits,
    mean_and_std,
    metrics_from_ranks,
    recall_curve,
    retrieval_metrics,
)
from teachtext.evaluation.ranks import t2v_ranks, v2t_ranks
from teachtext.evaluation.significance import interval


def test_reference_values_of_a_constant_matrix():
    metrics_by_direction = retrieval_metrics(np.zeros((6, 3)), np.repeat(np.arange(3), 2))
    assert (
        metrics_by_direction["t2v"].r1,
        metrics_by_direction["t2v"].r5,
        metrics_by_direction["t2v"].mdr,
        metrics_by_direction["t2v"].mnr,
    ) == (0, 100, 2, 2)
    assert (metrics_by_direction["v2t"].mdr, metrics_by_direction["v2t"].mnr) == (3.5, 3.5)


def test_reference_values_of_a_tied_first_place():
    similarity = np.array([[0.9, 0.9, 0.1], [0.2, 0.8, 0.1], [0.1, 0.2, 0.3]])
    t2v = retrieval_metrics(similarity, np.arange(3))["t2v"]
    assert t2v.r1 == pytest.approx(200 / 3)
    assert t2v.mnr == pytest.approx(7 / 6)
    assert t2v.geometric_mean == pytest.approx(87.358, abs=1e-3)


def naive_rank(scores, right):
    """Average position of all scores equal to the right one in a descending sort."""
    return float(np.mean(np.flatnonzero(np.sort(scores)[::-1] == scores[right])))


scores = st.integers(2, 6).flatmap(
    lambda videos: st.integers(1, 3).flatmap(
        lambda captions: arrays(
            np.float32, (videos * captions, videos), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])
        )
    )
)


@settings(deadline=None)
@given(scores)
def test_ranks_equal_a_naive_sort(similarity):
    captions, videos = similarity.shape
    video_of = np.arange(captions) % videos
    assert t2v_ranks(similarity, video_of) == pytest.approx(
        [naive_rank(row, right) for row, right in zip(similarity, video_of, strict=True)]
    )
    expected = [
        min(naive_rank(similarity[:, video], caption) for caption in range(captions) if video_of[caption] == video)
        for video in range(videos)
    ]
    assert v2t_ranks(similarity, video_of) == pytest.approx(expected)


def test_recall_curve_holds_the_recalls():
    ranks = np.array([0.0, 0.5, 3.0, 7.0])
    curve = recall_curve(ranks, 10)
    metrics = metrics_from_ranks(ranks)
    assert (curve[0], curve[4], curve[9]) == (metrics.r1, metrics.r5, metrics.r10)
    assert (np.diff(curve) >= 0).all()


def test_a_new_metric_is_one_entry(monkeypatch):
    monkeypatch.setitem(METRICS, "r3", Metric("r3", "R@3", (partial(hits, k=3),)))
    ranks = np.array([0.0, 2.0, 3.0, 9.0])
    metrics = metrics_from_ranks(ranks)
    assert metrics["r3"] == metrics.r3 == 50 and list(metrics)[-1] == "r3"
    estimate = interval([ranks], np.arange(4), statistic="r3", resamples=100)
    assert estimate.value == 50 and 0 <= estimate.low < estimate.high <= 100


def test_an_unknown_metric_is_no_attribute():
    with pytest.raises(AttributeError, match="no metric 'r2'"):
        _ = metrics_from_ranks(np.zeros(2)).r2


def test_spread_is_the_sample_standard_deviation():
    assert mean_and_std([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_std([1.0]) == (1.0, None)


@pytest.mark.parametrize(
    ("similarity", "video_of", "problem"),
    [
        (np.full((2, 2), np.nan), np.arange(2), "NaN"),
        (np.zeros((2, 2)), np.arange(3), "do not fit"),
        (np.zeros((2, 2)), np.array([0, 2]), "not in the gallery"),
    ],
)
def test_bad_matrices_are_refused(similarity, video_of, problem):
    with pytest.raises(InputError, match=problem):
        t2v_ranks(similarity, video_of)


def test_a_video_without_captions_has_no_rank():
    with pytest.raises(InputError, match="at least one caption"):
        v2t_ranks(np.zeros((2, 2)), np.array([0, 0]))
