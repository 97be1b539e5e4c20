"""Intervals and tests: against other formulas, under changes that must not matter, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from teachtext.errors import InputError
from teachtext.evaluation.metrics import METRIC_NAMES, metrics_from_ranks
from teachtext.evaluation.significance import compare, holm, interval


def systems(random, *, videos=40, captions=200, seeds=3, shift=0.3):
    """Ranks of two systems that find the same videos hard, ours better by `shift` on a log scale."""
    video_of = np.concatenate([np.arange(videos), random.integers(0, videos, captions - videos)])
    hard = 1.5 + random.normal(size=videos)[video_of] + random.normal(size=captions)
    ranked = [
        [np.floor(np.exp(hard - gain + 0.5 * random.normal(size=captions))) for _ in range(seeds)]
        for gain in (shift, 0)
    ]
    return *ranked, video_of


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(METRIC_NAMES)), st.integers(1, 3))
def test_the_value_is_the_mean_over_seeds_of_the_metric(draw, statistic, seeds):
    random = np.random.default_rng(draw)
    ours, theirs, video_of = systems(
        random, videos=random.integers(2, 20), captions=random.integers(20, 60), seeds=seeds
    )
    halves = [rank + random.integers(0, 2, len(rank)) / 2 for rank in ours]
    want = np.mean([getattr(metrics_from_ranks(rank), statistic) for rank in halves])
    assert interval(halves, video_of, statistic=statistic, resamples=100).value == pytest.approx(want)
    want -= np.mean([getattr(metrics_from_ranks(rank), statistic) for rank in theirs])
    found = compare(halves, theirs, video_of, statistic=statistic, resamples=100)
    assert found.value == pytest.approx(want, abs=1e-9)
    assert found.low <= found.value <= found.high
    assert (found.videos, found.queries, found.seeds) == (len(set(video_of)), len(video_of), seeds)
