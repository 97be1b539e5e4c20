"""The figures of training: losses and validation over the epochs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.result_rows import Row
from teachtext.reports.figures import Figure, Look, dot, draw, in_words, looks, over

History = Sequence[Mapping[str, Any]]
Histories = Mapping[str, Sequence[History]]
"""By label of a row, the history of each seed as training writes it."""
Curves = Mapping[str, Sequence[Sequence[float]]]

_SEED_LINES = " Thin lines are seeds, thick lines their means."


def loss_figures(rows: Sequence[Row], histories: Histories) -> list[Figure]:
    """Draw the training losses over the epochs, one figure for each loss."""
    entries = [entry for seeds in histories.values() for history in seeds for entry in history]
    names = dict.fromkeys(name for entry in entries for name in entry["losses"])
    return [_loss_figure(rows, histories, name) for name in names]


def _loss_figure(rows: Sequence[Row], histories: Histories, name: str) -> Figure:
    minimised = [
        row for row in rows if all(name in entry["losses"] for seed in histories.get(row.label, ()) for entry in seed)
    ]
    curves = _curves(minimised, histories, lambda entry: entry["losses"][name])

    def paint(axes: Any) -> None:
        _epochs(axes, rows, curves)
        axes.set_ylabel(f"{name} loss")

    last = {label: float(_mean(seeds)[-1]) for label, seeds in curves.items() if len(_mean(seeds))}
    note = f"Training split, mean over its pairs.{over(rows, _SEED_LINES)}"
    return Figure(f"Training: {name} loss", note, in_words(last, f"Last {name} loss", 3), draw(paint, legend=True))


def validation_figure(rows: Sequence[Row], histories: Histories) -> Figure:
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
    note = f"The split that selects the epoch. A ring marks the kept epoch.{over(rows, _SEED_LINES)}"
    alt = in_words(best, "Best validation geometric mean")
    return Figure("Validation: text to video", note, alt, draw(paint, legend=True))


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
    """Average over seeds, up to the end of the shortest."""
    most = min((len(values) for values in seeds), default=0)
    return np.array([values[:most] for values in seeds], dtype=np.float64).mean(0) if most else np.empty(0)
