"""A study as one HTML page."""

from pathlib import Path
from typing import Any

import yaml

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results
from teachtext.evaluation.rows import DIRECTIONS
from teachtext.files import write_text
from teachtext.reports import study_plots as plots
from teachtext.reports import study_tables as tables
from teachtext.reports.figures import looks
from teachtext.reports.modality_plots import modality_plots
from teachtext.reports.page import render_page
from teachtext.reports.tables import SEED_METRICS, seed_cells


def write_study_report(results: Results, folder: Path) -> Path:
    """Write the report of a study into its folder; return its path.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    path = folder / "report.html"
    write_text(path, render_study(results))
    return path


def render_study(results: Results) -> str:
    """Return the report of a study as one self-contained HTML page.

    Raises:
        InputError: matplotlib or Jinja2 is not installed.
    """
    return render_page("study_report.html.j2", _values(results))


def _values(results: Results) -> dict[str, Any]:
    pictures = [plots.rows_plot(results), *modality_plots(results), *plots.curve_plots(results)] if results.rows else []
    return {
        "results": results,
        "generated": any(row.tested.generated for row in results.rows),
        "tested_on": tables.tested_on(results),
        "seeds_told": tables.seeds_told(results),
        "metrics": [METRIC_NAMES[metric] for metric in SEED_METRICS],
        "statistic": METRIC_NAMES[results.statistic],
        "interval_name": tables.interval_name(results),
        "rule": tables.rule(results),
        "plots": pictures,
        "extra": tables.extra_columns(results),
        "differences_plot": plots.differences_plot(results),
        "directions": [
            {
                "key": key,
                "name": name,
                "rows": list(zip(results.rows, tables.row_cells(results.rows, key), strict=True)),
                "seeds": list(zip(results.rows, seed_cells(results.rows, key), strict=True)),
            }
            for key, name in DIRECTIONS.items()
        ],
        "interval_text": tables.interval_text,
        "p_text": tables.p_text,
        "comparison_cells": tables.comparison_cells,
        "claims": [tables.claim_sentence(found) for found in results.comparisons if found.claim],
        "looks": {row.label: looks([row])[row.label] for row in results.rows},
        "notes": tables.notes(results),
        "config": yaml.safe_dump(results.config, sort_keys=False, allow_unicode=True),
    }
