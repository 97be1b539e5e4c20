"""The pictures of a study (see `teachtext.reports.figures` for how they look)."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results, Verdict
from teachtext.evaluation.rows import Row
from teachtext.reports.figures import TWO_COLUMNS, Plot, draw, looks, told
from teachtext.reports.study_tables import interval_name, rule
from teachtext.reports.tables import number, signed

_VERDICT_COLORS: dict[Verdict, str] = {"gain": "#0B6B45", "loss": "#A3271F", "undecided": "#6B7280"}
_SERIES_COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#332288", "#E69F00", "#882255")
_LEAST_POINTS = 3
_WIDE_RANGE = 20


def rows_plot(results: Results) -> Plot:
    """Draw the study's statistic of every row: a dot a seed, a bar at the mean, a line for the interval."""
    rows, metric = results.rows, METRIC_NAMES[results.statistic]
    spreads = [row.spread("t2v", results.statistic) for row in rows]

    def paint(axes: Any) -> None:
        for place, (row, spread) in enumerate(zip(rows, spreads, strict=True)):
            color = looks([row])[row.label].color
            if row.interval:
                axes.plot([row.interval.low, row.interval.high], [place] * 2, color=color, lw=2.2, alpha=0.75)
            axes.plot(spread.values, [place] * len(spread.values), "o", color=color, alpha=0.5, ms=5, mew=0)
            axes.plot([spread.mean] * 2, [place - 0.24, place + 0.24], color=color, lw=3, solid_capstyle="round")
            axes.annotate(number(spread.mean), (spread.mean, place - 0.28), ha="center", va="bottom", color="#333333")
        _name(axes, [row.label for row in rows])
        axes.set_xlabel(f"t2v {metric}")

    seeds = " A dot is a seed, the bar their mean." if len(results.seeds) > 1 else ""
    note = f"The line is the {interval_name(results)} interval; the axis does not begin at zero.{seeds}"
    means = {row.label: spread.mean for row, spread in zip(rows, spreads, strict=True)}
    return Plot(f"{metric}, text to video", note, told(means, metric), draw(paint, height=0.95 + 0.5 * len(rows)))


def differences_plot(results: Results) -> Plot | None:
    """Draw every difference with its interval against zero; None where there is none."""
    found = [
        (comparison, comparison.difference) for comparison in results.comparisons if comparison.difference is not None
    ]
    if not found:
        return None

    def paint(axes: Any) -> None:
        axes.axvline(0, color="#333333", lw=1)
        for place, (comparison, difference) in enumerate(found):
            color = _VERDICT_COLORS[comparison.verdict]
            axes.plot([difference.low, difference.high], [place] * 2, color=color, lw=2.2)
            axes.plot(difference.value, place, "o", color=color, ms=7)
            axes.annotate(signed(difference.value), (difference.value, place - 0.16), ha="center", va="bottom")
        _name(axes, [f"{comparison.ours} − {comparison.theirs}" for comparison, _ in found])
        axes.set_xlabel(f"difference in t2v {METRIC_NAMES[results.statistic]}")

    alt = "; ".join(
        f"{comparison.ours} against {comparison.theirs}, {signed(difference.value)}, {comparison.verdict}"
        for comparison, difference in found
    )
    height = 0.95 + 0.62 * len(found)
    return Plot("Differences", f"{rule(results)} Green is a gain, red a loss.", alt, draw(paint, height=height))


def curve_plots(results: Results) -> list[Plot]:
    """Draw the statistic over every setting that is a number, or a list by its length, in three variants or more."""
    keys = dict.fromkeys(key for row in results.rows for key in row.changes if key != "student.experts")
    return [plot for key in keys if (plot := _curve_plot(results, key))]


def _curve_plot(results: Results, key: str) -> Plot | None:
    series = _series(results.rows, key)
    curves = {name: points for name, points in series.items() if len(points) >= _LEAST_POINTS}
    # what the setting does not change, as a line to compare with
    levels = {
        name: next(iter(points.values()))
        for name, points in series.items()
        if len(points) == 1 and next(iter(points.values())).role == "student"
    }
    if not curves:
        return None
    metric = METRIC_NAMES[results.statistic]
    xs = sorted({x for points in curves.values() for x in points})
    encoders = list(dict.fromkeys(row.text_encoder for points in series.values() for row in points.values()))
    means = {row.label: row.spread("t2v", results.statistic).mean for row in results.rows}

    def paint(axes: Any) -> None:
        for place, (name, points) in enumerate(curves.items()):
            color = _SERIES_COLORS[place % len(_SERIES_COLORS)]
            axes.plot(list(points), [means[row.label] for row in points.values()], "o-", color=color, lw=2, label=name)
            known = {x: row.interval for x, row in points.items() if row.interval}
            lows, highs = [found.low for found in known.values()], [found.high for found in known.values()]
            axes.fill_between(list(known), lows, highs, color=color, alpha=0.14, lw=0)
        for name, row in levels.items():
            dashes = (0, (5, 1 + encoders.index(row.text_encoder)))
            axes.axhline(means[row.label], color="#4D4D4D", lw=1.4, ls=dashes, label=name)
        positive = [x for x in xs if x > 0]
        if xs[0] >= 0 and positive[-1] / positive[0] >= _WIDE_RANGE:
            axes.set_xscale("symlog", linthresh=positive[0])
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.minorticks_off()
        axes.set(xlabel=key, ylabel=f"t2v {metric}")

    name, points = next(iter(curves.items()))
    alt = told({f"{x:g}": means[row.label] for x, row in points.items()}, f"{metric} by {key}, {name}")
    note = (
        f"Mean over seeds; bands are {interval_name(results)} intervals; broken lines do not depend on the setting. "
        "Lists are told by their length. The axis does not begin at zero."
    )
    return Plot(f"{metric} by {key}", note, alt, draw(paint, height=3.2, legend=len(series) > 1))


def _series(rows: Sequence[Row], key: str) -> dict[str, dict[float, Row]]:
    """Return rows by the value of a setting, those together that differ in nothing else; none where two are equal."""
    series: dict[str, dict[float, Row]] = {}
    for row in rows:
        x = _as_number(row.changes.get(key))
        if x is not None:
            points = series.setdefault(_without(row, key), {})
            if x in points:
                return {}
            points[x] = row
    return {name: dict(sorted(points.items())) for name, points in series.items()}


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, list):
        return float(len(value))
    return float(value) if isinstance(value, int | float) else None


def _without(row: Row, key: str) -> str:
    """Name what a row is, apart from one setting."""
    others = [
        f"{name.rpartition('.')[2]} {value}" for name, value in row.changes.items() if name not in (key, "student.text")
    ]
    return ", ".join([row.text_encoder, *others, "alone" if row.role == "student" else "TeachText"])


def _name(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [fill(name, TWO_COLUMNS) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.75)
    axes.margins(x=0.12)
    axes.grid(False, axis="y")
