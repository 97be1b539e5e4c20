"""Tables and JSON that several verbs print."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from teachtext.evaluation.metrics import Metrics


def print_metrics(cases: "Mapping[str, Mapping[str, Metrics]]", *, as_json: bool) -> None:
    """Print metrics by direction, one table a case; JSON has no level of cases where there is but one without a name.

    Args:
        cases: by title, metrics by direction.
        as_json: print JSON instead.
    """
    if as_json:
        told = {case: {way: metrics.as_dict() for way, metrics in found.items()} for case, found in cases.items()}
        print(json.dumps(told.get("", told), indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    from teachtext.cli.progress import console
    from teachtext.evaluation.metrics import METRIC_NAMES

    for case, found in cases.items():
        table = Table("", *METRIC_NAMES.values(), title=Text(case) if case else None)
        for direction, metrics in found.items():
            table.add_row(direction, *(f"{value:.1f}" for value in metrics.as_dict().values()))
        console.print(table)


def plain_table(title: str, first: str, *columns: str) -> "Table":
    """Return an empty table whose first column is never broken."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True
    )
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column)
    return table
