"""`teachtext benchmarks`: protocols, sizes, and what was published on them."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from teachtext.data.benchmarks import Benchmark


def benchmarks(
    name: Annotated[str | None, typer.Argument(help="Of one benchmark; by default of all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """List the benchmarks.

    Their splits, what their queries are, and the published numbers, each with its source.
    """
    from teachtext.cli.progress import console
    from teachtext.data import benchmarks as known

    shown = [known.benchmark(name)] if name else list(known.benchmarks().values())
    if as_json:
        print(json.dumps({one.name: asdict(one) for one in shown}, indent=2, ensure_ascii=False))
        return
    console.print(_protocols(shown))
    for one in shown:
        console.print(f"\n{one.title} ('benchmark: {one.name}'): {one.note}. Sizes: {one.counts_from}.", markup=False)
        for table in _published(one):
            console.print(table)


def _protocols(shown: "list[Benchmark]") -> "Table":
    from teachtext.cli.tables import plain_table

    table = plain_table("Protocols", "benchmark", "split", "videos", "queries", "captions", "used to")
    for one in shown:
        for split in one.protocol.splits:
            sizes = " or ".join(f"{size:,}" for size in one.splits.get(split, ())) or "?"
            queries = f"{one.queries[split]:,}" if split in one.queries else ""
            roles = {"learn": one.protocol.train, "select": one.protocol.select, "test": one.protocol.test}
            uses = ", ".join(role for role, used in roles.items() if used == split)
            name = one.name if split == one.protocol.train else ""
            table.add_row(name, split, sizes, queries, one.protocol.captions_in(split), uses)
        table.add_section()
    return table


def _published(one: "Benchmark") -> "list[Table]":
    from teachtext.cli.tables import plain_table
    from teachtext.data.benchmarks import COLUMNS

    tables = []
    for published in one.published:
        table = plain_table(f"{published.task}, {published.source}", "model", *COLUMNS)
        for model, numbers in published.rows.items():
            table.add_row(model, *(number or "" for number in numbers))
        tables.append(table)
    return tables
