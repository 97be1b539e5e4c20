"""Tables and JSON that several verbs print."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

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


def _print_table(title: str, metrics: "Mapping[str, Metrics]") -> None:
    from rich.table import Table
    from rich.text import Text

    from teachtext.cli.progress import console
    from teachtext.evaluation.metrics import METRIC_NAMES

    table = Table("", *METRIC_NAMES.values(), title=Text(title) if title else None)
    for direction, values in metrics.items():
        table.add_row(direction, *(f"{value:.1f}" for value in values.as_dict().values()))
    console.print(table)


def plain_table(title: str, first: str, *columns: str) -> "Table":
    """Return an empty table whose first column is never wrapped."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True
    )
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column)
    return table
