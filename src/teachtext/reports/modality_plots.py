"""The curves of a study of modalities: quality against the number of the student's experts, and against their cost."""

from collections.abc import Callable
from typing import Any

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results
from teachtext.evaluation.rows import Row
from teachtext.reports.figures import Plot, draw, told
from teachtext.reports.study_tables import interval_name

EXPERTS = "student.experts"
_COLORS = ("#4D4D4D", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#332288", "#E69F00")


def modality_plots(results: Results) -> list[Plot]:
    """Draw quality by the number of the student's experts, and by their cost where it was measured."""
    rows = [row for row in results.rows if EXPERTS in row.changes and not row.sees]
    if not rows:
        return []
    number = _plot(
        results,
        rows,
        lambda row: float(len(row.changes[EXPERTS])),
        "the number of the student's experts",
        "experts of the student",
    )
    known = [row for row in rows if row.cost is not None]
    if not known:
        return [number]
    what = "extraction cost"
    return [number, _plot(results, known, lambda row: row.cost or 0.0, what, "CPU ms for a second of video")]


def _plot(results: Results, rows: list[Row], x_of: Callable[[Row], float], what: str, axis: str) -> Plot:
    metric = METRIC_NAMES[results.statistic]
    curves: dict[str, list[Row]] = {}
    for row in rows:
        curves.setdefault(_name(row), []).append(row)
    curves = {name: sorted(own, key=x_of) for name, own in curves.items()}
    means = {row.label: row.spread("t2v", results.statistic).mean for row in rows}
    counted = axis.startswith("experts")
    orders = {tuple(row.changes[EXPERTS]) for row in rows}
    # one order for all curves can be told at the axis
    steps = {len(order): order[-1] for order in orders} if len(orders) == len({len(order) for order in orders}) else {}

    def paint(axes: Any) -> None:
        for place, (name, own) in enumerate(curves.items()):
            color = _COLORS[place % len(_COLORS)]
            axes.plot(
                [x_of(row) for row in own], [means[row.label] for row in own], "o-", color=color, lw=2, label=name
            )
            known = [(x_of(row), row.interval) for row in own if row.interval]
            lows, highs = [found.low for _, found in known], [found.high for _, found in known]
            axes.fill_between([x for x, _ in known], lows, highs, color=color, alpha=0.12, lw=0)
        if counted:
            sizes = sorted({len(row.changes[EXPERTS]) for row in rows})
            names = [f"{'' if size == 1 else '+ '}{steps[size]}" if size in steps else "" for size in sizes]
            axes.set_xticks(sizes, [f"{size}\n{name}" for size, name in zip(sizes, names, strict=True)])
        else:
            axes.set_xlim(left=0)
        axes.set(xlabel=axis, ylabel=f"t2v {metric}")

    name, own = next(iter(curves.items()))
    alt = told({f"{x_of(row):g}": means[row.label] for row in own}, f"{metric} by {what}, {name}")
    note = (
        f"Each point has one expert more than the one before, chosen on validation. Mean over seeds; bands are "
        f"{interval_name(results)} intervals. The axis of {metric} does not begin at zero."
    )
    return Plot(f"{metric} by {what}", note, alt, draw(paint, height=3.4, legend=len(curves) > 1))


def _name(row: Row) -> str:
    others = [
        f"{key.rpartition('.')[2]} {value}"
        for key, value in row.changes.items()
        if key not in (EXPERTS, "student.text")
    ]
    return ", ".join([row.text_encoder, *others, "alone" if row.role == "student" else "with teachers"])
