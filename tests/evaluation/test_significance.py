"""Intervals and tests: against other formulas, under changes that must not matter, and how often they are right."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from teachtext.errors import InputError
from teachtext.evaluation.bootstrap import weighted_statistic
from teachtext.evaluation.metrics import METRIC_NAMES, metrics_from_ranks
from teachtext.evaluation.significance import compare, holm, interval


def systems(random, *, videos=40, captions=200, seeds=3, gain=0.3, main=0.0):
    """Ranks of two systems that find the same captions hard; ours is better by `gain`, and seeds differ by `main`."""
    video_of = np.concatenate([np.arange(videos), random.integers(0, videos, captions - videos)])
    hard = 1.5 + random.normal(size=videos)[video_of] + random.normal(size=captions)

    def ranked(better):
        return np.floor(np.exp(hard - better + main * random.normal() + 0.5 * random.normal(size=captions)))

    return [ranked(gain) for _ in range(seeds)], [ranked(0) for _ in range(seeds)], video_of


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(METRIC_NAMES)), st.integers(1, 3))
def test_the_value_is_the_mean_over_seeds_of_the_metric(draw, statistic, seeds):
    random = np.random.default_rng(draw)
    ours, theirs, video_of = systems(
        random, videos=random.integers(2, 20), captions=random.integers(20, 60), seeds=seeds
    )
    halves = [rank + random.integers(0, 2, len(rank)) / 2 for rank in ours]
    want = np.mean([getattr(metrics_from_ranks(rank), statistic) for rank in halves])
    result = interval(halves, video_of, statistic=statistic, resamples=100)
    assert result.value == pytest.approx(want)
    assert result.low <= result.value <= result.high
    want -= np.mean([getattr(metrics_from_ranks(rank), statistic) for rank in theirs])
    result = compare(halves, theirs, video_of, statistic=statistic, resamples=100)
    assert result.value == pytest.approx(want, abs=1e-9)
    assert result.low <= result.value <= result.high
    assert (result.videos, result.queries, result.seeds) == (len(set(video_of)), len(video_of), seeds)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_median_of_drawn_videos_is_that_of_their_captions(draw):
    random = np.random.default_rng(draw)
    ours, _, video_of = systems(random, videos=8, captions=random.integers(8, 60), seeds=2)
    weights = random.multinomial(8, np.full(8, 1 / 8), 20)
    result = weighted_statistic(np.stack(ours), video_of, 8, "mdr")(weights.astype(float))
    want = [[np.median(np.repeat(ranks, times[video_of])) + 1 for times in weights] for ranks in ours]
    np.testing.assert_array_equal(result, want)


def test_one_caption_a_video_and_one_seed_is_the_paired_t_test():
    random = np.random.default_rng(0)
    ours, theirs = random.exponential(8, (2, 150))
    result = compare([ours], [theirs], np.arange(150), statistic="mnr")
    want = stats.ttest_rel(ours, theirs)
    bounds = want.confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((bounds.low, bounds.high), abs=0.06)
    assert result.p_interval == pytest.approx(want.pvalue, abs=0.02)
    assert result.p == pytest.approx(want.pvalue, abs=0.02)
    assert "no variation over seeds" in result.scope


def test_over_seeds_it_is_the_formula_of_the_means():
    """The mean rank is linear, so the covariances of the seeds need no resampling: a video's own values tell them."""
    random = np.random.default_rng(1)
    videos, seeds = 200, 4
    common = random.normal(0, 2, videos)
    ours = [40 + common + random.normal(0, 1) + random.normal(0, 1, videos) for _ in range(seeds)]
    theirs = [40 + random.normal(0, 1, videos) for _ in range(seeds)]
    result = compare(ours, theirs, np.arange(videos), statistic="mnr")
    differences = np.stack(ours) - np.stack(theirs)
    covariance = np.cov(differences) / videos
    between = differences.mean(1).var(ddof=1) / seeds
    variance = between + covariance[~np.eye(seeds, dtype=bool)].mean()
    freedom = (seeds - 1) * (variance / between) ** 2
    margin = stats.t.ppf(0.975, freedom) * variance**0.5
    assert result.value == pytest.approx(differences.mean())
    assert result.high - result.value == pytest.approx(margin, rel=0.03)


def test_seeds_that_happen_to_agree_do_not_narrow_it_below_the_videos():
    random = np.random.default_rng(2)
    ours, theirs, video_of = systems(random, seeds=1)
    single = compare(ours, theirs, video_of)
    three = compare(ours * 3, theirs * 3, video_of)
    assert (three.low, three.high) == pytest.approx((single.low, single.high))


def test_few_videos_are_swapped_in_all_ways():
    random = np.random.default_rng(3)
    ours, theirs, video_of = systems(random, videos=6, captions=20, seeds=2, gain=1.0)

    def difference(swap):
        swapped = np.array(swap)[video_of]
        mixed = [(np.where(swapped, b, a), np.where(swapped, a, b)) for a, b in zip(ours, theirs, strict=True)]
        values = [metrics_from_ranks(a).geometric_mean - metrics_from_ranks(b).geometric_mean for a, b in mixed]
        return np.mean(values)

    all_ways = [difference(swap) for swap in product([False, True], repeat=6)]
    want = np.mean([abs(value) >= abs(difference([False] * 6)) - 1e-9 for value in all_ways])
    assert compare(ours, theirs, video_of).p == pytest.approx(want)


@pytest.mark.parametrize("statistic", list(METRIC_NAMES))
def test_repeating_all_captions_adds_no_certainty(statistic):
    ours, theirs, video_of = systems(np.random.default_rng(4), captions=201)
    once = compare(ours, theirs, video_of, statistic=statistic, resamples=300)
    thrice = [[np.tile(rank, 3) for rank in side] for side in (ours, theirs)]
    again = compare(*thrice, np.tile(video_of, 3), statistic=statistic, resamples=300)
    assert again.queries == 3 * once.queries
    assert (again.low, again.high, again.p) == pytest.approx((once.low, once.high, once.p))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(METRIC_NAMES)))
def test_what_must_not_matter(draw, statistic):
    random = np.random.default_rng(draw)
    ours, theirs, video_of = systems(random, captions=100)
    result = compare(ours, theirs, video_of, statistic=statistic, resamples=200)
    order = random.permutation(len(video_of))
    shuffled = [[rank[order] for rank in side] for side in (ours, theirs)]
    again = compare(*shuffled, 7 * video_of[order] + 3, statistic=statistic, resamples=200)
    assert (again.low, again.high, again.p) == pytest.approx((result.low, result.high, result.p), abs=1e-9)
    other = compare(theirs, ours, video_of, statistic=statistic, resamples=200)
    assert (other.low, other.high) == pytest.approx((-result.high, -result.low), abs=1e-9)
    order = random.permutation(3)
    seeds = compare([ours[s] for s in order], [theirs[s] for s in order], video_of, statistic=statistic, resamples=200)
    assert (seeds.low, seeds.high, seeds.p) == pytest.approx((result.low, result.high, result.p), abs=1e-9)


def test_worse_by_one_place_everywhere_moves_the_mean_rank_by_one():
    ours, theirs, video_of = systems(np.random.default_rng(5))
    before = compare(ours, theirs, video_of, statistic="mnr")
    after = compare([rank + 1 for rank in ours], theirs, video_of, statistic="mnr")
    assert (after.low, after.high) == pytest.approx((before.low + 1, before.high + 1))
    both = compare([rank + 1 for rank in ours], [rank + 1 for rank in theirs], video_of, statistic="mnr")
    assert (both.low, both.high) == pytest.approx((before.low, before.high))


def test_other_names_of_the_videos_give_nearly_the_same():
    random = np.random.default_rng(6)
    ours, theirs, video_of = systems(random)
    result = compare(ours, theirs, video_of)
    again = compare(ours, theirs, random.permutation(40)[video_of])
    assert (again.low, again.high) == pytest.approx((result.low, result.high), abs=0.2)
    assert again.value == result.value


@pytest.mark.slow
@pytest.mark.parametrize("main", [0.0, 0.3])
def test_how_often_it_holds_the_truth_and_raises_a_false_alarm(main):
    """Of systems without a difference; see benchmarks/coverage.py for more trials and settings."""
    random = np.random.default_rng(7)
    result = [compare(*systems(random, videos=40, captions=120, gain=0, main=main), resamples=150) for _ in range(200)]
    assert np.mean([item.low <= 0 <= item.high for item in result]) >= 0.92
    assert [item.decided for item in result] == [item.p_interval < 0.05 for item in result]
    alarms = np.mean([item.p < 0.05 for item in result])
    assert alarms < 0.08 if main == 0 else alarms > 0.15, "p is of these models only: seeds are not in it"


def test_a_difference_between_systems_is_found():
    result = compare(*systems(np.random.default_rng(8), videos=100, captions=600))
    assert result.decided and result.low > 0 and result.p < 0.01 and result.p_interval < 0.05


def test_nothing_that_varies():
    ours, _, video_of = systems(np.random.default_rng(9))
    same = compare(ours, ours, video_of)
    assert (same.low, same.value, same.high, same.p, same.p_interval) == (0, 0, 0, 1, 1)
    assert not same.decided
    perfect = interval([np.zeros(30)] * 2, np.arange(30))
    assert (perfect.low, perfect.value, perfect.high) == (100, 100, 100)


def test_an_interval_stays_within_the_range_of_its_statistic():
    ranks = np.r_[np.zeros(19), 100.0]
    assert interval([ranks], np.arange(20), statistic="r1").high == 100
    assert interval([100 - ranks], np.arange(20), statistic="r1").low == 0
    assert interval([ranks], np.arange(20), statistic="mnr").low == 1


def test_the_same_seed_gives_the_same_numbers():
    given = systems(np.random.default_rng(10))
    assert compare(*given) == compare(*given)
    assert compare(*given, seed=1) != compare(*given)


@pytest.mark.parametrize(
    ("ours", "theirs", "video_of", "options", "problem"),
    [
        ([[0, 1]], [[0, 1]], [0, 1], {"statistic": "map"}, "no interval for 'map'"),
        ([[0, 1]], [[0, 1]], [0, 1], {"level": 95}, "level"),
        ([[0, 1]], [[0, 1]], [0, 1], {"resamples": 1}, "resamples"),
        ([[0, np.nan]], [[0, 1]], [0, 1], {}, "not a number from 0"),
        ([[0, -1]], [[0, 1]], [0, 1], {}, "not a number from 0"),
        ([[0, 1, 2]], [[0, 1]], [0, 1], {}, "do not fit 2 queries"),
        ([], [], [0, 1], {}, "do not fit"),
        ([[0, 1]] * 2, [[0, 1]], [0, 1], {}, "2 seeds of one system and 1 of the other"),
        ([[0, 1]], [[0, 1]], [3, 3], {}, "fewer than two videos"),
        ([[]], [[]], [], {}, "queries' videos"),
        ([[0, 1]], [[0, 1]], [0.5, 1], {}, "queries' videos"),
    ],
)
def test_bad_input(ours, theirs, video_of, options, problem):
    arrays = [[np.array(rank, float) for rank in side] for side in (ours, theirs)]
    with pytest.raises(InputError, match=problem):
        compare(*arrays, np.array(video_of), **options)
    if arrays[0] and len(arrays[0]) == len(arrays[1]):
        with pytest.raises(InputError, match=problem):
            interval(arrays[0], np.array(video_of), **options)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_step_down_formula(p_values):
    result = holm(p_values)
    for p, adjusted in zip(p_values, result, strict=True):
        # the largest of what p and all smaller ones are multiplied to
        steps = [(len(p_values) - place) * q for place, q in enumerate(sorted(p_values)) if q <= p]
        assert adjusted == pytest.approx(min(1, max(steps[: sum(q <= p for q in p_values)])))
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_probability(p):
    with pytest.raises(InputError, match="p value"):
        holm([0.5, p])
