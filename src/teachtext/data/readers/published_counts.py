"""Compares the sizes of splits with those of the published benchmarks."""

from collections.abc import Iterator, Mapping, Sequence

from teachtext.data.benchmarks import Benchmark, benchmarks
from teachtext.data.readers.annotations import MAIN, Remark, splits_file_of


def count_remarks(all_splits: Mapping[str, Mapping[str, Sequence[str]]], format_name: str = "") -> list[Remark]:
    """Return a remark for every benchmark whose split sizes agree, or should agree and differ.

    Sizes should agree where the splits have the benchmark's name (1k-A, 1k-B), or the file has the benchmark's format.

    Args:
        all_splits: by name of the splits, the video ids of each split.
        format_name: name of the format of the captions.
    """
    return [remark for name, splits in all_splits.items() for remark in _remarks_on(name, splits, format_name)]


def _remarks_on(name: str, splits: Mapping[str, Sequence[str]], format_name: str) -> Iterator[Remark]:
    for bench in benchmarks().values():
        # the variants of MTEB have test sets alone, whose sizes say little
        if bench.name.startswith("mteb/") or not bench.splits.keys() & splits.keys():
            continue
        differences = _differences(bench, splits)
        counts = ", ".join(f"{split} {len(ids):,}" for split, ids in splits.items())
        if not differences:
            yield Remark(f"splits '{name}' ({counts}) have the sizes of {bench.title}: 'benchmark: {bench.name}' fits")
        elif bench.splits_file == splits_file_of(name) and (name != MAIN or bench.name == format_name):
            yield Remark(
                f"splits '{name}' ({counts}) are not those of {bench.title}, which has {', '.join(differences)}"
            )


def _differences(bench: Benchmark, splits: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{split} {' or '.join(f'{size:,}' for size in sizes)}"
        for split, sizes in bench.splits.items()
        if len(splits.get(split, ())) not in sizes
    ]
