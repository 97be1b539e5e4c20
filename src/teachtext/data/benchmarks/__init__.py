"""The field's benchmarks. A YAML file for each has its protocol, the sizes of its splits, and published numbers.

All numbers were verified in a public source.
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
    """A table of published numbers.

    Attributes:
        source: where the table was published.
        task: direction of retrieval, text-to-video or video-to-text.
        rows: by model, a text for each of `COLUMNS`, as printed: a mean, or `mean (standard deviation)`. None where
            the table has no number.
    """

    source: str
    task: Literal["t2v", "v2t"]
    rows: Mapping[str, Sequence[str | None]]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A protocol with a name.

    Attributes:
        name: name in configs.
        title: name in tables.
        protocol: how captions become queries, and the purpose of each split.
        splits: by split, the allowed numbers of videos; a split without an entry is not checked.
        queries: by split, the number of queries, where published.
        counts_from: source of the sizes.
        splits_file: file of the dataset folder with the splits.
        chosen_file: file that names a caption for each video, for protocols that choose.
        note: the traps of the benchmark, in a sentence.
        published: published numbers.
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
        """Return a sentence for every difference between a dataset and the benchmark."""
        differences = [
            f"split '{split}' lists {dataset.listed[split]:,} videos, {self.title} has {_either(sizes)}"
            for split, sizes in self.splits.items()
            if dataset.listed.get(split) not in (None, *sizes)
        ]
        differences += [
            f"split '{split}' has {count:,} queries, {self.title} has {expected:,}"
            for split, expected in self.queries.items()
            if split in dataset.splits and (count := len(dataset.queries_of(split))) != expected
        ]
        return [f"{difference}: these numbers do not compare with published ones" for difference in differences]


@cache
def benchmarks() -> Mapping[str, Benchmark]:
    """Return all benchmarks by name, sorted."""
    paths = [path for path in files(__name__).iterdir() if path.name.endswith(".yaml")]
    return {
        name: _benchmark(name, yaml.safe_load(path.read_text(encoding="utf-8")))
        for name, path in sorted((path.name.removesuffix(".yaml"), path) for path in paths)
    }


def benchmark(name: str) -> Benchmark:
    """Return a benchmark by its name.

    Raises:
        InputError: the name is unknown.

    Example:
        >>> benchmark("msvd").protocol.captions
        'separate'
    """
    if name not in benchmarks():
        raise InputError(f"benchmark '{name}' is unknown", f"use one of {', '.join(benchmarks())}")
    return benchmarks()[name]


def _benchmark(name: str, content: dict[str, Any]) -> Benchmark:
    return Benchmark(
        name=name,
        title=content["title"],
        protocol=Protocol(**content["protocol"]),
        splits=content["splits"],
        queries=content.get("queries", {}),
        counts_from=content["counts_from"],
        splits_file=content.get("splits_file", "splits.json"),
        chosen_file=content.get("chosen_file"),
        note=content["note"],
        published=[PublishedTable(**table) for table in content["published"]],
    )


def _either(sizes: Sequence[int]) -> str:
    return " or ".join(f"{size:,}" for size in sizes)
