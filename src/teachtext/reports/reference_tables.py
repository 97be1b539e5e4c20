"""The floor and the ceiling of a run beside its students: a table for pages and terminals, and notes."""

from collections.abc import Sequence

from teachtext.evaluation.floor_and_ceiling import FloorAndCeiling, Reference
from teachtext.evaluation.metrics import METRICS
from teachtext.evaluation.results import Results
from teachtext.reports.sentences import row_name
from teachtext.reports.tables import NOTHING, Cell, Column, Table, number, std_text

_METRICS = ("r1", "r5", "r10", "mdr", "geometric_mean")
_ROLES = {
    "student": "The student of this run, trained alone.",
    "taught": "The student of this run, taught by its teachers.",
}
_EQUAL = "equal texts"
# of a name, beside five numbers in 80 columns
_WIDEST = 36


def reference_table(results: Results, *, short: bool = False) -> Table | None:
    """Return the rows below the students, the students, and the rows above.

    Args:
        results: of a run.
        short: for a terminal, without the spread over seeds and the last column, which says what each row is.

    Returns:
        None where the results have no floor and ceiling.
    """
    bounds = results.floor_and_ceiling
    if bounds is None:
        return None
    students = [
        Reference(label=row_name(row), meaning=_ROLES[row.role], t2v=[seed.t2v for seed in row.seeds])
        for row in results.rows
        if row.role in _ROLES
    ]
    groups = [[_line(row) for row in rows] for rows in (bounds.floor, students, bounds.ceiling)]
    groups[-1] += _equal_texts(bounds)
    columns = [Column("row"), *(Column(METRICS[metric].name) for metric in _METRICS)]
    title = f"{results.name}: floor and ceiling, text to video"
    several = any(len(row.t2v) > 1 for row in students)
    if short:
        means = [[[Cell(cell.mean) for cell in line[:-1]] for line in group] for group in groups]
        width = max(len(line[0].text) for group in groups for line in group)
        return Table(f"{title}{', mean over seeds' if several else ''}", columns, means, name_width=min(width, _WIDEST))
    return Table(
        title,
        [*columns, Column("meaning", words=True, sentences=True)],
        groups,
        note="mean (sample std over seeds)" if several else "",
    )


def reference_notes(results: Results) -> Sequence[str]:
    """Return a sentence on test queries with equal words, and one for each row that is left out."""
    bounds = results.floor_and_ceiling
    if bounds is None:
        return []
    rivals = bounds.rivals
    equal = (
        f"{rivals.with_rival:,} of {rivals.queries:,} test queries have a rival: a query of another video with the "
        "same words, capitals and punctuation aside. Queries of the same words have the same answers, so only one of "
        f"their videos can come first: R@1 is at most {number(rivals.r1_bound)}."
        if rivals.with_rival
        else f"None of the {rivals.queries:,} test queries has the words of a query of another video."
    )
    return [equal, *(f"Left out, {row.label}: {row.problem}." for row in bounds.left_out)]


def _line(row: Reference) -> list[Cell]:
    spreads = [row.spread(metric) for metric in _METRICS]
    numbers = [Cell(number(spread.mean), std_text(spread)) for spread in spreads]
    return [Cell(row.label), *numbers, Cell(row.meaning)]


def _equal_texts(bounds: FloorAndCeiling) -> list[list[Cell]]:
    """Return the line of the bound by equal texts; nothing where there are none."""
    if not bounds.rivals.with_rival:
        return []
    meaning = "The highest possible R@1: queries of several videos have the same words, and one video can be first."
    empty = [Cell(NOTHING)] * (len(_METRICS) - 1)
    return [[Cell(_EQUAL), Cell(number(bounds.rivals.r1_bound)), *empty, Cell(meaning)]]
