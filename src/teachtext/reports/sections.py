"""A report: sections of facts, text, tables, figures and examples, and its HTML page.

The page needs nothing else: no network, no script, pictures inside.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teachtext.errors import InputError
from teachtext.evaluation.results import Verdict
from teachtext.reports.figures import Figure
from teachtext.reports.tables import Table, rank_text

_HITS = 5


@dataclass(frozen=True)
class Fact:
    """A number, its meaning, a number to compare it with, and a verdict where it is a difference."""

    value: str
    meaning: str
    beside: str = ""
    verdict: Verdict = "undecided"


@dataclass(frozen=True)
class Hit:
    """A video in a ranking.

    Attributes:
        video_id: its id.
        score: its similarity to the caption.
        right: whether the caption describes it.
        thumbnail: a JPEG picture of it, or None.
    """

    video_id: str
    score: float
    right: bool
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Example:
    """A caption and the videos that a model ranks first for it.

    Attributes:
        caption: its text.
        caption_id: its id.
        right_video_id: the video that it describes.
        rank: 1-based rank of the right video among all.
        hits: the videos ranked first, best first; a page shows five.
        right_thumbnail: a JPEG picture of the right video, for a right video that is not among the five.
    """

    caption: str
    caption_id: str
    right_video_id: str
    rank: float
    hits: Sequence[Hit]
    right_thumbnail: bytes | None = None

    @property
    def shown(self) -> Sequence[Hit]:
        """The hits that a page shows."""
        return self.hits[:_HITS]

    @property
    def is_hit(self) -> bool:
        """Whether the right video is among the shown ones."""
        return any(hit.right for hit in self.shown)


@dataclass(frozen=True)
class Section:
    """A part of a report. Every attribute but key and title may be empty.

    Attributes:
        key: the anchor; that of the first section is `results`.
        title: the heading.
        note: a paragraph below the heading.
        facts: numbers in large print.
        sentences: statements in emphasis.
        figures: wide figures stand alone, the others side by side.
        tables: open ones below the figures, folded ones after them.
        examples: captions and their hits.
        gallery: number of videos that examples were ranked among.
        remarks: a list of notes at the end.
        files: by title, longer texts that unfold.
        values: by title, tables of names and values that unfold.
    """

    key: str
    title: str
    note: str = ""
    facts: Sequence[Fact] = ()
    sentences: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    examples: Sequence[Example] = ()
    gallery: int = 0
    remarks: Sequence[str] = ()
    files: Mapping[str, str] | None = None
    values: Mapping[str, Mapping[str, str]] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing below the heading."""
        content = (self.facts, self.sentences, self.figures, self.tables, self.examples, self.remarks)
        return not any(content) and not self.files and not self.values


@dataclass(frozen=True)
class Report:
    """A report.

    Attributes:
        title: of the page.
        leads: paragraphs below the title; the first is in bold where there are several.
        generated: whether a program made the data, which the page then states.
        sections: in order; empty ones are left out.
    """

    title: str
    leads: Sequence[str]
    generated: bool
    sections: Sequence[Section]

    def html(self) -> str:
        """Return the report as one self-contained HTML page.

        Raises:
            InputError: Jinja2 is not installed.
        """
        try:
            from jinja2 import Environment, PackageLoader, StrictUndefined
        except ImportError as error:
            raise InputError("the report needs Jinja2", "pip install 'teachtext[report]'") from error
        environment = Environment(
            loader=PackageLoader("teachtext", "reports/templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        environment.filters |= {"svg_uri": _svg_uri, "jpeg_uri": _jpeg_uri, "rank": rank_text}
        sections = [section for section in self.sections if not section.is_empty]
        return environment.get_template("page.html.j2").render(report=self, sections=sections)


def _svg_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _jpeg_uri(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
