"""The figures of results: rows, differences, ranks, mixture weights, questions (see `figures` for the look)."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.display_names import short_names
from teachtext.evaluation.metrics import METRIC_NAMES, recall_curve
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import Row
from teachtext.evaluation.results import Results
from teachtext.reports.figures import (
    GREY,
    RULE,
    Figure,
    dot,
    draw,
    in_words,
    looks,
    name_rows,
    over,
    paint_differences,
    paint_matrix,
)
from teachtext.reports.sentences import interval_name, row_name, rule
from teachtext.reports.tables import number, signed

Ranks = Mapping[str, Sequence[QueryRanks]]
"""By label of a row, the ranks of each seed on the test split."""

_CURVE_END = 50


def rows_figure(results: Results) -> Figure:
    """Draw the compared metric of every row: a dot a seed, a bar at the mean, a line for the interval."""
    rows, metric = results.rows, METRIC_NAMES[results.statistic]
    row_looks = looks(rows)
    spreads = [row.spread("t2v", results.statistic) for row in rows]

    def paint(axes: Any) -> None:
        for place, (row, spread) in enumerate(zip(rows, spreads, strict=True)):
            color = row_looks[row.label].color
            if row.interval:
                axes.plot([row.interval.low, row.interval.high], [place] * 2, color=color, lw=2.2, alpha=0.6)
            axes.plot(spread.values, [place] * len(spread.values), "o", color=color, alpha=0.5, ms=6, mew=0)
            axes.plot([spread.mean] * 2, [place - 0.26, place + 0.26], color=color, lw=3, solid_capstyle="round")
            axes.annotate(number(spread.mean), (spread.mean, place - 0.3), ha="center", va="bottom", color=RULE)
        name_rows(axes, [row_looks[row.label].name for row in rows])
        axes.set_xlabel(f"t2v {metric}")

    interval = f" The line is the {interval_name(results)} interval." if any(row.interval for row in rows) else ""
    dots = over(rows, " A dot is a seed, the bar their mean.")
    note = f"The axis does not begin at zero.{dots}{interval}"
    means = {row.label: spread.mean for row, spread in zip(rows, spreads, strict=True)}
    svg = draw(paint, height=0.95 + 0.48 * len(rows))
    return Figure(f"{metric}, text to video", note, in_words(means, metric), svg, wide=True)


def differences_figure(results: Results) -> Figure | None:
    """Draw every difference with its interval against zero; None without differences."""
    computed = [
        (comparison, comparison.difference) for comparison in results.comparisons if comparison.difference is not None
    ]
    if not computed:
        return None

    def paint(axes: Any) -> None:
        named = [(f"{each.ours} − {each.theirs}", difference, each.verdict) for each, difference in computed]
        paint_differences(axes, named)
        axes.set_xlabel(f"difference in t2v {METRIC_NAMES[results.statistic]}")

    alt = "; ".join(
        f"{comparison.ours} against {comparison.theirs}, {signed(difference.value)}, {comparison.verdict}"
        for comparison, difference in computed
    )
    height = 0.95 + 0.62 * len(computed)
    return Figure(
        "Differences and their intervals",
        f"{rule(results)} Green is a gain, red a loss.",
        alt,
        draw(paint, height=height),
        wide=True,
    )


def recall_figure(rows: Sequence[Row], ranks: Ranks) -> Figure:
    """Draw R@k for k up to 50, or the gallery where it is smaller."""
    by_label = {row.label: ranks[row.label] for row in rows if ranks.get(row.label)}
    gallery = max(len(seed.video_ids) for seeds in by_label.values() for seed in seeds)
    most = min(_CURVE_END, gallery)
    curves = {label: np.array([recall_curve(seed.t2v, most) for seed in seeds]) for label, seeds in by_label.items()}
    students = {row.label for row in rows if row.role != "teacher"}
    k = np.arange(1, most + 1)

    def paint(axes: Any) -> None:
        axes.plot(k, 100 * k / gallery, ":", color=GREY, lw=1.2, label="chance")
        for label, seeds in curves.items():
            look, mean = looks(rows)[label], seeds.mean(0)
            if label in students and len(seeds) > 1:
                std = seeds.std(0, ddof=1)
                axes.fill_between(k, mean - std, mean + std, color=look.color, alpha=0.15, lw=0)
            axes.plot(k, mean, **look.line, marker=dot(mean))
        axes.set(xlabel="k", ylabel="R@k, text to video (%)", xlim=(1, max(2, most)), ylim=(0, 100))
        axes.set_xticks([tick for tick in (1, 5, 10, 20, 30, 40, 50) if tick <= most])

    at = min(10, most)
    alt = in_words({label: float(seeds[:, at - 1].mean()) for label, seeds in curves.items()}, f"Recall at {at}")
    bands = over(rows, " Mean over seeds; bands are one sample std.")
    note = f"Share of captions whose right video is among the first k.{bands}"
    return Figure("Recall at k", note, alt, draw(paint, legend=True))


def rank_figure(rows: Sequence[Row], ranks: Ranks) -> Figure:
    """Draw the share of captions by the rank of the right video, for the students; without students for all rows."""
    ranked = [row for row in rows if ranks.get(row.label)]
    shown = [row for row in ranked if row.role != "teacher"] or ranked
    drawn = looks(rows)
    gallery = max(len(seed.video_ids) for row in shown for seed in ranks[row.label])
    ends = [*(1 << power for power in range(ceil(np.log2(gallery)))), gallery]
    shares = {row.label: np.array([_shares(seed.t2v, ends) for seed in ranks[row.label]]) for row in shown}
    starts = [1, *(end + 1 for end in ends)]
    names = [str(end) if start == end else f"{start}–{end}" for start, end in zip(starts, ends, strict=False)]

    def paint(axes: Any) -> None:
        thick = 0.8 / len(shares)
        for place, (label, seeds) in enumerate(shares.items()):
            x = np.arange(len(ends)) + (place - (len(shares) - 1) / 2) * thick
            std = seeds.std(0, ddof=1) if len(seeds) > 1 else None
            axes.bar(x, seeds.mean(0), thick * 0.94, yerr=std, **drawn[label].bar)
        axes.set_xticks(range(len(ends)), names, rotation=30 if len(ends) > 6 else 0)
        axes.grid(False, axis="x")
        axes.set(xlabel="rank of the right video", ylabel="captions (%)", ylim=(0, None))

    alt = in_words({label: float(seeds.mean(0)[0]) for label, seeds in shares.items()}, "Share of captions at rank 1")
    note = f"Share of captions; further left is better.{over(rows, ' Mean over seeds; whiskers are one sample std.')}"
    return Figure("Rank of the right video", note, alt, draw(paint, legend=True))


def weights_figure(rows: Sequence[Row], ranks: Ranks) -> Figure:
    """Draw the mean mixture weight of each expert in each row, with the std over captions."""
    by_label = {row.label: ranks[row.label] for row in rows if ranks.get(row.label)}
    drawn = looks(rows)
    experts = sorted({expert for seeds in by_label.values() for seed in seeds for expert in seed.experts})
    shown = short_names(experts)

    def paint(axes: Any) -> None:
        thick = 0.82 / len(by_label)
        for place, (label, seeds) in enumerate(by_label.items()):
            y = (
                np.array([experts.index(expert) for expert in seeds[0].experts])
                + (place - (len(by_label) - 1) / 2) * thick
            )
            mean, std = _weights(seeds)
            axes.barh(y, mean, thick * 0.9, xerr=std, **drawn[label].bar)
        axes.set_yticks(range(len(experts)), [shown[expert] for expert in experts])
        axes.set_ylim(len(experts) - 0.5, -0.5)
        axes.grid(False, axis="y")
        axes.set(xlabel="mixture weight", xlim=(0, None))

    first = [
        f"{label}, {shown[seeds[0].experts[int(_weights(seeds)[0].argmax())]]}" for label, seeds in by_label.items()
    ]
    alt = f"Largest mixture weight: {'; '.join(first)}."
    note = "Mixture weight of each expert, mean over captions and seeds; whiskers are one std over captions."
    height = 1.6 + len(experts) * max(0.35, 0.13 * len(by_label))
    return Figure("Mixture weights of the experts", note, alt, draw(paint, height=height, legend=True), wide=True)


def _weights(seeds: Sequence[QueryRanks]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = np.mean([seed.weights.mean(0, dtype=np.float64) for seed in seeds], axis=0)
    return mean, np.mean([seed.weights.std(0, dtype=np.float64) for seed in seeds], axis=0)


def _shares(ranks: NDArray[np.float64], ends: Sequence[int]) -> NDArray[np.float64]:
    # bins include their end, so that a tied first place (1-based 1.5) is no rank 1, as in the metrics
    return 100.0 * np.bincount(np.searchsorted(ends, ranks + 1), minlength=len(ends)) / len(ranks)


def questions_figure(results: Results) -> Figure:
    """Draw the share of right answers of each row to each kind of question, as a matrix of colours."""
    kinds, drawn = list(results.test.questions), looks(results.rows)
    values = np.array([[row.answered(kind).mean for kind in kinds] for row in results.rows])

    def paint(axes: Any) -> None:
        paint_matrix(axes, values, np.vectorize(number)(values), 100)
        axes.set_xticks(range(len(kinds)), kinds, rotation=25)
        axes.set_yticks(range(len(values)), [drawn[row.label].name for row in results.rows])

    best = {kind: results.rows[int(line.argmax())] for kind, line in zip(kinds, values.T, strict=True)}
    most = {f"{kind} ({row_name(row)})": float(row.answered(kind).mean) for kind, row in best.items()}
    note = f"Questions answered right, in percent; darker is better.{over(results.rows, ' Mean over seeds.')}"
    alt = in_words(most, "Best at each kind of question")
    svg = draw(paint, height=0.7 + 0.32 * len(values))
    return Figure("Right answers by kind of question", note, alt, svg, wide=True)
