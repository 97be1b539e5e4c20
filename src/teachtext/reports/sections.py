"""A report of tables and pictures: what stands in it, for terminals and as one HTML page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from teachtext.reports.figures import Plot
from teachtext.reports.page import render_page

_NAME_WIDTH = 24


@dataclass(frozen=True)
class Fact:
    """A number, what it means, and what it is to be compared with."""

    value: str
    meaning: str
    beside: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        title: what it shows.
        columns: names of its columns; the first one names the rows.
        rows: as printed.
        note: how to read it.
        words: numbers of the columns that hold text.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    words: Collection[int] = (0,)

    def table(self) -> Table:
        """Return it for a terminal."""
        title = Text(self.title, style="italic")
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.collapse_padding = True
        # rich narrows the widest column first: left free, names break before a number moves to a second line
        names = min(_NAME_WIDTH, max(len(row[0]) for row in self.rows)) if len(self.words) == 1 and self.rows else None
        for number, name in enumerate(self.columns):
            justify: Literal["left", "right"] = "left" if number in self.words else "right"
            table.add_column(name, justify=justify, overflow="fold", width=names if number == 0 else None)
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table


@dataclass(frozen=True)
class Section:
    """A part of a page; `key` is its anchor, that of the first one is `results`."""

    key: str
    title: str
    note: str = ""
    facts: Sequence[Fact] = ()
    sheets: Sequence[Sheet] = ()
    plots: Sequence[Plot] = ()


def render_sheets(*, title: str, lead: str, generated: bool, sections: Sequence[Section]) -> str:
    """Return sections as one self-contained HTML page.

    Args:
        title: of the page.
        lead: what it is about, in a sentence.
        generated: whether the data are, which is then said.
        sections: in order.

    Raises:
        InputError: Jinja2 is not installed.
    """
    values = {"title": title, "lead": lead, "generated": generated, "sections": list(sections)}
    return render_page("sections.html.j2", values)
