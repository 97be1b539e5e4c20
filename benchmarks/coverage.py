"""How often 95 % intervals hold the truth, on generated ranks. Run: python benchmarks/coverage.py [STATISTIC] [TRIALS].

Two systems answer the captions of videos drawn from a population, once for each of a few seeds drawn from another; the
truth is their statistic over all of both. Beside our interval of the difference stands the one that resamples seeds as
well as videos (percentiles), and how often each p value falls below 5 % where there is no difference at all.
"""

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from teachtext.evaluation.metrics import METRIC_NAMES, hits
from teachtext.evaluation.significance import compare, interval

RESAMPLES, CAPTIONS, HARD, GAIN = 299, 10, 1.5, 0.1


@dataclass(frozen=True)
class World:
    """How much ranks vary on a log scale: with the seed, with seed and video, with seed and caption."""

    name: str
    seed: float
    video: float
    caption: float


WORLDS = (
    World("seeds alike", 0.0, 0.0, 0.6),
    World("seeds differ throughout", 0.1, 0.0, 0.6),
    World("seeds differ by video", 0.0, 0.5, 0.6),
    World("both", 0.05, 0.3, 0.6),
)
RECALLS = {"r1": (1,), "r5": (5,), "r10": (10,), "geometric_mean": (1, 5, 10)}
SETTINGS = ((40, 3), (40, 5), (170, 1), (170, 2), (170, 3), (170, 5), (170, 10))


def ranks(
    random: np.random.Generator, world: World, *, gain: float, seeds: int, videos: int
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], NDArray[np.int64]]:
    """Return ours, theirs and the captions' videos; a video has 1 to 2 * CAPTIONS - 1 of them."""
    video_of = np.repeat(np.arange(videos), random.integers(1, 2 * CAPTIONS, videos))
    hard = HARD + random.normal(0, 1, videos)[video_of] + random.normal(0, 1, len(video_of))

    def model(better: float) -> NDArray[np.float64]:
        odd = random.normal(0, world.video, videos)[video_of] + random.normal(0, world.caption, len(video_of))
        return np.floor(np.exp(hard - better - random.normal(0, world.seed) + odd))

    ours, theirs = ([model(better) for _ in range(seeds)] for better in (gain, 0.0))
    return ours, theirs, video_of


def truth(world: World, gain: float, statistic: str) -> float:
    """Return the mean over seeds of a system's statistic on all videos."""
    spread = (1 + 1 + world.video**2 + world.caption**2) ** 0.5
    middle = HARD - gain - world.seed * stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    recalls = [stats.norm.cdf((np.log(k) - middle) / spread) for k in RECALLS[statistic]]
    return 100 * float(np.mean(np.prod(recalls, axis=0) ** (1 / len(recalls))))


def seeds_drawn_too(
    random: np.random.Generator,
    ours: list[NDArray[np.float64]],
    theirs: list[NDArray[np.float64]],
    video_of: NDArray[np.int64],
    statistic: str,
) -> tuple[float, float]:
    """Bounds of the difference where seeds are resampled like videos: its percentiles."""
    videos = video_of.max() + 1
    weights = random.multinomial(videos, np.full(videos, 1 / videos), RESAMPLES)
    captions = (weights @ np.bincount(video_of))[:, None]
    each = []
    for side in (ours, theirs):
        recalls = [
            100 * weights @ np.stack([np.bincount(video_of, hits(seed, k), videos) for seed in side], 1) / captions
            for k in RECALLS[statistic]
        ]
        each.append(np.prod(recalls, axis=0) ** (1 / len(recalls)))
    seeds = random.integers(0, len(ours), (RESAMPLES, len(ours)))
    drawn = np.take_along_axis(each[0] - each[1], seeds, axis=1).mean(1)
    return tuple(np.quantile(drawn, (0.025, 0.975)))


def main() -> None:
    statistic = sys.argv[1] if len(sys.argv) > 1 else "geometric_mean"
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    print(f"{METRIC_NAMES[statistic]}, {trials} trials; standard error of 95 %: {(0.95 * 0.05 / trials) ** 0.5:.1%}")
    print(f"{'':24}             | intervals that hold the truth    | seeds     | false alarms at 5 %")
    print(f"{'':24} videos seeds | system  difference  mean width | resampled | p_interval      p")
    for world in WORLDS:
        random = np.random.default_rng(0)
        for videos, seeds in SETTINGS:
            held, alarms, width = measure(random, world, statistic, trials, videos, seeds)
            print(
                f"{world.name:24} {videos:6} {seeds:5} | {held[0]:6.1%} {held[1]:11.1%} {width:11.2f} |"
                f" {held[2]:9.1%} | {alarms[0]:10.1%} {alarms[1]:6.1%}",
                flush=True,
            )


def measure(
    random: np.random.Generator, world: World, statistic: str, trials: int, videos: int, seeds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return shares of trials: (3,) in which the intervals held, (2,) in which p was small; and our mean width."""
    own = truth(world, GAIN, statistic)
    apart = own - truth(world, 0.0, statistic)
    held, alarms, widths = np.zeros((trials, 3)), np.zeros((trials, 2)), np.zeros(trials)
    for trial in range(trials):
        ours, theirs, video_of = ranks(random, world, gain=GAIN, seeds=seeds, videos=videos)
        alone = interval(ours, video_of, statistic=statistic, resamples=RESAMPLES)
        found = compare(ours, theirs, video_of, statistic=statistic, resamples=RESAMPLES)
        low, high = seeds_drawn_too(random, ours, theirs, video_of, statistic)
        held[trial] = alone.low <= own <= alone.high, found.low <= apart <= found.high, low <= apart <= high
        widths[trial] = found.high - found.low
        ours, theirs, video_of = ranks(random, world, gain=0.0, seeds=seeds, videos=videos)
        none = compare(ours, theirs, video_of, statistic=statistic, resamples=RESAMPLES)
        alarms[trial] = none.p_interval < 0.05, none.p < 0.05
    return held.mean(0), alarms.mean(0), float(widths.mean())


if __name__ == "__main__":
    main()
