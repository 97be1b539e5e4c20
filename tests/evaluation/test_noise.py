import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from teachtext.evaluation.noise import above_chance, average_precision, cut, detection, noise_of, precision_and_recall

SHARES = st.floats(0, 1).map(lambda value: round(value, 2))


@st.composite
def judged(draw, least=1):
    count = draw(st.integers(least, 40))
    noise = draw(arrays(np.float64, count, elements=SHARES))
    return noise, draw(arrays(np.int64, count, elements=st.integers(0, 6)))


def test_noise_is_the_place_as_a_share_of_the_gallery_pooled_over_judges():
    ranks = np.array([[0.0, 4.0, 2.0, 9.0], [0.0, 0.0, 3.0, 9.0], [2.0, 0.5, 4.0, 9.0]])
    gallery = np.array([5, 5, 5, 10])
    assert noise_of(ranks, gallery) == pytest.approx([1 / 6, 1.5 / 4, 0.75, 1])
    assert noise_of(ranks, gallery, pool="median") == pytest.approx([0, 1 / 8, 0.75, 1])
    assert noise_of(ranks, gallery, pool="min") == pytest.approx([0, 0, 0.5, 1])
    assert noise_of(ranks, gallery, pool="max") == pytest.approx([0.5, 1, 1, 1])


def test_a_judge_that_knows_nothing_says_chance():
    # all scores equal: every rank is the middle, in any gallery
    assert noise_of(np.array([[2.0, 4.5]]), np.array([5, 10])).tolist() == [0.5, 0.5]


@pytest.mark.slow
@settings(deadline=None)
@given(judged(), SHARES, st.integers(1, 4))
def test_what_is_dropped_is_above_the_threshold_and_leaves_the_best_of_every_video(drawn, threshold, keep):
    noise, video_of = drawn
    result = cut(noise, video_of, threshold=threshold, keep=keep)
    assert result.threshold == threshold
    assert ((result.dropped | result.spared) == (noise > threshold)).all() and not (
        result.dropped & result.spared
    ).any()
    for video in np.unique(video_of):
        expected = video_of == video
        kept = expected & ~result.dropped
        assert kept.sum() >= min(keep, expected.sum())
        # nothing was dropped that is less noisy than something that was kept
        if (expected & result.dropped).any():
            assert noise[kept].max() <= noise[expected & result.dropped].min()
        # spared are no more than it takes
        assert (expected & result.spared).sum() <= max(0, keep - (expected & (noise <= threshold)).sum())


@settings(deadline=None)
@given(judged(), st.floats(0.01, 0.99))
def test_a_quantile_drops_at_most_that_share(drawn, quantile):
    noise, video_of = drawn
    result = cut(noise, video_of, quantile=quantile)
    assert (noise > result.threshold).sum() <= quantile * len(noise) + 1e-9
    # and no lower threshold would do: those at it are as many as the rest of the share
    assert (noise >= result.threshold).sum() >= quantile * len(noise) - 1e-9


def test_chance_is_the_threshold_unless_something_is_said():
    noise, one_each = np.array([0.2, 0.5, 0.51, 0.9]), np.array([0, 0, 0, 1])
    result = cut(noise, one_each)
    assert result.threshold == 0.5
    assert result.dropped.tolist() == [False, False, True, False] and result.spared.tolist() == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.slow
@settings(deadline=None)
@given(judged(2), st.data())
def test_average_precision_is_that_of_scikit_learn(drawn, data):
    metrics = pytest.importorskip("sklearn.metrics")
    noise = drawn[0]
    wrong = data.draw(arrays(np.bool_, len(noise)).filter(lambda flags: flags.any()))
    assert average_precision(noise, wrong) == pytest.approx(metrics.average_precision_score(wrong, noise))
    precision, recall = precision_and_recall(noise, wrong)
    theirs = metrics.precision_recall_curve(wrong, noise)
    assert precision[::-1] == pytest.approx(theirs[0][: len(precision)]) and recall[-1] == 1


def test_detection_counts_and_says_what_cannot_be_computed():
    noise = np.array([0.9, 0.8, 0.3, 0.1])
    dropped, wrong = np.array([True, True, False, False]), np.array([True, False, True, False])
    result = detection(noise, dropped, wrong)
    assert (result.captions, result.wrong, result.dropped, result.dropped_wrong) == (4, 2, 2, 1)
    assert (result.precision, result.recall) == (0.5, 0.5) and result.average_precision == pytest.approx(0.5 + 1 / 3)
    none = detection(noise, ~np.ones(4, np.bool_), ~np.ones(4, np.bool_))
    assert (none.precision, none.recall, none.average_precision) == (None, None, None)


def test_precision_is_compared_with_dropping_at_random():
    # 3 of 4 dropped are wrong, 4 of 8 captions are wrong
    dropped = np.array([1, 1, 0, 0, 1, 1, 0, 0], bool)
    wrong = np.array([1, 1, 0, 0, 1, 0, 1, 0], bool)
    result = above_chance(dropped, wrong, np.array([0, 0, 1, 1, 2, 2, 3, 3]))
    assert result.value == pytest.approx(100 * (3 / 4 - 4 / 8))
    assert (result.videos, result.queries, result.seeds) == (4, 8, 1)


def test_the_interval_of_a_random_drop_contains_chance_and_that_of_a_detection_does_not():
    random = np.random.default_rng(0)
    wrong, videos = random.random(960) < 0.2, np.repeat(np.arange(240), 4)
    found = above_chance(np.where(wrong, random.random(960) < 0.6, random.random(960) < 0.05), wrong, videos)
    assert 40 < found.low < found.value < found.high < 65
    blind = above_chance(random.random(960) < 0.15, wrong, videos)
    assert blind.low < 0 < blind.high


def test_precision_above_chance_needs_dropped_captions_of_two_videos():
    wrong = np.array([True, False, True])
    assert above_chance(np.zeros(3, bool), wrong, np.arange(3)) is None
    assert above_chance(np.ones(3, bool), wrong, np.zeros(3, int)) is None
