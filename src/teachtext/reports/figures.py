"""The look of all figures: one palette, the lines of rows, and one way to make an SVG.

A row keeps its colour and its line in all figures. Colour-blind readers can distinguish the colours (Okabe and Ito,
"Color universal design", 2008), and teachers differ by their dashes as well. The same input gives the same bytes.
"""

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.result_rows import Role, Row
from teachtext.evaluation.results import Verdict
from teachtext.evaluation.significance import Estimate
from teachtext.reports.sentences import row_name
from teachtext.reports.tables import signed

Paint = Callable[[Any], None]

ORANGE, BLUE, INK, GREY, RULE = "#D55E00", "#0072B2", "#1B1D21", "#6B7280", "#333333"
_OTHERS = (BLUE, "#009E73", "#CC79A7", "#56B4E9", "#332288", "#E69F00", "#882255")
SERIES = (ORANGE, *_OTHERS)
"""Colours of curves, in order."""
VERDICT_COLORS: dict[Verdict, str] = {"gain": "#0B6B45", "loss": "#A3271F", "undecided": GREY, "not computed": GREY}
_COLORS: dict[Role, tuple[str, ...]] = {
    "teacher": _OTHERS,
    "student": ("#4D4D4D", "#999999"),
    "taught": (ORANGE, "#F0A35E"),
}
_DASHES: tuple[Any, ...] = ((0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 2.5)))
_WIDTH = 4.9
_NAME_LENGTH = 44
TWO_COLUMNS = 24
_ERROR = {"elinewidth": 0.8, "ecolor": f"{RULE}99"}
_STYLE = {
    "font.size": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": "#8A8F98",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#E4E6EA",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 2.6,
    "svg.hashsalt": "teachtext",
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        title: of the figure.
        note: how to read it.
        alt: its content in words, for readers who do not see it.
        svg: the picture.
        wide: whether it stands alone in its line of the page.
    """

    title: str
    note: str
    alt: str
    svg: str
    wide: bool = False


@dataclass(frozen=True)
class Look:
    """The name and the line of a row."""

    name: str
    color: str
    dashes: Any
    width: float

    @property
    def line(self) -> dict[str, Any]:
        """Arguments of matplotlib for a line."""
        return {"color": self.color, "ls": self.dashes, "lw": self.width, "label": self.name}

    @property
    def bar(self) -> dict[str, Any]:
        """Arguments of matplotlib for a bar."""
        return {"color": self.color, "label": self.name, "error_kw": _ERROR}


def looks(rows: Sequence[Row]) -> dict[str, Look]:
    """Return by label the look of every row.

    Students have two colours. Where a study has more of them, all have the first: their names distinguish them.
    """
    by_label: dict[str, Look] = {}
    count: Counter[Role] = Counter()
    of_role = Counter(row.role for row in rows)
    for row in rows:
        place = count[row.role]
        count[row.role] += 1
        colors = _COLORS[row.role]
        if row.role != "teacher" and of_role[row.role] > len(colors):
            colors = colors[:1]
        dashes = _DASHES[place % len(_DASHES)] if row.role == "teacher" or place >= len(colors) else "-"
        name = row_name(row)
        short = name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
        by_label[row.label] = Look(short, colors[place % len(colors)], dashes, 1.5 if row.role == "teacher" else 2.3)
    return by_label


def dot(values: Sequence[float] | NDArray[np.float64]) -> str | None:
    """Return the marker of a line through `values`."""
    return "o" if len(values) == 1 else None  # a line of one point cannot be seen


def over(rows: Sequence[Row], words: str) -> str:
    """Return `words` where a row has several seeds, else nothing."""
    return words if any(len(row.seeds) > 1 for row in rows) else ""


def in_words(values: Mapping[str, float], quantity: str, decimals: int = 1) -> str:
    """Return the content of a figure in words: a value a row."""
    return f"{quantity}: " + "; ".join(f"{label}, {value:.{decimals}f}" for label, value in values.items()) + "."


def draw(paint: Paint, *, height: float = 3.0, legend: bool = False) -> str:
    """Return a picture as SVG.

    Args:
        paint: draws on the axes of matplotlib that it gets.
        height: in inches, without the legend.
        legend: whether to name the lines below the axes.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib import figure as figures
        from matplotlib import style
    except ImportError as error:
        raise InputError("the figures of the report need matplotlib", "pip install 'teachtext[report]'") from error
    with style.context(["default", _STYLE]):
        figure = figures.Figure(layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        names = axes.get_legend_handles_labels()[1] if legend else []
        columns = 2 if all(len(name) <= TWO_COLUMNS for name in names) else 1
        figure.set_size_inches(_WIDTH, height + 0.21 * ceil(len(names) / columns))
        if names:
            figure.legend(loc="outside lower center", ncols=columns)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def name_rows(axes: Any, names: Sequence[str]) -> None:
    """Label the y axis with one name a row, the first row on top, and leave room at both sides."""
    axes.set_yticks(range(len(names)), [fill(name, TWO_COLUMNS) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.75)
    axes.margins(x=0.12)
    axes.grid(False, axis="y")


def paint_differences(axes: Any, differences: Sequence[tuple[str, Estimate, Verdict]]) -> None:
    """Draw differences with their intervals against zero, the first on top: a name, the difference, its verdict."""
    axes.axvline(0, color=RULE, lw=1)
    for place, (_, difference, verdict) in enumerate(differences):
        color = VERDICT_COLORS[verdict]
        axes.plot([difference.low, difference.high], [place] * 2, color=color, lw=2.2)
        axes.plot(difference.value, place, "o", color=color, ms=7)
        axes.annotate(signed(difference.value), (difference.value, place - 0.16), ha="center", va="bottom")
    name_rows(axes, [name for name, _, _ in differences])


def paint_matrix(axes: Any, values: NDArray[np.float64], texts: NDArray[np.str_], most: float) -> None:
    """Draw a matrix of colours with its values: from 0, pale, to `most`, dark."""
    axes.imshow(values, cmap="Blues", vmin=0, vmax=most, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        color = "white" if value > 0.55 * most else INK
        axes.text(column, row, texts[row, column], ha="center", va="center", color=color)
    axes.tick_params(length=0)
    axes.grid(False)
