"""What an index of a given size asks for: computed from measured figures, from 10 thousand to 100 million segments.

Run: python benchmarks/scale_sim.py [--machine-gb 64] [--queries-a-second 10] [--markdown]

The measured figures are in `results/scale-inputs.json`, each with its source. All else here is computed:

- What was measured at 100,000 and 1,000,000 segments follows a power of the size between and beyond these two.
- A shard is a machine of two cores with a part of the index that fits into half of its memory, has a median below the
  limit, and is busy at most 60 % of the time.
- A query asks all shards at once and waits for the slowest. Waiting is simulated: queries arrive at random, each shard
  does one after the other, and the time of an answer is log-normal with the measured median and 99th percentile.
"""

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

INPUTS = Path(__file__).parent / "results" / "scale-inputs.json"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
# of the standard normal distribution
Z99 = 2.3263
QUERIES = 4_000
MOST_BUSY = 0.6
# floats of a segment by student; a space is one expert of the student
STUDENTS = {"one space of 256": 256, "one space of 512": 512, "3 experts of 256": 768, "7 experts of 512": 3584}


@dataclass(frozen=True)
class Engine:
    """An engine as it was measured: each figure at two sizes."""

    measured: Mapping[str, Mapping[str, float]]

    def at(self, figure: str, segments: float) -> float:
        """Return a figure at a size, by the power law through the two measured sizes.

        >>> round(Engine({"p50_ms": {"100": 1.0, "1000": 2.0}}).at("p50_ms", 10_000), 6)
        4.0
        """
        (small, low), (large, high) = sorted((float(size), value) for size, value in self.measured[figure].items())
        slope = math.log(high / low) / math.log(large / small)
        return low * (segments / small) ** slope

    def memory_mb(self, segments: float) -> float:
        """Return the memory of the process, and of the files that the operating system kept in memory when measured."""
        return self.at("memory_mb", segments) + (self.at("cached_mb", segments) if "cached_mb" in self.measured else 0)

    def mean_ms(self, segments: float) -> float:
        """Return the mean time of a search, which is log-normal with the measured median and 99th percentile."""
        return self.at("p50_ms", segments) * math.exp(self.spread(segments) ** 2 / 2)

    def spread(self, segments: float) -> float:
        """Return the standard deviation of the logarithm of the time of a search."""
        return max(math.log(self.at("p99_ms", segments) / self.at("p50_ms", segments)) / Z99, 0.0)

    def shards(self, segments: int, memory_mb: float, limit_ms: float, queries_a_second: float) -> int:
        """Return the least number of machines, a power of two."""
        count = 1
        while (
            self.memory_mb(segments / count) > memory_mb
            or self.at("p50_ms", segments / count) > limit_ms
            or queries_a_second * self.mean_ms(segments / count) > 1000 * MOST_BUSY
        ):
            count *= 2
        return count


def waits_ms(engine: Engine, segments: float, shards: int, queries_a_second: float) -> np.ndarray:
    """Return the simulated times of queries that ask all shards of a size and wait for the slowest."""
    random = np.random.default_rng(0)
    arrivals = np.cumsum(random.exponential(1000 / queries_a_second, QUERIES))
    slowest = np.zeros(QUERIES)
    for _ in range(shards):
        work = engine.at("p50_ms", segments) * np.exp(engine.spread(segments) * random.standard_normal(QUERIES))
        free, ends = 0.0, np.empty(QUERIES)
        for number, (arrival, needed) in enumerate(zip(arrivals, work, strict=True)):
            free = max(free, arrival) + needed
            ends[number] = free
        slowest = np.maximum(slowest, ends - arrivals)
    return slowest


def plan(engine: Engine, segments: int, memory_mb: float, limit_ms: float, queries_a_second: float) -> dict[str, Any]:
    """Return what an engine needs for an index of a size."""
    shards = engine.shards(segments, memory_mb, limit_ms, queries_a_second)
    held = segments / shards
    waited = waits_ms(engine, held, shards, queries_a_second)
    return {
        "segments": segments,
        "machines": shards,
        "memory, GB a machine": engine.memory_mb(held) / 1024,
        "disk, GB together": shards * engine.at("disk_mb", held) / 1024,
        "build or open, minutes": engine.at("build_s", held) / 60,
        "one search, ms": engine.at("p50_ms", held),
        "p50 under load, ms": float(np.median(waited)),
        "p99 under load, ms": float(np.percentile(waited, 99)),
    }


def extraction(inputs: Mapping[str, Any], segments: int) -> dict[str, float]:
    """Return the hours of video behind some segments, and what describing them costs."""
    hours = segments * inputs["seconds_a_segment"]["value"] / 3600
    return {
        "segments": segments,
        "hours of video": hours,
        "hours of one core to describe them": hours * inputs["extraction_cpu_s_a_minute"]["value"] / 60,
        "features, GB": hours * inputs["features_mb_an_hour"]["value"] / 1024,
    }


def storage(student: str, floats: int) -> dict[str, Any]:
    """Return the size of the vectors of a student, without any index over them."""
    sizes = {f"{size:,}, GB": 4 * floats * size / 2**30 for size in SIZES}
    return {"student": student, "bytes a segment": 4 * floats, **sizes}


def print_table(rows: list[Mapping[str, Any]]) -> None:
    """Print rows as a table of Markdown."""
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(written(value) for value in row.values()) + " |")
    print()


def written(value: Any) -> str:
    """Return a figure with two significant digits.

    >>> written(1234.5), written(0.0123), written(100_000)
    ('1,200', '0.012', '100,000')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machine-gb", type=float, default=64, help="memory of a machine; half is for a shard")
    parser.add_argument("--limit-ms", type=float, default=250, help="longest median of one search")
    parser.add_argument("--queries-a-second", type=float, default=5)
    asked = parser.parse_args()
    inputs = json.loads(INPUTS.read_text())
    print_table([extraction(inputs, segments) for segments in SIZES])
    print_table([storage(name, floats) for name, floats in STUDENTS.items()])
    for name, measured in inputs["engines"].items():
        engine = Engine({figure: value for figure, value in measured.items() if figure != "source"})
        print(f"{name}\n")
        limits = 512 * asked.machine_gb, asked.limit_ms, asked.queries_a_second
        print_table([plan(engine, segments, *limits) for segments in SIZES])


if __name__ == "__main__":
    main()
