"""Tables and JSON that several verbs print."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from teachtext.evaluation.metrics import METRIC_NAMES, Metrics

if TYPE_CHECKING:
    from teachtext.evaluation.normalise import Normalised


def print_metrics(
    cases: Mapping[str, Mapping[str, Metrics]],
    *,
    as_json: bool,
    normalised: Mapping[str, Sequence["Normalised"]] | None = None,
) -> None:
    """Print metrics by direction, one table a case; JSON has no level of cases where there is but one without a name.

    Args:
        cases: by title, metrics by direction.
        as_json: print JSON instead.
        normalised: by title, what score normalisers make of the case; a table each, below that of the case.
    """
    behind = normalised or {}
    if as_json:
        told = {case: _as_json(found, behind.get(case, ())) for case, found in cases.items()}
        print(json.dumps(told.get("", told), indent=2))
        return
    for case, found in cases.items():
        _print_table(case, found)
        for each in behind.get(case, ()):
            _print_table(each.label, each.metrics())


def _as_json(found: Mapping[str, Metrics], normalised: Sequence["Normalised"]) -> dict[str, Any]:
    told: dict[str, Any] = {way: metrics.as_dict() for way, metrics in found.items()}
    if normalised:
        told["normalised"] = {each.normaliser.name: each.as_dict() for each in normalised}
    return told


def _print_table(title: str, found: Mapping[str, Metrics]) -> None:
    from rich.table import Table
    from rich.text import Text

    from teachtext.cli.progress import console

    table = Table("", *METRIC_NAMES.values(), title=Text(title) if title else None)
    for direction, metrics in found.items():
        table.add_row(direction, *(f"{value:.1f}" for value in metrics.as_dict().values()))
    console.print(table)
