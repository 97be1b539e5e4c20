"""Results as tables: what goes into every cell, for terminals here and for the HTML report."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from teachtext.evaluation.metrics import LOWER_IS_BETTER, METRIC_NAMES
from teachtext.evaluation.names import short_name
from teachtext.evaluation.results import Results, Verdict, verdict_of
from teachtext.evaluation.rows import DIRECTIONS, Direction, Row, Spread
from teachtext.evaluation.significance import Difference

SEED_METRICS = ("r1", "r5", "r10", "mdr", "geometric_mean")
_NAME_WIDTH = 24
EFFECT_LABEL = "effect of TeachText"

VERDICT_STYLE: dict[Verdict, str] = {"gain": "green", "loss": "red", "undecided": "", "not computed": ""}


@dataclass(frozen=True)
class Cell:
    """A value as printed.

    Attributes:
        mean: over seeds.
        std: sample standard deviation over seeds, empty for one seed.
        best: whether the mean, as printed, is the best of its column.
        verdict: for an effect, whether its interval allows to call it a gain or a loss.
    """

    mean: str
    std: str
    best: bool = False
    verdict: Verdict = "undecided"

    @property
    def text(self) -> str:
        """Mean and spread in the field's form, `25.1 (0.6)`."""
        return f"{self.mean} ({self.std})" if self.std else self.mean


def results_table(results: Results, direction: Direction = "t2v") -> Table:
    """Return the results of a direction, one line a row: `mean (sample std over seeds)`, the best mean bold.

    The last line is what TeachText adds to the student alone; it has a colour only where its interval excludes zero.
    """
    table = empty_table(results, table_title(results, direction))
    table.add_column("exp.", justify="right", no_wrap=True)
    for name in METRIC_NAMES.values():
        table.add_column(name, justify="right")
    before = None
    for row, line in zip(results.rows, result_cells(results, direction), strict=True):
        if before == "teacher" and row.role != "teacher":
            table.add_section()
        before = row.role
        numbers = [Text(cell.text, style="bold" if cell.best else "") for cell in line]
        table.add_row(Text(row_name(row)), str(len(row.experts)), *numbers)
    effects = effect_cells(results, direction)
    if effects:
        table.add_section()
        table.add_row(EFFECT_LABEL, "", *(Text(cell.text, style=VERDICT_STYLE[cell.verdict]) for cell in effects))
    return table


def seeds_table(results: Results, direction: Direction = "t2v") -> Table:
    """Return the results of a direction seed by seed."""
    table = empty_table(results, table_title(results, direction))
    for name in ("seed", "epoch", *(METRIC_NAMES[metric] for metric in SEED_METRICS)):
        table.add_column(name, justify="right")
    for row, lines in zip(results.rows, seed_cells(results.rows, direction), strict=True):
        table.add_section()
        for place, line in enumerate(lines):
            table.add_row(Text(row_name(row) if place == 0 else ""), *line)
    return table


def effect_sentence(results: Results) -> str | None:
    """Say in one sentence what the objective did to the student, and whether its interval allows to believe it.

    Returns:
        None where the run has not both a student alone and a TeachText student.
    """
    effect = results.effect("t2v", "geometric_mean")
    if effect is None:
        return None
    start = f"{objective_name(results)} changes the student's t2v geometric mean by {signed(effect.mean)}"
    found = results.interval("t2v", "geometric_mean")
    if found is None:
        return f"{start}; its interval is not known."
    return f"{start} ({interval_words(found)} {found.scope}): {verdict_words(found)}."


def objective_name(results: Results) -> str:
    """Name the objective that the student is taught by, after its preset."""
    preset = (results.config.get("distillation") or {}).get("preset", "teachtext")
    return "TeachText" if preset == "teachtext" else f"The objective '{preset}'"


def interval_words(difference: Difference) -> str:
    """Name the bounds of an interval."""
    return f"{100 * difference.level:g} % interval {signed(difference.low)} to {signed(difference.high)}"


def verdict_words(difference: Difference) -> str:
    """Say what a difference is: a gain or a loss only where the interval says so, and of one seed if of no more."""
    words = {"gain": "a gain", "loss": "a loss"}.get(verdict_of(difference), "not decided")
    return words if difference.seeds > 1 or not difference.decided else f"{words} with this seed"


def result_cells(results: Results, direction: Direction) -> list[list[Cell]]:
    """Return for every row the cells of all metrics, in the order of `METRIC_NAMES`."""
    columns = [column_cells(results.rows, direction, metric) for metric in METRIC_NAMES]
    return [list(line) for line in zip(*columns, strict=True)]


def column_cells(rows: Sequence[Row], direction: Direction, metric: str) -> list[Cell]:
    """Return the cells of one metric, a cell a row."""
    return column([row.spread(direction, metric) for row in rows], lower_is_better=metric in LOWER_IS_BETTER)


def effect_cells(results: Results, direction: Direction) -> list[Cell]:
    """Return the effect of TeachText on all metrics; nothing where there is none to tell."""
    effects = {metric: results.effect(direction, metric) for metric in METRIC_NAMES}
    return [
        Cell(signed(effect.mean), _std(effect), verdict=verdict_of(results.interval(direction, metric)))
        for metric, effect in effects.items()
        if effect is not None
    ]


def seed_cells(rows: Sequence[Row], direction: Direction) -> list[list[list[str]]]:
    """Return for every row one line a seed: the seed, its best epoch, and the values of `SEED_METRICS`."""
    return [
        [
            [str(seed.seed), str(seed.best_epoch)]
            + [number(seed.metrics(direction)[metric]) for metric in SEED_METRICS]
            for seed in row.seeds
        ]
        for row in rows
    ]


def row_name(row: Row) -> str:
    """Name a row and its text encoder."""
    short = short_name(row.text_encoder)
    # the label has the whole of it where the short name would not tell it apart
    told = short in row.label or row.text_encoder in row.label
    return row.label if told else f"{row.label} ({short})"


def table_title(results: Results, direction: Direction) -> str:
    """Return what a table shows: run and direction, test set, seeds, and for text to video what chance gives."""
    title = f"{results.name}: {DIRECTIONS[direction]}\n{tested_on(results)}; {seeds_told(results)}"
    # a video has as many right captions as it was given, so chance the other way is no such simple number
    return f"{title}; chance R@10 {number(chance_recall(results, 10))}" if direction == "t2v" else title


def tested_on(results: Results) -> str:
    """Name the test set and its size."""
    test = results.test
    generated = " (generated)" if test.generated else ""
    return f"{test.dataset}{generated}, {test.split} split: {test.videos:,} videos, {test.queries:,} captions"


def seeds_told(results: Results) -> str:
    """Name the seeds."""
    return f"{'seed' if len(results.seeds) == 1 else 'seeds'} {', '.join(str(seed) for seed in results.seeds)}"


def chance_recall(results: Results, k: int) -> float:
    """Return the text-to-video R@k, in percent, of a model that guesses."""
    return 100.0 * min(k, results.test.videos) / results.test.videos


def number(value: float) -> str:
    """Print with the one decimal of the field, without a negative zero."""
    return f"{value:z.1f}"


def signed(value: float) -> str:
    """Print a difference with its sign; zero has none."""
    return f"{value:+.1f}" if number(value).strip("0.") else number(value)


def empty_table(results: Results, title: str) -> Table:
    """Return a table with a title and a column for the names of the rows."""
    table = Table(
        title=Text(title, style="italic"), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    table.collapse_padding = True
    longest = max(len(row_name(row)) for row in results.rows)
    # rich narrows the widest column first: left free, names break within words before a number moves to a second line
    table.add_column("model", overflow="fold", width=max(len(EFFECT_LABEL), min(longest, _NAME_WIDTH)))
    return table


def column(spreads: Sequence[Spread], *, lower_is_better: bool = False) -> list[Cell]:
    """Return the cells of a column, one a row."""
    # compared as printed: of two equal numbers on the page not only one may be bold
    printed = [float(number(spread.mean)) for spread in spreads]
    best = min(printed) if lower_is_better else max(printed)
    return [
        Cell(number(spread.mean), _std(spread), best=value == best and len(printed) > 1)
        for spread, value in zip(spreads, printed, strict=True)
    ]


def _std(spread: Spread) -> str:
    if spread.std is None:
        return ""
    # a wide spread needs no decimal, and one more character would not fit into 80 columns
    return number(spread.std) if spread.std < 9.95 else f"{spread.std:.0f}"
