"""The curves of a study: the compared metric over a setting, the number of experts or their cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.result_rows import Row
from teachtext.evaluation.results import Results
from teachtext.reports.figures import SERIES, Figure, draw, in_words
from teachtext.reports.sentences import interval_name

EXPERTS = "student.experts"
_LEAST_POINTS = 3
_WIDE_RANGE = 20
_LEVEL = "#4D4D4D"

Points = Mapping[float, Row]


def curve_figures(results: Results) -> list[Figure]:
    """Draw the metric over every setting that is a number, or a list by its length, in three variants or more."""
    keys = dict.fromkeys(key for row in results.rows for key in row.changes if key != EXPERTS)
    return [figure for key in keys if (figure := _setting_figure(results, key))]


def modality_figures(results: Results) -> list[Figure]:
    """Draw the metric by the number of the student's experts, and by their cost where it was measured."""
    rows = [row for row in results.rows if EXPERTS in row.changes and not row.sees]
    if not rows:
        return []
    counts = [(float(len(row.changes[EXPERTS])), row) for row in rows]
    costs = [(row.cost, row) for row in rows if row.cost is not None]
    metric = METRIC_NAMES[results.statistic]
    note = (
        f"Each point has one expert more than the one before, chosen on validation. Mean over seeds; bands are "
        f"{interval_name(results)} intervals. The axis of {metric} does not begin at zero."
    )
    by_count, by_cost = "the number of the student's experts", "extraction cost"
    figures = [_figure(results, _grouped(counts), by_count, "experts of the student", note, paint=_expert_ticks(rows))]
    if costs:
        axis = "CPU ms for a second of video"
        figures.append(_figure(results, _grouped(costs), by_cost, axis, note, paint=lambda axes: axes.set_xlim(left=0)))
    return figures


def _grouped(points: Sequence[tuple[float, Row]]) -> dict[str, Points]:
    """Return the points of each curve, sorted by x."""
    curves: dict[str, dict[float, Row]] = {}
    for x, row in points:
        curves.setdefault(_name_without(row, EXPERTS, "with teachers"), {})[x] = row
    return {name: dict(sorted(curve.items())) for name, curve in curves.items()}


def _expert_ticks(rows: Sequence[Row]) -> Any:
    """Return a function that names the expert which each point adds, where all curves have the same order."""
    orders = {tuple(row.changes[EXPERTS]) for row in rows}
    sizes = sorted({len(order) for order in orders})
    steps = {len(order): order[-1] for order in orders} if len(orders) == len(sizes) else {}

    def paint(axes: Any) -> None:
        names = [f"{'' if size == 1 else '+ '}{steps[size]}" if size in steps else "" for size in sizes]
        axes.set_xticks(sizes, [f"{size}\n{name}" for size, name in zip(sizes, names, strict=True)])

    return paint


def _setting_figure(results: Results, key: str) -> Figure | None:
    series = _series(results.rows, key)
    curves = {name: points for name, points in series.items() if len(points) >= _LEAST_POINTS}
    if not curves:
        return None
    single = {name: next(iter(points.values())) for name, points in series.items() if len(points) == 1}
    # rows that the setting does not change, as lines to compare with
    levels = {name: row for name, row in single.items() if row.role == "student"}
    encoders = list(dict.fromkeys(row.text_encoder for points in series.values() for row in points.values()))
    xs = sorted({x for points in curves.values() for x in points})

    def paint(axes: Any) -> None:
        for name, row in levels.items():
            mean = row.spread("t2v", results.statistic).mean
            dashes = (0, (5, 1 + encoders.index(row.text_encoder)))
            axes.axhline(mean, color=_LEVEL, lw=1.4, ls=dashes, label=name)
        positive = [x for x in xs if x > 0]
        if xs[0] >= 0 and positive[-1] / positive[0] >= _WIDE_RANGE:
            axes.set_xscale("symlog", linthresh=positive[0])
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.minorticks_off()

    note = (
        f"Mean over seeds; bands are {interval_name(results)} intervals; broken lines do not depend on the setting. "
        "A list counts by its length. The axis does not begin at zero."
    )
    return _figure(results, curves, key, key, note, paint=paint, legend=len(series) > 1)


def _figure(
    results: Results,
    curves: Mapping[str, Points],
    quantity: str,
    axis: str,
    note: str,
    *,
    paint: Any,
    legend: bool | None = None,
) -> Figure:
    """Draw curves of the compared metric with their intervals; `paint` adds what only this figure has."""
    metric = METRIC_NAMES[results.statistic]

    def mean(row: Row) -> float:
        return row.spread("t2v", results.statistic).mean

    def draw_curves(axes: Any) -> None:
        for place, (name, points) in enumerate(curves.items()):
            color = SERIES[place % len(SERIES)]
            axes.plot([*points], [mean(row) for row in points.values()], "o-", color=color, lw=2, label=name)
            bounds = {x: row.interval for x, row in points.items() if row.interval}
            lows, highs = [i.low for i in bounds.values()], [i.high for i in bounds.values()]
            axes.fill_between([*bounds], lows, highs, color=color, alpha=0.13, lw=0)
        axes.set(xlabel=axis, ylabel=f"t2v {metric}")
        paint(axes)

    name, points = next(iter(curves.items()))
    alt = in_words({f"{x:g}": mean(row) for x, row in points.items()}, f"{metric} by {quantity}, {name}")
    svg = draw(draw_curves, height=3.3, legend=len(curves) > 1 if legend is None else legend)
    return Figure(f"{metric} by {quantity}", note, alt, svg)


def _series(rows: Sequence[Row], key: str) -> dict[str, Points]:
    """Return series of rows that differ in one setting alone, by its value; none where two values are equal."""
    series: dict[str, dict[float, Row]] = {}
    for row in rows:
        x = _as_number(row.changes.get(key))
        if x is not None:
            points = series.setdefault(_name_without(row, key, "TeachText"), {})
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


def _name_without(row: Row, key: str, taught: str) -> str:
    """Name a row by its encoder and settings, apart from one setting."""
    others = [
        f"{name.rpartition('.')[2]} {value}" for name, value in row.changes.items() if name not in (key, "student.text")
    ]
    return ", ".join([row.text_encoder, *others, "alone" if row.role == "student" else taught])
