"""What several teachers know, as tables, heat maps and a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import METRIC_NAMES, mean_and_std
from teachtext.evaluation.teacher_agreement import TOPS, TeacherAgreement, mean_over_seeds
from teachtext.reports.figures import TWO_COLUMNS, Plot, draw
from teachtext.reports.sections import Section, Sheet, render_sheets
from teachtext.reports.tables import number

ORACLE, ENSEMBLE = "oracle: best a query", "ensemble of all"


@dataclass(frozen=True, kw_only=True)
class AgreementContent:
    """The teachers of a run, compared seed by seed.

    Attributes:
        name: of the run.
        measured_on: the split and its size, in words.
        generated: whether a program made the data.
        seeds: that the teachers were trained with.
        rosters: one a seed.
        notes: what is worth knowing.
    """

    name: str
    measured_on: str
    generated: bool
    seeds: Sequence[int]
    rosters: Sequence[TeacherAgreement]
    notes: Sequence[str] = ()

    @property
    def labels(self) -> list[str]:
        """The teachers."""
        return list(self.by_seed[0].metrics)

    def as_dict(self) -> dict[str, Any]:
        """Return all values, seed by seed, as JSON takes them."""
        return {
            "name": self.name,
            "measured_on": self.measured_on,
            "teachers": self.labels,
            "seeds": [
                {
                    "seed": seed,
                    "t2v": {label: metrics.as_dict() for label, metrics in roster.metrics.items()},
                    "oracle": roster.oracle.as_dict(),
                    "ensemble": roster.ensemble.as_dict(),
                    "only_one_in_top": {str(k): dict(shares) for k, shares in roster.alone.items()},
                    "spearman": _json(roster.spearman),
                    "kendall": _json(roster.kendall),
                }
                for seed, roster in zip(self.seeds, self.by_seed, strict=True)
            ],
            "notes": list(self.notes),
        }


def metrics_table(found: AgreementContent) -> Sheet:
    """Return the metrics of every teacher, and below them what they could find together."""
    lines = {label: [roster.metrics[label] for roster in found.by_seed] for label in found.labels}
    lines |= {ENSEMBLE: [roster.ensemble for roster in found.by_seed]}
    lines |= {ORACLE: [roster.oracle for roster in found.by_seed]}
    rows = [
        [label, *(_over_seeds([getattr(metrics, name) for metrics in own]) for name in METRIC_NAMES)]
        for label, own in lines.items()
    ]
    spread = " (sample std over seeds)" if len(found.seeds) > 1 else ", one seed: no spread known"
    return Sheet(
        f"{found.name}: text to video on {found.measured_on}",
        ("teacher", *METRIC_NAMES.values()),
        rows,
        note=f"Mean{spread}. The ensemble is the mean of all similarities. Which is the best a query takes the "
        "answers to know: an oracle, a bound and not a model.",
    )


def alone_table(found: AgreementContent) -> Sheet:
    """Return how often a teacher alone finds a query's video."""
    rows = [
        [label, *(_over_seeds([roster.alone[k][label] for roster in found.by_seed]) for k in TOPS)]
        for label in found.labels
    ]
    columns = ("teacher", *(f"alone in the first {k} (%)" for k in TOPS))
    note = "Share of queries whose video that teacher ranks so high and no other does."
    return Sheet("What only one of them finds", columns, rows, note=note)


def agreement_tables(found: AgreementContent) -> list[Sheet]:
    """Return how alike the teachers rank, by Spearman's and by Kendall's coefficient."""
    short = [str(place) for place in range(1, len(found.labels) + 1)]
    sheets = []
    for name, matrix in _agreements(found).items():
        rows = [
            [f"{place} {label}", *(_coefficient(value) for value in row)]
            for place, label, row in zip(short, found.labels, matrix, strict=True)
        ]
        note = "Of the ranks of the right videos, over all queries; 1 is agreement, 0 is none."
        sheets.append(Sheet(f"Rank agreement, {name}", ("", *short), rows, note=note))
    return sheets


def render_agreement(found: AgreementContent) -> str:
    """Return the report as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    plots = [_heat_map(found, name, matrix) for name, matrix in _agreements(found).items()]
    sections = [
        Section("results", "What each knows", " ".join(found.notes), sheets=[metrics_table(found), alone_table(found)]),
        Section("agreement", "Where they agree", sheets=agreement_tables(found), plots=plots),
    ]
    teachers = f"{len(found.labels)} {'teacher' if len(found.labels) == 1 else 'teachers'}"
    lead = f"{teachers} on {found.measured_on}; seeds {', '.join(map(str, found.seeds))}. The test split was not read."
    return render_sheets(title=f"{found.name}: teachers", lead=lead, generated=found.generated, sections=sections)


def _agreements(found: AgreementContent) -> dict[str, NDArray[np.float64]]:
    return {
        "Spearman": mean_over_seeds([roster.spearman for roster in found.by_seed]),
        "Kendall": mean_over_seeds([roster.kendall for roster in found.by_seed]),
    }


def _over_seeds(values: Sequence[float]) -> str:
    mean, std = mean_and_std(values)
    return number(mean) if std is None else f"{number(mean)} ({number(std)})"


def _heat_map(found: AgreementContent, name: str, matrix: NDArray[np.float64]) -> Plot:
    labels = [fill(label, TWO_COLUMNS) for label in found.labels]

    def paint(axes: Any) -> None:
        # below zero teachers contradict each other: seldom, and as pale as no agreement
        axes.imshow(matrix, cmap="Blues", vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(matrix):
            dark = value > 0.6
            axes.text(column, row, _coefficient(value), ha="center", va="center", color="white" if dark else "#1B1D21")
        axes.set_xticks(range(len(labels)), [str(place) for place in range(1, len(labels) + 1)])
        axes.set_yticks(range(len(labels)), [f"{place} {label}" for place, label in enumerate(labels, start=1)])
        axes.grid(False)

    pairs = [
        f"{found.labels[one]} and {found.labels[other]}, {_coefficient(matrix[one, other])}"
        for one in range(len(matrix))
        for other in range(one)
    ]
    alt = f"{name} agreement: {'; '.join(pairs) or 'one teacher only'}."
    note = "How alike two teachers rank the right videos; darker is more alike."
    return Plot(f"Agreement ({name})", note, alt, draw(paint, height=1.2 + 0.55 * len(labels)))


def _coefficient(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:z.2f}"


def _json(matrix: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else float(value) for value in row] for row in matrix]
