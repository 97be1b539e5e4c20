"""The table and the picture of questions: captions that are ranked among a few videos only."""

from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from teachtext.evaluation.results import Results
from teachtext.reports.figures import Plot, draw, looks, over, told
from teachtext.reports.tables import Cell, column, empty_table, number, row_name


def question_cells(results: Results) -> list[list[Cell]]:
    """Return for every row the shares of questions answered right, in percent, in the order of their kinds."""
    columns = [column([row.answered(kind) for row in results.rows]) for kind in results.test.questions]
    return [list(line) for line in zip(*columns, strict=True)]


def question_heads(results: Results) -> list[str]:
    """Return the heads of the columns: every kind of question, how many there are, and what chance gives."""
    asked = results.test.questions.items()
    return [f"{kind}\n{each.questions:,} asked\nchance {number(each.chance)}" for kind, each in asked]


def questions_table(results: Results) -> Table | None:
    """Return the share of questions answered right, in percent: `mean (sample std over seeds)`, the best mean bold.

    Returns:
        None where no questions were asked.
    """
    if not results.test.questions:
        return None
    table = empty_table(results, f"{results.name}: questions answered right among a few videos (%)")
    for head in question_heads(results):
        table.add_column(Text(head), justify="right")
    for row, line in zip(results.rows, question_cells(results), strict=True):
        table.add_row(Text(row_name(row)), *(Text(cell.text, style="bold" if cell.best else "") for cell in line))
    return table


def questions_plot(results: Results) -> Plot:
    """Draw the share of each kind of question that each row answers right, as a matrix of colours."""
    kinds, drawn = list(results.test.questions), looks(results.rows)
    values = np.array([[row.answered(kind).mean for kind in kinds] for row in results.rows])

    def paint(axes: Any) -> None:
        axes.imshow(values, vmin=0, vmax=100, cmap="Blues", aspect="auto")
        for (line, place), value in np.ndenumerate(values):
            color = "white" if value > 55 else "#1B1D21"
            axes.text(place, line, number(value), ha="center", va="center", color=color)
        axes.set_xticks(range(len(kinds)), kinds, rotation=25)
        axes.set_yticks(range(len(values)), [drawn[row.label].name for row in results.rows])
        axes.tick_params(length=0)
        axes.grid(False)

    best = {kind: results.rows[int(line.argmax())] for kind, line in zip(kinds, values.T, strict=True)}
    most = {f"{kind} ({row_name(row)})": float(row.answered(kind).mean) for kind, row in best.items()}
    note = f"Questions answered right, in percent; darker is better.{over(results.rows, ' Mean over seeds.')}"
    height = 0.7 + 0.32 * len(values)
    return Plot("Who answers what", note, told(most, "Best at each kind of question"), draw(paint, height=height))
