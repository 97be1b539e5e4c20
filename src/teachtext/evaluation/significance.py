"""Intervals and tests of retrieval metrics: over videos, for captions of one video are not independent, and over seeds.

What varies is crossed: every seed's model answers the same queries. That is the multi-reader multi-case design, models
in the place of readers and videos in that of cases, and the interval is its standard one (Obuchowski & Rockette,
"Hypothesis testing of diagnostic accuracy for multiple readers and multiple tests", 1995, with the degrees of freedom
of Hillis, "A comparison of denominator degrees of freedom methods for multiple observer ROC analysis", 2007):

    x_s       statistic of seed s over all captions, or ours minus theirs;   value = mean_s x_s
    variance  = var(x_s) / S + max(0, mean_{s != t} cov(x_s, x_t))
    df        = (S - 1) (variance / (var(x_s) / S))^2, at most V - 1
    interval  = value +- t_df sqrt(variance)

var(x_s) is the sample variance over the S seeds. Only *videos* are resampled: whole ones, with replacement, all their
captions and all seeds together, against the gallery as it is; cov is taken over these resamples. What a video does to
all models alike is in cov, what it does to one of them is in var(x_s) already. Seeds are not resampled: three to five
drawn with replacement show too little of the spread (1 / S of the variance is missing, and percentiles know nothing
of how badly so few are known), so that intervals come out too narrow.

Where a few seeds happen to agree the interval would be narrower than the one over videos alone, which takes these very
models for all there are, value +- t_{V-1} sqrt(var(mean_s x_s) over the resamples); then that one counts. It is also
the interval of a single seed: of this model, not of the method.

`benchmarks/coverage.py` measures how often 95 % intervals hold the truth. With 3 seeds or more, for differences of the
geometric mean: in 94 to 99 % of 1,000 trials, whatever it is that seeds differ in; in 80 to 100 % where seeds are
resampled too. For one system: in 93 to 95 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.bootstrap import Statistic, times_drawn, weighted_statistic
from teachtext.evaluation.metrics import METRICS
from teachtext.evaluation.ranks import Ints

Ranks = NDArray[np.floating]
_Floats = NDArray[np.float64]

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A number and its interval.

    Attributes:
        statistic: a name of `METRICS`.
        value: mean over seeds.
        low, high: bounds of the interval.
        level: how often such intervals hold the truth, e.g. 0.95.
        videos: how many there are to draw from.
        queries: how many captions each seed ranked.
        seeds: how many models; with one of them no variation over seeds is in the interval.
    """

    statistic: str
    value: float
    low: float
    high: float
    level: float
    videos: int
    queries: int
    seeds: int

    @property
    def scope(self) -> str:
        """What the interval speaks of."""
        if self.seeds == 1:
            return f"over {self.videos:,} videos; one seed, so no variation over seeds is in it"
        return f"over {self.videos:,} videos and {self.seeds} seeds"


@dataclass(frozen=True)
class Interval(Estimate):
    """A statistic of one system. The interval never leaves the range of the statistic."""


@dataclass(frozen=True)
class Difference(Estimate):
    """Ours minus theirs, paired by query and seed.

    Attributes:
        p: two-sided, of the permutation test over videos: could ours and theirs of *these trained models* be swapped,
            video by video? Seeds do not vary in it: it says nothing of models trained anew, and where seeds differ
            it is small far too often.
        p_interval: two-sided, of the interval: `1 - level` of the one that just touches zero. Seeds are in it where
            there are several, so over many comparisons this is the one to correct (`holm`).
    """

    p: float
    p_interval: float

    @property
    def decided(self) -> bool:
        """Whether the interval excludes zero; only then is a difference a gain or a loss."""
        return self.low > 0 or self.high < 0


def interval(
    ranks: Sequence[Ranks],
    video_of: Ints,
    *,
    statistic: str = "geometric_mean",
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> Interval:
    """Give the interval of a system's statistic (the module says how).

    Args:
        ranks: for each seed, (C,) 0-based ranks of the right answers, ties averaged.
        video_of: (C,) the video of each query; for video-to-text ranks `arange(B)`.
        statistic: a name of `METRICS`.
        level: of the interval.
        resamples: how many times videos are drawn.
        seed: of the drawing.

    Raises:
        InputError: an unknown statistic, ranks that do not fit, NaN, or fewer than two videos.
    """
    _check(statistic, level, resamples)
    own, count = _videos(video_of)
    compute = weighted_statistic(_stack(ranks, own), own, count, statistic)
    value, low, high, _ = _estimate(compute, count, level, resamples, seed)
    least, most = METRICS[statistic].bounds
    low, high = max(low, least), min(high, most)
    return Interval(statistic, value, low, high, level, count, len(own), len(ranks))


def compare(
    ours: Sequence[Ranks],
    theirs: Sequence[Ranks],
    video_of: Ints,
    *,
    statistic: str = "geometric_mean",
    level: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> Difference:
    """Compare two systems that answered the same queries (the module says how).

    The permutation test swaps ours and theirs for whole videos, in all seeds together; where there are no more than
    `resamples` ways to do so it tries all of them.

    Args:
        ours: for each seed, (C,) 0-based ranks of the right answers, ties averaged.
        theirs: the same of the other system, same seeds and same queries in the same order.
        video_of: (C,) the video of each query; for video-to-text ranks `arange(B)`.
        statistic: a name of `METRICS`.
        level: of the interval.
        resamples: how many times videos are drawn, and how many swaps are tried.
        seed: of both.

    Raises:
        InputError: an unknown statistic, ranks that do not fit, NaN, or fewer than two videos.
    """
    from scipy.stats import permutation_test

    _check(statistic, level, resamples)
    if len(ours) != len(theirs):
        raise InputError(
            f"{len(ours)} seeds of one system and {len(theirs)} of the other cannot be paired",
            "give the same seeds of both",
        )
    own, count = _videos(video_of)
    # one table with both systems' answers: video v is row v in ours and row count + v in theirs
    both = np.concatenate([_stack(ours, own), _stack(theirs, own)], axis=1)
    compute = weighted_statistic(both, np.concatenate([own, own + count]), 2 * count, statistic)

    def difference(weights: _Floats, weights_swapped: _Floats) -> _Floats:
        return compute(np.hstack([weights, weights_swapped])) - compute(np.hstack([weights_swapped, weights]))

    def drawn(weights: _Floats) -> _Floats:
        return difference(weights, np.zeros_like(weights))

    def swapped(signs: _Floats, axis: int = -1) -> _Floats:
        kept = (np.atleast_2d(signs) + 1) / 2
        found: _Floats = difference(kept, 1 - kept).mean(0).reshape(signs.shape[:-1])
        return found

    value, low, high, p_interval = _estimate(drawn, count, level, resamples, seed)
    test = permutation_test(
        (np.ones(count),),
        swapped,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _CELLS_AT_ONCE // (2 * len(own))),
        rng=np.random.default_rng(seed),
    )
    return Difference(
        statistic, value, low, high, level, count, len(own), len(ours), p=float(test.pvalue), p_interval=p_interval
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values of one family of tests (Holm, "A simple sequentially rejective multiple test procedure", 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]

    Returns:
        In the order given; those below a level can be called decided with that chance of any mistake among them all.

    Raises:
        InputError: one that is no probability.
    """
    given = np.asarray(p_values, np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise InputError("a p value lies outside 0 to 1", "give the p values of finished tests")
    order = np.argsort(given, kind="stable")
    steps = given[order] * np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(p) for p in adjusted]


def _estimate(
    compute: Statistic, videos: int, level: float, resamples: int, seed: int
) -> tuple[float, float, float, float]:
    """Return value, bounds and p value of what `compute` makes of weights (N, V): (S, N)."""
    from scipy.stats import bootstrap, t

    def resampled(drawn: NDArray[np.int64], axis: int = -1) -> _Floats:
        return compute(times_drawn(np.atleast_2d(drawn), videos))

    per_seed = compute(np.ones((1, videos)))[:, 0]
    distribution = bootstrap(
        (np.arange(videos),),
        resampled,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _CELLS_AT_ONCE // videos),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).bootstrap_distribution
    value = float(per_seed.mean())
    # the wider of two: over videos and seeds, and over videos with these very models
    margin, p = 0.0, 1.0 if value == 0 else 0.0
    for variance, freedom in _variances(per_seed, np.atleast_2d(distribution), videos):
        if variance > 0:
            margin = max(margin, variance**0.5 * t.ppf((1 + level) / 2, freedom))
            p = max(p, 2 * t.sf(abs(value) / variance**0.5, freedom))
    return value, float(value - margin), float(value + margin), float(p)


def _variances(per_seed: _Floats, distribution: _Floats, videos: int) -> list[tuple[float, float]]:
    """Return variances of the mean over seeds and their degrees of freedom, from (S,) and (S, resamples)."""
    seeds = len(per_seed)
    these_models = (float(distribution.mean(0).var(ddof=1)), videos - 1)
    if seeds == 1:
        return [these_models]
    covariance = np.cov(distribution)
    shared = (covariance.sum() - covariance.trace()) / (seeds * (seeds - 1))
    between = float(per_seed.var(ddof=1)) / seeds
    variance = between + max(0.0, float(shared))
    freedom = (seeds - 1) * (variance / between) ** 2 if between else np.inf
    return [these_models, (variance, min(freedom, videos - 1))]


def _videos(video_of: Ints) -> tuple[NDArray[np.int64], int]:
    """Number the videos that have queries from 0."""
    given = np.asarray(video_of)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise InputError("the queries' videos are not one whole number each", "give 'video_of' of shape (queries,)")
    names, own = np.unique(given, return_inverse=True)
    if len(names) < 2:
        raise InputError("fewer than two videos have queries, so nothing varies", "test on more videos")
    return own, len(names)


def _stack(ranks: Sequence[Ranks], own: Ints) -> _Floats:
    if not len(ranks) or any(np.shape(seed) != own.shape for seed in ranks):
        shapes = ", ".join(str(np.shape(seed)) for seed in ranks) or "none"
        raise InputError(
            f"ranks of the seeds ({shapes}) do not fit {len(own):,} queries", "give one rank a query for every seed"
        )
    stacked = np.stack([np.asarray(seed, np.float64) for seed in ranks])
    if not (np.isfinite(stacked) & (stacked >= 0)).all():
        raise InputError("a rank is not a number from 0", "rank the queries again")
    return stacked


def _check(statistic: str, level: float, resamples: int) -> None:
    if statistic not in METRICS:
        raise InputError(f"no interval for '{statistic}'", f"choose one of {', '.join(METRICS)}")
    if not 0 < level < 1:
        raise InputError(f"the level of an interval cannot be {level:g}", "give one between 0 and 1, e.g. 0.95")
    if resamples < 100:
        raise InputError(f"{resamples} resamples are too few", "take 100 or more")
