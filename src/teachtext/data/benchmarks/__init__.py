"""The field's benchmarks. A YAML file for each has its protocol, the sizes of its splits, and published numbers.

All numbers were verified in a public source. The benchmarks `mteb/...` are the text-to-video tasks of MTEB: other lists
and captions than those of the papers, so that their numbers do not compare with those of the papers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import yaml

from teachtext.data.protocol import Protocol
from teachtext.data.types import Dataset
from teachtext.errors import InputError

COLUMNS = ("R@1", "R@5", "R@10", "R@50", "MdR", "MnR", "Geom", "nDCG@10")


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
        ndcg: whether models are ranked by nDCG@10.
        learns: whether it has a training split.
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
    ndcg: bool = False
    learns: bool = True

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
    contents = dict(_contents(files(__name__), ""))
    return {name: _benchmark(name, contents[name]) for name in sorted(contents)}


def _contents(folder: Traversable, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the names and the contents of the files of a folder, and of folders in the folder."""
    for path in folder.iterdir():
        if path.is_dir():
            yield from _contents(path, f"{prefix}{path.name}/")
        elif path.name.endswith(".yaml"):
            yield prefix + path.name.removesuffix(".yaml"), yaml.safe_load(path.read_text(encoding="utf-8"))


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
        ndcg=content.get("ndcg", False),
        learns=content.get("learns", True),
    )


def _either(sizes: Sequence[int]) -> str:
    return " or ".join(f"{size:,}" for size in sizes)
