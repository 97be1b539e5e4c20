"""Tables and JSON that several verbs print."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich import table as rich_table

    from teachtext.evaluation.by_direction import DirectionRanks
    from teachtext.evaluation.metrics import Metrics
    from teachtext.evaluation.score_normalisation import Normalised


def print_metrics(
    cases: "Mapping[str, Mapping[str, Metrics]]",
    *,
    as_json: bool,
    normalised: "Mapping[str, Sequence[Normalised]] | None" = None,
    facts: Mapping[str, Any] = {},
) -> None:
    """Print a table of metrics for each case, and its ties.

    JSON has no level of cases where the only case has no title.

    Args:
        cases: metrics by direction, by title of the case.
        as_json: print JSON instead of tables.
        normalised: results of score normalisers, by title of the case. Their tables follow the table of the case.
        facts: more values by key, for JSON.
    """
    results = normalised or {}
    if as_json:
        content = {case: {**_as_json(metrics, results.get(case, ())), **facts} for case, metrics in cases.items()}
        print(json.dumps(content.get("", content), indent=2))
        return
    for case, metrics in cases.items():
        _print_table(case, metrics)
        for result in results.get(case, ()):
            _print_table(result.label, result.metrics())


def print_directions(title: str, directions: Sequence["DirectionRanks"]) -> None:
    """Print the metrics of a model in all directions among text, video, audio and their pairs."""
    from teachtext.cli.progress import console
    from teachtext.reports.direction_tables import evaluated_directions_table

    console.print(evaluated_directions_table(title, directions).rich())


def _as_json(metrics: "Mapping[str, Metrics]", normalised: Sequence["Normalised"]) -> dict[str, Any]:
    content: dict[str, Any] = {direction: values.as_dict() for direction, values in metrics.items()}
    content["ties"] = {direction: asdict(values.ties) for direction, values in metrics.items() if values.ties}
    if normalised:
        content["normalised"] = {result.normaliser.name: result.as_dict() for result in normalised}
    return content


def _print_table(title: str, by_direction: "Mapping[str, Metrics]") -> None:
    from teachtext.cli.progress import console
    from teachtext.evaluation.metrics import NAMES
    from teachtext.reports.tables import Table, number

    rows = [[direction, *map(number, metrics.values())] for direction, metrics in by_direction.items()]
    heads = [NAMES[key] for metrics in by_direction.values() for key in metrics]
    console.print(Table.of(title, ["", *dict.fromkeys(heads)], rows).rich())
    for direction, metrics in by_direction.items():
        if metrics.ties and (sentence := metrics.ties.sentence(direction, metrics.r1)):
            console.print(sentence, markup=False, soft_wrap=True)


def plain_table(title: str, first: str, *columns: str) -> "rich_table.Table":
    """Return an empty table whose first column is never broken."""
    from teachtext.reports.tables import Column, Table

    heads = [Column(first, words=True, no_wrap=True), *(Column(column, words=True) for column in columns)]
    return Table(title, heads, []).rich()


def print_rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows: a table in a terminal, else a line each, which no width breaks.

    Args:
        heads: of the columns; no line of heads is printed where all are empty.
        rows: their cells.
    """
    from rich.cells import cell_len
    from rich.table import Column
    from rich.table import Table as RichTable
    from rich.text import Text

    from teachtext.cli.progress import console
    from teachtext.data.video_files import printable

    cells = [[printable(cell) for cell in row] for row in rows]
    if console.is_terminal:
        table = RichTable(*(Column(head, overflow="fold") for head in heads), show_header=any(heads))
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table)
        return
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    for line in (*([[*heads]] if any(heads) else []), *cells):
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
