"""The report on the agreement of teachers: tables, heat maps and a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import METRIC_NAMES, mean_and_std
from teachtext.evaluation.teacher_agreement import TOPS, TeacherAgreement, mean_over_seeds
from teachtext.reports.figures import TWO_COLUMNS, Figure, draw, paint_matrix
from teachtext.reports.sections import Report, Section
from teachtext.reports.tables import NOTHING, Table, number

ORACLE, ENSEMBLE = "oracle: best a query", "ensemble of all"


@dataclass(frozen=True, kw_only=True)
class AgreementContent:
    """The teachers of a run, compared seed by seed: the data of the report.

    Attributes:
        name: of the run.
        measured_on: the split and its size, in words.
        generated: whether a program made the data.
        seeds: of the trainings of the teachers.
        by_seed: the comparison of each seed.
        notes: remarks for readers, a sentence each.
    """

    name: str
    measured_on: str
    generated: bool
    seeds: Sequence[int]
    by_seed: Sequence[TeacherAgreement]
    notes: Sequence[str] = ()

    @property
    def labels(self) -> list[str]:
        """The labels of the teachers."""
        return list(self.by_seed[0].metrics)

    def as_dict(self) -> dict[str, Any]:
        """Return all values, seed by seed, for JSON."""
        return {
            "name": self.name,
            "measured_on": self.measured_on,
            "teachers": self.labels,
            "seeds": [
                {
                    "seed": seed,
                    "t2v": {label: metrics.as_dict() for label, metrics in agreement.metrics.items()},
                    "oracle": agreement.oracle.as_dict(),
                    "ensemble": agreement.ensemble.as_dict(),
                    "only_one_in_top": {str(k): dict(shares) for k, shares in agreement.alone.items()},
                    "spearman": _json(agreement.spearman),
                    "kendall": _json(agreement.kendall),
                }
                for seed, agreement in zip(self.seeds, self.by_seed, strict=True)
            ],
            "notes": list(self.notes),
        }


def metrics_table(content: AgreementContent) -> Table:
    """Return the metrics of every teacher, of their ensemble, and of the oracle."""
    lines = {label: [agreement.metrics[label] for agreement in content.by_seed] for label in content.labels}
    lines |= {ENSEMBLE: [agreement.ensemble for agreement in content.by_seed]}
    lines |= {ORACLE: [agreement.oracle for agreement in content.by_seed]}
    rows = [
        [label, *(_over_seeds([metrics[name] for metrics in seeds]) for name in METRIC_NAMES)]
        for label, seeds in lines.items()
    ]
    spread = " (sample std over seeds)" if len(content.seeds) > 1 else ", one seed: no spread known"
    return Table.of(
        f"{content.name}: text to video on {content.measured_on}",
        ("teacher", *METRIC_NAMES.values()),
        rows,
        note=f"Mean{spread}. The ensemble is the mean of all similarities. The oracle takes the best teacher of "
        "each query, which needs the answers: a bound and not a model.",
    )


def alone_table(content: AgreementContent) -> Table:
    """Return how often one teacher alone finds the video of a query."""
    rows = [
        [label, *(_over_seeds([agreement.alone[k][label] for agreement in content.by_seed]) for k in TOPS)]
        for label in content.labels
    ]
    columns = ("teacher", *(f"alone in the first {k} (%)" for k in TOPS))
    note = "Share of queries whose video this teacher ranks so high, and no other teacher does."
    return Table.of("Found by one teacher alone", columns, rows, note=note)


def agreement_tables(content: AgreementContent) -> list[Table]:
    """Return the agreement of the teachers' ranks, by Spearman's and by Kendall's coefficient."""
    short = [str(place) for place in range(1, len(content.labels) + 1)]
    tables = []
    for name, matrix in _agreements(content).items():
        rows = [
            [f"{place} {label}", *(_coefficient(value) for value in row)]
            for place, label, row in zip(short, content.labels, matrix, strict=True)
        ]
        note = "Of the ranks of the right videos, over all queries; 1 is agreement, 0 is none."
        tables.append(Table.of(f"Rank agreement, {name}", ("", *short), rows, note=note))
    return tables


def render_agreement(content: AgreementContent) -> str:
    """Return the report as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    figures = [_heat_map(content, name, matrix) for name, matrix in _agreements(content).items()]
    sections = [
        Section("results", "Metrics", " ".join(content.notes), tables=[metrics_table(content), alone_table(content)]),
        Section("agreement", "Agreement", tables=agreement_tables(content), figures=figures),
    ]
    teachers = f"{len(content.labels)} {'teacher' if len(content.labels) == 1 else 'teachers'}"
    lead = (
        f"{teachers} on {content.measured_on}; seeds {', '.join(map(str, content.seeds))}. The test split was not read."
    )
    return Report(f"{content.name}: teachers", [lead], content.generated, sections).html()


def _agreements(content: AgreementContent) -> dict[str, NDArray[np.float64]]:
    return {
        "Spearman": mean_over_seeds([agreement.spearman for agreement in content.by_seed]),
        "Kendall": mean_over_seeds([agreement.kendall for agreement in content.by_seed]),
    }


def _over_seeds(values: Sequence[float]) -> str:
    mean, std = mean_and_std(values)
    return number(mean) if std is None else f"{number(mean)} ({number(std)})"


def _heat_map(content: AgreementContent, name: str, matrix: NDArray[np.float64]) -> Figure:
    labels = [fill(label, TWO_COLUMNS) for label in content.labels]

    def paint(axes: Any) -> None:
        # below zero teachers contradict each other, which is rare, and as pale as no agreement
        paint_matrix(axes, matrix, np.vectorize(_coefficient)(matrix), 1)
        axes.set_xticks(range(len(labels)), [str(place) for place in range(1, len(labels) + 1)])
        axes.set_yticks(range(len(labels)), [f"{place} {label}" for place, label in enumerate(labels, start=1)])

    pairs = [
        f"{content.labels[row]} and {content.labels[column]}, {_coefficient(matrix[row, column])}"
        for row in range(len(matrix))
        for column in range(row)
    ]
    alt = f"{name} agreement: {'; '.join(pairs) or 'one teacher only'}."
    note = "How alike two teachers rank the right videos; darker is more alike."
    return Figure(f"Agreement ({name})", note, alt, draw(paint, height=1.2 + 0.55 * len(labels)))


def _coefficient(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{value:z.2f}"


def _json(matrix: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else float(value) for value in row] for row in matrix]
