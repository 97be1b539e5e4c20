"""Tables and JSON that several verbs print."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich import table as rich_table

    from teachtext.evaluation.metrics import Metrics
    from teachtext.evaluation.score_normalisation import Normalised


def print_metrics(
    cases: "Mapping[str, Mapping[str, Metrics]]",
    *,
    as_json: bool,
    normalised: "Mapping[str, Sequence[Normalised]] | None" = None,
) -> None:
    """Print a table of metrics for each case. JSON has no level of cases where the only case has no title.

    Args:
        cases: metrics by direction, by title of the case.
        as_json: print JSON instead of tables.
        normalised: results of score normalisers, by title of the case. Their tables follow the table of the case.
    """
    results = normalised or {}
    if as_json:
        content = {case: _as_json(metrics, results.get(case, ())) for case, metrics in cases.items()}
        print(json.dumps(content.get("", content), indent=2))
        return
    for case, metrics in cases.items():
        _print_table(case, metrics)
        for result in results.get(case, ()):
            _print_table(result.label, result.metrics())


def _as_json(metrics: "Mapping[str, Metrics]", normalised: Sequence["Normalised"]) -> dict[str, Any]:
    content: dict[str, Any] = {direction: values.as_dict() for direction, values in metrics.items()}
    if normalised:
        content["normalised"] = {result.normaliser.name: result.as_dict() for result in normalised}
    return content


def _print_table(title: str, by_direction: "Mapping[str, Metrics]") -> None:
    from teachtext.cli.progress import console
    from teachtext.evaluation.metrics import METRIC_NAMES
    from teachtext.reports.tables import Table, number

    rows = [[direction, *map(number, metrics.values())] for direction, metrics in by_direction.items()]
    console.print(Table.of(title, ["", *METRIC_NAMES.values()], rows).rich())


def plain_table(title: str, first: str, *columns: str) -> "rich_table.Table":
    """Return an empty table whose first column is never broken."""
    from teachtext.reports.tables import Column, Table

    heads = [Column(first, words=True, no_wrap=True), *(Column(column, words=True) for column in columns)]
    return Table(title, heads, []).rich()
