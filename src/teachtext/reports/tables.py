"""Tables: one form for the terminal, for Markdown and for HTML, and the numbers in their cells."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich import table as rich_table
from rich.text import Text

from teachtext.evaluation.result_rows import Spread
from teachtext.evaluation.results import Verdict

NOTHING = "–"
VERDICT_STYLE: dict[Verdict, str] = {"gain": "green", "loss": "red", "undecided": "", "not computed": ""}
_NAME_WIDTH = 24


@dataclass(frozen=True)
class Cell:
    """A value as printed.

    Attributes:
        mean: the value, or the mean over seeds.
        std: sample standard deviation over seeds, empty for one seed.
        best: whether the mean, as printed, is the best of its column.
        verdict: the verdict on a difference.
        color: of the swatch before the name of a row.
        detail: a longer text for a tooltip.
    """

    mean: str
    std: str = ""
    best: bool = False
    verdict: Verdict = "undecided"
    color: str = ""
    detail: str = ""

    @property
    def text(self) -> str:
        """Mean and spread in the field's form, `25.1 (0.6)`."""
        return f"{self.mean} ({self.std})" if self.std else self.mean

    @property
    def style(self) -> str:
        """The style in a terminal."""
        return "bold" if self.best else VERDICT_STYLE[self.verdict]


@dataclass(frozen=True)
class Column:
    """A column: its name, whether it holds words (left aligned), and whether narrow screens leave it out.

    `sentences` breaks the texts of a page into lines, `no_wrap` keeps those of a terminal in one line.
    """

    name: str
    words: bool = False
    wide_only: bool = False
    no_wrap: bool = False
    sentences: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: of the table.
        columns: the first column names the rows.
        groups: rows of cells in groups, with a rule between two groups.
        note: how to read it.
        name_width: width of the first column in a terminal; None leaves it to the terminal.
        folded: whether HTML shows it only on request.
        emphasis: whether the last group is tinted.
    """

    title: str
    columns: Sequence[Column]
    groups: Sequence[Sequence[Sequence[Cell]]]
    note: str = ""
    name_width: int | None = None
    folded: bool = False
    emphasis: bool = False

    @classmethod
    def of(
        cls,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        note: str = "",
        words: Collection[int] = (0,),
        folded: bool = False,
    ) -> "Table":
        """Make a table of texts.

        Args:
            title: of the table.
            columns: their names.
            rows: one text a column.
            note: how to read it.
            words: numbers of the columns that hold words.
            folded: whether HTML shows it only on request.

        >>> Table.of("T", ("model", "R@1"), [("a", "25.1")]).markdown()[2]
        '| a | 25.1 |'
        """
        heads = [Column(name, words=place in words) for place, name in enumerate(columns)]
        cells = [[Cell(text) for text in row] for row in rows]
        return cls(title, heads, [cells], note, name_width(rows) if len(words) == 1 and rows else None, folded)

    @property
    def rows(self) -> list[list[str]]:
        """The texts of all cells."""
        return [[cell.text for cell in row] for group in self.groups for row in group]

    def rich(self) -> rich_table.Table:
        """Return the table for a terminal."""
        table = rich_table.Table(
            title=Text(self.title, style="italic") if self.title else None,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
        )
        table.collapse_padding = True
        for place, column in enumerate(self.columns):
            justify: Literal["left", "right"] = "left" if column.words or place == 0 else "right"
            # rich narrows the widest column first: with a fixed width, names break before a number moves to a new line
            width = self.name_width if place == 0 else None
            table.add_column(Text(column.name), justify=justify, overflow="fold", width=width, no_wrap=column.no_wrap)
        for group in self.groups:
            table.add_section()
            for row in group:
                table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
        return table

    def markdown(self) -> list[str]:
        """Return the lines of the table in Markdown, and an empty line."""
        lines = [[column.name for column in self.columns], ["---"] * len(self.columns), *self.rows]
        return [*("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines), ""]


def name_width(rows: Sequence[Sequence[str]], least: int = 0) -> int:
    """Return a width for the names of rows that leaves room for numbers in 80 columns."""
    return max(least, min(_NAME_WIDTH, max(len(row[0]) for row in rows)))


def spread_cells(spreads: Sequence[Spread], *, lower_is_better: bool = False) -> list[Cell]:
    """Return the cells of a column, one a row, with the best mean marked."""
    # compared as printed, so that of two equal numbers on the page not only one is bold
    printed = [float(number(spread.mean)) for spread in spreads]
    best = min(printed) if lower_is_better else max(printed)
    return [
        Cell(number(spread.mean), std_text(spread), best=value == best and len(printed) > 1)
        for spread, value in zip(spreads, printed, strict=True)
    ]


def std_text(spread: Spread) -> str:
    """Print a standard deviation; empty for one seed."""
    if spread.std is None:
        return ""
    # a wide spread needs no decimal, and one more character would not fit into 80 columns
    return number(spread.std) if spread.std < 9.95 else f"{spread.std:.0f}"


def number(value: float) -> str:
    """Print with the one decimal of the field, without a negative zero.

    >>> number(25.06), number(-0.04)
    ('25.1', '0.0')
    """
    return f"{value:z.1f}"


def signed(value: float) -> str:
    """Print a difference with its sign; zero has none.

    >>> signed(1.5), signed(-0.04)
    ('+1.5', '0.0')
    """
    return f"{value:+.1f}" if number(value).strip("0.") else number(value)


def percent(share: float | None) -> str:
    """Print a share in percent."""
    return "cannot be computed" if share is None else f"{number(100 * share)} %"


def p_text(p: float) -> str:
    """Print a p value.

    >>> p_text(0.0004), p_text(0.0321)
    ('< 0.001', '0.032')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def rank_text(rank: float) -> str:
    """Print a 1-based rank; ties have half ranks.

    >>> rank_text(1200.0), rank_text(2.5)
    ('1,200', '2.5')
    """
    return f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"
