"""Tables of differences between rows in each part of the results, such as a language or a direction."""

from collections.abc import Iterable, Sequence

from teachtext.evaluation.results import Comparison
from teachtext.reports.sentences import comparison_cells
from teachtext.reports.tables import Cell, Column, Table


def differences_table(title: str, part: str, comparisons: Iterable[tuple[str, Sequence[Comparison]]]) -> Table | None:
    """Return the differences in each part of the results; None where nothing is compared.

    Args:
        title: of the table.
        part: what the parts are, such as `language`.
        comparisons: the names of the parts, with the comparisons of each.
    """
    lines = [
        [
            Cell(name),
            *map(Cell, [comparison.ours, comparison.theirs, *comparison_cells(comparison)]),
            Cell(comparison.verdict, verdict=comparison.verdict),
        ]
        for name, group in comparisons
        for comparison in group
    ]
    if not lines:
        return None
    names = (part, "ours", "theirs", "difference", "interval", "p, corrected", "verdict")
    return Table(title, [*map(Column, names)], [lines])
