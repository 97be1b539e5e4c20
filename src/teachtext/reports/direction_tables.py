"""The tables of results by direction: from text, video, sound or a pair of them to what they are not."""

from collections.abc import Mapping, Sequence

from teachtext.evaluation.by_direction import DirectionRanks
from teachtext.evaluation.metrics import METRIC_NAMES, MRR, NAMES
from teachtext.evaluation.ndcg import NDCG
from teachtext.evaluation.result_rows import Spread
from teachtext.evaluation.results import Results
from teachtext.reports.difference_tables import differences_table
from teachtext.reports.tables import NOTHING, Cell, Column, Table, name_width, number, std_text

_SHOWN = ("r1", "r5", "r10", NDCG, MRR, "mdr")


def directions_table(results: Results, label: str) -> Table | None:
    """Return the metrics of a row in all directions, `mean (sample std over seeds)`.

    Returns:
        None where the row has no results by direction.
    """
    if not any(label in direction.rows for direction in results.directions):
        return None
    lines = [
        (
            part.direction,
            part.queries,
            part.answers,
            {metric: part.spread(label, metric) for metric in _SHOWN} if label in part.rows else {},
        )
        for part in results.directions
    ]
    return _table(f"{results.name}: {label}, from any to any", lines)


def evaluated_directions_table(title: str, directions: Sequence[DirectionRanks]) -> Table:
    """Return the metrics of one model in all directions."""
    lines = []
    for ranks in directions:
        metrics = ranks.metrics if len(ranks.ranks) else {}
        spreads = {metric: Spread.of([value]) for metric, value in metrics.items()}
        lines.append((ranks.direction, len(ranks.ranks), ranks.answers, spreads))
    return _table(title, lines)


def direction_differences_table(results: Results) -> Table | None:
    """Return the differences between rows by direction; None where nothing is compared."""
    title = f"Differences in {METRIC_NAMES[results.statistic]} by direction"
    parts = [(part.direction, part.comparisons) for part in results.directions]
    return differences_table(title, "direction", parts)


def _table(title: str, lines: Sequence[tuple[str, int, int, Mapping[str, Spread]]]) -> Table:
    """Return a table of directions: name, numbers of queries and of answers, and metrics."""
    cells = [
        [
            Cell(direction),
            Cell(f"{queries:,}"),
            Cell(f"{answers:,}"),
            *(
                Cell(number(metrics[name].mean), std_text(metrics[name])) if metrics else Cell(NOTHING)
                for name in _SHOWN
            ),
        ]
        for direction, queries, answers, metrics in lines
    ]
    columns = [Column("direction", words=True), *map(Column, ["queries", "answers", *(NAMES[name] for name in _SHOWN)])]
    return Table(title, columns, [cells], name_width=name_width([[cell.text for cell in line] for line in cells]))
