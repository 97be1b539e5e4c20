"""`teachtext benchmarks`: protocols, sizes and published numbers."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from teachtext.data.benchmarks import Benchmark


def benchmarks(
    name: Annotated[str | None, typer.Argument(help="Name of a benchmark; by default all.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the benchmarks.

    Prints their splits, their queries, and the published numbers with their sources.
    """
    from teachtext.cli.progress import console
    from teachtext.data.benchmarks import benchmark
    from teachtext.data.benchmarks import benchmarks as all_benchmarks

    chosen = [benchmark(name)] if name else list(all_benchmarks().values())
    if as_json:
        print(json.dumps({entry.name: asdict(entry) for entry in chosen}, indent=2, ensure_ascii=False))
        return
    console.print(_protocols(chosen))
    for entry in chosen:
        about = f"{entry.title} ('benchmark: {entry.name}'): {entry.note}. Sizes: {entry.counts_from}."
        console.print(f"\n{about}", markup=False)
        for table in _published(entry):
            console.print(table)


def _protocols(benchmarks: "list[Benchmark]") -> "Table":
    from teachtext.cli.tables import plain_table

    table = plain_table("Protocols", "benchmark", "split", "videos", "queries", "captions", "used to")
    for entry in benchmarks:
        splits = [split for split in entry.protocol.splits if entry.learns or split != entry.protocol.train]
        for split in splits:
            sizes = " or ".join(f"{size:,}" for size in entry.splits.get(split, ())) or "?"
            queries = f"{entry.queries[split]:,}" if split in entry.queries else ""
            roles = {"learn": entry.protocol.train, "select": entry.protocol.select, "test": entry.protocol.test}
            uses = ", ".join(role for role, used in roles.items() if used == split)
            name = entry.name if split == splits[0] else ""
            table.add_row(name, split, sizes, queries, entry.protocol.captions_in(split), uses)
        table.add_section()
    return table


def _published(benchmark: "Benchmark") -> "list[Table]":
    from teachtext.cli.tables import plain_table
    from teachtext.data.benchmarks import COLUMNS

    tables = []
    for published in benchmark.published:
        rows = {model: {**dict(zip(COLUMNS, numbers, strict=False))} for model, numbers in published.rows.items()}
        columns = [name for name in COLUMNS if any(numbers.get(name) for numbers in rows.values())]
        table = plain_table(f"{published.task}, {published.source}", "model", *columns)
        for model, numbers in rows.items():
            table.add_row(model, *(numbers.get(name) or "" for name in columns))
        tables.append(table)
    return tables
