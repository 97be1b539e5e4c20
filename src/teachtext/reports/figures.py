"""How the report's pictures look: colours, lines, one way to make an SVG. The same input gives the same bytes.

A row keeps its colour and its line over all pictures; colours can be told apart by colour-blind readers, and teachers
differ by their dashes as well.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.rows import Role, Row
from teachtext.reports.tables import row_name

Paint = Callable[[Any], None]

_COLORS: dict[Role, tuple[str, ...]] = {
    "teacher": ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#332288", "#E69F00", "#882255"),
    "student": ("#4D4D4D", "#999999"),
    "taught": ("#D55E00", "#F0A35E"),
}
_DASHES: tuple[Any, ...] = ((0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 2.5)))
_WIDTH = 4.9
_NAME_LENGTH = 44
TWO_COLUMNS = 24
_ERROR = {"elinewidth": 0.8, "ecolor": "#33333399"}
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
class Plot:
    """A picture: its title, how to read it, what it shows for those who do not see it, and the SVG."""

    title: str
    note: str
    alt: str
    svg: str


@dataclass(frozen=True)
class Look:
    """How a row is called and drawn."""

    name: str
    color: str
    dashes: Any
    width: float

    @property
    def line(self) -> dict[str, Any]:
        """How matplotlib draws a line of it."""
        return {"color": self.color, "ls": self.dashes, "lw": self.width, "label": self.name}

    @property
    def bar(self) -> dict[str, Any]:
        """How matplotlib draws a bar of it."""
        return {"color": self.color, "label": self.name, "error_kw": _ERROR}


def looks(rows: Sequence[Row]) -> dict[str, Look]:
    """Return by label how every row is drawn."""
    found: dict[str, Look] = {}
    seen: dict[Role, int] = {}
    for row in rows:
        place = seen.get(row.role, 0)
        seen[row.role] = place + 1
        colors = _COLORS[row.role]
        dashes = _DASHES[place % len(_DASHES)] if row.role == "teacher" or place >= len(colors) else "-"
        name = row_name(row)
        short = name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
        found[row.label] = Look(short, colors[place % len(colors)], dashes, 1.5 if row.role == "teacher" else 2.3)
    return found


def dot(values: Sequence[float] | NDArray[np.float64]) -> str | None:
    """Return the marker of a line through `values`."""
    return "o" if len(values) == 1 else None  # a line of one point cannot be seen


def over(rows: Sequence[Row], words: str) -> str:
    """Return words that are true only of several seeds."""
    return words if any(len(row.seeds) > 1 for row in rows) else ""


def told(values: Mapping[str, float], what: str, decimals: int = 1) -> str:
    """Say in words what a picture shows: a value a row."""
    return f"{what}: " + "; ".join(f"{label}, {value:.{decimals}f}" for label, value in values.items()) + "."


def draw(paint: Paint, *, height: float = 3.0, legend: bool = False) -> str:
    """Return what `paint` draws on a pair of axes, as SVG; height in inches, the legend's comes on top.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("the report's plots need matplotlib", "pip install 'teachtext[report]'") from error
    with style.context(["default", _STYLE]):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        names = axes.get_legend_handles_labels()[1] if legend else []
        columns = 2 if all(len(name) <= TWO_COLUMNS for name in names) else 1
        figure.set_size_inches(_WIDTH, height + 0.21 * ceil(len(names) / columns))
        if names:
            figure.legend(loc="outside lower center", ncols=columns)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = buffer.getvalue()
    return text[text.index("<svg") :]
