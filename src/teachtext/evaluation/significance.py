"""Intervals and tests of retrieval metrics, over videos and over seeds.

Captions of one video are not independent, so videos are what is resampled. Seeds and videos are crossed: every seed's
model answers the same queries. That is the multi-reader multi-case design, with models as readers and videos as cases.
The interval is its standard one (Obuchowski & Rockette, "Hypothesis testing of diagnostic accuracy for multiple readers
and multiple tests", 1995). The degrees of freedom are those of Hillis ("A comparison of denominator degrees of freedom
methods for multiple observer ROC analysis", 2007):

    x_s       statistic of seed s over all captions, or ours minus theirs;

    value     = mean_s x_s;

    variance  = var(x_s) / S + max(0, mean_{s != t} cov(x_s, x_t));

    df        = (S - 1) (variance / (var(x_s) / S))^2, at most V - 1;

    interval  = value +- t_df sqrt(variance)

var(x_s) is the sample variance over the S seeds. Only videos are resampled: whole videos, with replacement. All their
captions and all seeds go together, against the same gallery. cov is taken over these resamples. The effect of a video
on all models alike is in cov; its effect on one model is in var(x_s).

Seeds are not resampled. Three to five seeds drawn with replacement show too little of the spread: 1 / S of the variance
is missing. Percentiles do not account for the small number of seeds either. Both make intervals too narrow.

Where a few seeds happen to agree, that interval could be narrower than the interval over videos alone. The latter is
value +- t_{V-1} sqrt(var(mean_s x_s) over the resamples), and takes these trained models as given. The wider of the two
counts. The interval over videos alone is also that of a single seed: it describes this model, not the method.

`benchmarks/coverage.py` measures how often 95 % intervals contain the truth, with 3 seeds or more. For differences of
the geometric mean they do so in 94 to 99 % of 1,000 trials, for every source of variation between seeds. If seeds are
resampled too, they do so in 80 to 100 %. For one system they do so in 93 to 95 %.
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
        statistic: a key of `METRICS`.
        value: mean over seeds.
        low, high: bounds of the interval.
        level: how often such intervals contain the truth, e.g. 0.95.
        videos: number of videos.
        queries: number of captions that each seed ranked.
        seeds: number of models. With one model the interval holds no variation over seeds.
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
        """What the interval covers: videos, or videos and seeds."""
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
        p: two-sided p value of the permutation test over videos, which swaps these trained models video by video.
            Seeds do not vary in it. It makes no statement on models trained anew, and is too small where seeds differ.
        p_interval: two-sided p value of the interval: `1 - level` of the interval that just touches zero. It includes
            the seeds where there are several. Over many comparisons this is the p value to correct (`holm`).
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
    """Return the interval of a statistic of one system (see the module for the method).

    Args:
        ranks: for each seed, (C,) 0-based ranks of the right answers, ties averaged.
        video_of: (C,) the video of each query; for video-to-text ranks `arange(B)`.
        statistic: a key of `METRICS`.
        level: of the interval, in (0, 1).
        resamples: number of times that videos are drawn.
        seed: of the random generator.

    Raises:
        InputError: an unknown statistic, ranks that do not fit, NaN, or fewer than two videos.
    """
    _check(statistic, level, resamples)
    videos, count = _videos(video_of)
    compute = weighted_statistic(_stack(ranks, videos), videos, count, statistic)
    value, low, high, _ = estimate(compute, count, level, resamples, seed)
    least, most = METRICS[statistic].bounds
    low, high = max(low, least), min(high, most)
    return Interval(statistic, value, low, high, level, count, len(videos), len(ranks))


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
    """Compare two systems that answered the same queries (see the module for the method).

    The permutation test swaps ours and theirs for whole videos, in all seeds together. Where at most `resamples` swaps
    exist, it tries all of them.

    Args:
        ours: for each seed, (C,) 0-based ranks of the right answers, ties averaged.
        theirs: the same of the other system, with the same seeds and the same queries in the same order.
        video_of: (C,) the video of each query; for video-to-text ranks `arange(B)`.
        statistic: a key of `METRICS`.
        level: of the interval, in (0, 1).
        resamples: number of times that videos are drawn, and number of swaps.
        seed: of both random generators.

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
    videos, count = _videos(video_of)
    # one table with both systems' answers: video v is row v in ours and row count + v in theirs
    both = np.concatenate([_stack(ours, videos), _stack(theirs, videos)], axis=1)
    compute = weighted_statistic(both, np.concatenate([videos, videos + count]), 2 * count, statistic)

    def difference(weights: _Floats, weights_swapped: _Floats) -> _Floats:
        return compute(np.hstack([weights, weights_swapped])) - compute(np.hstack([weights_swapped, weights]))

    def drawn(weights: _Floats) -> _Floats:
        return difference(weights, np.zeros_like(weights))

    def swapped(signs: _Floats, axis: int = -1) -> _Floats:
        kept = (np.atleast_2d(signs) + 1) / 2
        mean: _Floats = difference(kept, 1 - kept).mean(0).reshape(signs.shape[:-1])
        return mean

    value, low, high, p_interval = estimate(drawn, count, level, resamples, seed)
    test = permutation_test(
        (np.ones(count),),
        swapped,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _CELLS_AT_ONCE // (2 * len(videos))),
        rng=np.random.default_rng(seed),
    )
    return Difference(
        statistic, value, low, high, level, count, len(videos), len(ours), p=float(test.pvalue), p_interval=p_interval
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values of one family of tests (Holm, "A simple sequentially rejective multiple test procedure", 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]

    Returns:
        Adjusted p values in the same order. Calling all those below a level decided errs with at most that chance.

    Raises:
        InputError: a value that is no probability.
    """
    values = np.asarray(p_values, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("a p value lies outside 0 to 1", "give the p values of finished tests")
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(p) for p in adjusted]


def estimate(
    compute: Statistic, videos: int, level: float, resamples: int, seed: int
) -> tuple[float, float, float, float]:
    """Return value, bounds and p value of a statistic: `compute` maps weights of V videos, (N, V), to (S, N)."""
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
    videos = np.asarray(video_of)
    if videos.ndim != 1 or videos.dtype.kind not in "iu":
        raise InputError("the queries' videos are not one whole number each", "give 'video_of' of shape (queries,)")
    names, numbers = np.unique(videos, return_inverse=True)
    if len(names) < 2:
        raise InputError("fewer than two videos have queries, so nothing varies", "test on more videos")
    return numbers, len(names)


def _stack(ranks: Sequence[Ranks], videos: Ints) -> _Floats:
    if not len(ranks) or any(np.shape(seed) != videos.shape for seed in ranks):
        shapes = ", ".join(str(np.shape(seed)) for seed in ranks) or "none"
        raise InputError(
            f"ranks of the seeds ({shapes}) do not fit {len(videos):,} queries", "give one rank a query for every seed"
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
