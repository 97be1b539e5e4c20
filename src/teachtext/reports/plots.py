"""The pictures of the report, as SVG (see `drawing` for how they look)."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import recall_curve
from teachtext.evaluation.names import short_names
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.rows import Row
from teachtext.reports.figures import TWO_COLUMNS, Look, Plot, dot, draw, looks, over, told
from teachtext.reports.tables import number

History = Sequence[Mapping[str, Any]]
Histories = Mapping[str, Sequence[History]]
Ranks = Mapping[str, Sequence[QueryRanks]]
Curves = Mapping[str, Sequence[Sequence[float]]]

_CURVE_END = 50
_SEED_LINES = " Thin lines are seeds, thick lines their means."


def scores_plot(rows: Sequence[Row]) -> Plot:
    """Draw the t2v geometric mean of every row: a dot a seed, a bar at the mean."""
    drawn = looks(rows)
    spreads = {row.label: row.spread("t2v", "geometric_mean") for row in rows}

    def paint(axes: Any) -> None:
        for place, (label, spread) in enumerate(spreads.items()):
            color = drawn[label].color
            axes.plot(spread.values, [place] * len(spread.values), "o", color=color, alpha=0.55, ms=7, mew=0)
            axes.plot([spread.mean] * 2, [place - 0.28, place + 0.28], color=color, lw=3, solid_capstyle="round")
            axes.annotate(number(spread.mean), (spread.mean, place - 0.32), ha="center", va="bottom", color="#333333")
        axes.set_yticks(range(len(rows)), [fill(drawn[label].name, TWO_COLUMNS) for label in spreads])
        axes.set_ylim(len(rows) - 0.5, -0.75)
        axes.margins(x=0.12)
        axes.grid(False, axis="y")
        axes.set_xlabel("t2v geometric mean (%)")

    alt = told({label: spread.mean for label, spread in spreads.items()}, "Text-to-video geometric mean")
    dots = over(rows, " A dot is a seed, the bar their mean.")
    note = f"Geometric mean of R@1, R@5 and R@10; the axis does not begin at zero.{dots}"
    return Plot("Every model, every seed", note, alt, draw(paint, height=0.95 + 0.47 * len(rows)))


def loss_plots(rows: Sequence[Row], histories: Histories) -> list[Plot]:
    """Draw the training losses over the epochs, one picture for each loss that was minimised."""
    entries = [entry for seeds in histories.values() for history in seeds for entry in history]
    names = dict.fromkeys(name for entry in entries for name in entry["losses"])
    return [_loss_plot(rows, histories, name) for name in names]


def _loss_plot(rows: Sequence[Row], histories: Histories, name: str) -> Plot:
    minimised = [
        row for row in rows if all(name in entry["losses"] for seed in histories.get(row.label, ()) for entry in seed)
    ]
    curves = _curves(minimised, histories, lambda entry: entry["losses"][name])

    def paint(axes: Any) -> None:
        _epochs(axes, rows, curves)
        axes.set_ylabel(f"{name} loss")

    last = {label: float(_mean(seeds)[-1]) for label, seeds in curves.items() if len(_mean(seeds))}
    note = f"Training split, mean over its pairs.{over(rows, _SEED_LINES)}"
    return Plot(f"Training: {name} loss", note, told(last, f"Last {name} loss", 3), draw(paint, legend=True))


def validation_plot(rows: Sequence[Row], histories: Histories) -> Plot:
    """Draw the validation t2v geometric mean over the epochs, with the selected epoch of every seed marked."""
    curves = _curves(rows, histories, lambda entry: entry["validation"]["t2v"]["geometric_mean"])
    selected = {row.label: [seed.best_epoch for seed in row.seeds] for row in rows}

    def paint(axes: Any) -> None:
        _epochs(axes, rows, curves)
        axes.set_ylabel("t2v geometric mean (%)")
        for label, look in looks(rows).items():
            for epoch, values in zip(selected[label], curves.get(label, ()), strict=False):
                if epoch <= len(values):
                    axes.plot(epoch, values[epoch - 1], "o", color="white", mec=look.color, mew=1.6, ms=6, zorder=4)

    best = {label: float(np.mean([max(values) for values in seeds if values])) for label, seeds in curves.items()}
    note = f"The split that selects the epoch. A ring is the epoch that was kept.{over(rows, _SEED_LINES)}"
    alt = told(best, "Best validation geometric mean")
    return Plot("Validation: text to video", note, alt, draw(paint, legend=True))


def recall_plot(rows: Sequence[Row], ranks: Ranks) -> Plot:
    """Draw R@k for k up to 50, or the gallery where it is smaller."""
    given = {row.label: ranks[row.label] for row in rows if ranks.get(row.label)}
    gallery = max(len(seed.video_ids) for seeds in given.values() for seed in seeds)
    most = min(_CURVE_END, gallery)
    curves = {label: np.array([recall_curve(seed.t2v, most) for seed in seeds]) for label, seeds in given.items()}
    students = {row.label for row in rows if row.role != "teacher"}
    k = np.arange(1, most + 1)

    def paint(axes: Any) -> None:
        axes.plot(k, 100 * k / gallery, ":", color="#6B7280", lw=1.2, label="chance")
        for label, seeds in curves.items():
            look, mean = looks(rows)[label], seeds.mean(0)
            if label in students and len(seeds) > 1:
                std = seeds.std(0, ddof=1)
                axes.fill_between(k, mean - std, mean + std, color=look.color, alpha=0.15, lw=0)
            axes.plot(k, mean, **look.line, marker=dot(mean))
        axes.set(xlabel="k", ylabel="R@k, text to video (%)", xlim=(1, max(2, most)), ylim=(0, 100))
        axes.set_xticks([tick for tick in (1, 5, 10, 20, 30, 40, 50) if tick <= most])

    at = min(10, most)
    alt = told({label: float(seeds[:, at - 1].mean()) for label, seeds in curves.items()}, f"Recall at {at}")
    bands = over(rows, " Mean over seeds; bands are one sample std.")
    note = f"Share of captions whose right video is among the first k.{bands}"
    return Plot("Recall at k", note, alt, draw(paint, legend=True))


def rank_plot(rows: Sequence[Row], ranks: Ranks) -> Plot:
    """Draw how many captions find their video at which rank, students side by side; without students all rows."""
    given = [row for row in rows if ranks.get(row.label)]
    shown = [row for row in given if row.role != "teacher"] or given
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

    alt = told({label: float(seeds.mean(0)[0]) for label, seeds in shares.items()}, "Share of captions at rank 1")
    note = f"Further left is better.{over(rows, ' Mean over seeds; whiskers are one sample std.')}"
    return Plot("Where the right video ends up", note, alt, draw(paint, legend=True))


def weights_plot(rows: Sequence[Row], ranks: Ranks) -> Plot:
    """Draw how much each row listens to each expert: mean mixture weight, with the std over captions."""
    given = {row.label: ranks[row.label] for row in rows if ranks.get(row.label)}
    drawn = looks(rows)
    experts = sorted({expert for seeds in given.values() for seed in seeds for expert in seed.experts})
    shown = short_names(experts)

    def paint(axes: Any) -> None:
        thick = 0.82 / len(given)
        for place, (label, seeds) in enumerate(given.items()):
            own = list(seeds[0].experts)
            y = np.array([experts.index(expert) for expert in own]) + (place - (len(given) - 1) / 2) * thick
            mean, std = _weights(seeds)
            axes.barh(y, mean, thick * 0.9, xerr=std, **drawn[label].bar)
        axes.set_yticks(range(len(experts)), [shown[expert] for expert in experts])
        axes.set_ylim(len(experts) - 0.5, -0.5)
        axes.grid(False, axis="y")
        axes.set(xlabel="mixture weight", xlim=(0, None))

    first = [f"{label}, {shown[seeds[0].experts[int(_weights(seeds)[0].argmax())]]}" for label, seeds in given.items()]
    alt = f"Largest mixture weight: {'; '.join(first)}."
    note = "How much a caption counts each expert, mean over captions and seeds; whiskers are one std over captions."
    height = 1.6 + len(experts) * max(0.35, 0.13 * len(given))
    return Plot("Which experts the captions listen to", note, alt, draw(paint, height=height, legend=True))


def _weights(seeds: Sequence[QueryRanks]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = np.mean([seed.weights.mean(0, dtype=np.float64) for seed in seeds], axis=0)
    return mean, np.mean([seed.weights.std(0, dtype=np.float64) for seed in seeds], axis=0)


def _shares(ranks: NDArray[np.float64], ends: Sequence[int]) -> NDArray[np.float64]:
    # bins end inclusively: a tied first place (1-based 1.5) is no rank 1, as in the metrics
    return 100.0 * np.bincount(np.searchsorted(ends, ranks + 1), minlength=len(ends)) / len(ranks)


def _curves(rows: Sequence[Row], histories: Histories, value: Callable[[Mapping[str, Any]], float]) -> Curves:
    return {
        row.label: [[value(entry) for entry in history] for history in histories[row.label]]
        for row in rows
        if row.label in histories
    }


def _epochs(axes: Any, rows: Sequence[Row], curves: Curves) -> None:
    for label, look in looks(rows).items():
        _lines(axes, look, curves.get(label, ()))
    axes.set(xlabel="epoch", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)


def _lines(axes: Any, look: Look, seeds: Sequence[Sequence[float]]) -> None:
    if len(seeds) > 1:
        for values in seeds:
            axes.plot(range(1, len(values) + 1), values, color=look.color, lw=0.7, alpha=0.4, marker=dot(values))
    mean = _mean(seeds)
    if len(mean):
        axes.plot(range(1, len(mean) + 1), mean, **look.line, marker=dot(mean))


def _mean(seeds: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Average over seeds as far as all of them go."""
    most = min((len(values) for values in seeds), default=0)
    return np.array([values[:most] for values in seeds], dtype=np.float64).mean(0) if most else np.empty(0)
