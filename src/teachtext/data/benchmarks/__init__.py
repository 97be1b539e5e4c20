"""The field's benchmarks: each a protocol, the sizes its lists must have, and what was published, in one YAML file.

A number that could not be verified in a public source stands in none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from teachtext.data.protocol import Protocol
from teachtext.data.types import Dataset
from teachtext.errors import InputError

COLUMNS = ("R@1", "R@5", "R@10", "R@50", "MdR", "MnR", "Geom")


@dataclass(frozen=True)
class PublishedTable:
    """Published numbers: where they stand, their direction, and by model one text a column, None where there is none.

    A number reads `mean (standard deviation)` as it was printed.
    """

    source: str
    task: Literal["t2v", "v2t"]
    rows: Mapping[str, Sequence[str | None]]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A protocol with a name.

    Attributes:
        name: as it is written in configs.
        title: as it is printed.
        protocol: which captions are queries, which split is for what.
        splits: sizes that a list may have, by split; one without an entry is not checked.
        queries: queries of a split, where that is known.
        counts_from: where the sizes come from.
        splits_file: the file of the dataset folder that has the lists.
        chosen_file: the file that names one caption a video, for protocols that choose.
        note: its traps, in a sentence.
        published: what was published on it.
    """

    name: str
    title: str
    protocol: Protocol
    splits: Mapping[str, Sequence[int]]
    queries: Mapping[str, int]
    counts_from: str
    splits_file: str
    chosen_file: str | None
    note: str
    published: Sequence[PublishedTable]

    def differences(self, dataset: Dataset) -> list[str]:
        """Say, a sentence each, where a dataset is not what this benchmark is stated on."""
        found = [
            f"split '{split}' lists {dataset.listed[split]:,} videos, {self.title} has {_either(sizes)}"
            for split, sizes in self.splits.items()
            if dataset.listed.get(split) not in (None, *sizes)
        ]
        found += [
            f"split '{split}' has {count:,} queries, {self.title} has {expected:,}"
            for split, expected in self.queries.items()
            if split in dataset.splits and (count := len(dataset.queries_of(split))) != expected
        ]
        return [f"{difference}: these numbers do not compare with published ones" for difference in found]


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """Return every benchmark by its name, sorted."""
    paths = [path for path in files(__name__).iterdir() if path.name.endswith(".yaml")]
    return {
        name: _benchmark(name, yaml.safe_load(path.read_text(encoding="utf-8")))
        for name, path in sorted((path.name.removesuffix(".yaml"), path) for path in paths)
    }


def benchmark(name: str) -> Benchmark:
    """Return a benchmark.

    Raises:
        InputError: there is none of that name.
    """
    if name not in benchmarks():
        raise InputError(f"benchmark '{name}' is unknown", f"use one of {', '.join(benchmarks())}")
    return benchmarks()[name]


def _benchmark(name: str, told: dict[str, Any]) -> Benchmark:
    return Benchmark(
        name=name,
        title=told["title"],
        protocol=Protocol(**told["protocol"]),
        splits=told["splits"],
        queries=told.get("queries", {}),
        counts_from=told["counts_from"],
        splits_file=told.get("splits_file", "splits.json"),
        chosen_file=told.get("chosen_file"),
        note=told["note"],
        published=[PublishedTable(**table) for table in told["published"]],
    )


def _either(sizes: Sequence[int]) -> str:
    return " or ".join(f"{size:,}" for size in sizes)
