"""A study as tables and sentences, for the terminal, for the report and for Markdown."""

import re
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Choice, Comparison, Denoised, Results, Verdict
from teachtext.evaluation.rows import Direction, Row
from teachtext.evaluation.significance import Interval
from teachtext.reports.tables import SEED_METRICS, VERDICT_STYLE, Cell, column_cells, number, signed

_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_ANSWERS: dict[Verdict, str] = {
    "gain": "yes",
    "loss": "no, the other way round",
    "undecided": "not decided",
    "not computed": "not computed",
}
NOTHING = "–"
# so many that names have room beside them in 80 columns
_TERMINAL_METRICS = ("r1", "r5", "r10")


def rows_table(results: Results) -> Table:
    """Return the rows, text to video, with the interval of the study's statistic."""
    metrics = list(dict.fromkeys([*_TERMINAL_METRICS, results.statistic]))
    table = _table(f"{results.name}: text to video\n{tested_on(results)}; {seeds_told(results)}")
    table.add_column("variant", overflow="fold")
    for name in (*(METRIC_NAMES[metric] for metric in metrics), interval_name(results)):
        table.add_column(name, justify="right", no_wrap=True)
    for row, cells in zip(results.rows, row_cells(results.rows, "t2v", metrics), strict=True):
        numbers = [Text(cell.text, style="bold" if cell.best else "") for cell in cells]
        table.add_row(Text(row.label), *numbers, interval_text(row.interval))
    return table


def comparisons_table(results: Results) -> Table:
    """Return the comparisons with their intervals, p values and verdicts."""
    table = _table(f"Differences in {METRIC_NAMES[results.statistic]}, text to video\n{rule(results)}")
    table.add_column("ours", overflow="fold")
    table.add_column("against", overflow="fold")
    for name in ("diff.", interval_name(results), "p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for comparison in results.comparisons:
        difference, bounds, p = comparison_cells(comparison)
        verdict = Text(comparison.verdict, style=VERDICT_STYLE[comparison.verdict])
        table.add_row(Text(comparison.ours), Text(comparison.theirs), difference, bounds, p, verdict)
    return table


def extra_columns(results: Results) -> list[tuple[str, list[str]]]:
    """Return the columns that only some studies have: a name, and a cell a row."""
    rows = results.rows
    found: list[tuple[str, list[str]]] = []
    if any("student.experts" in row.changes for row in rows):
        found.append(("experts", [" + ".join(row.changes.get("student.experts") or row.experts) for row in rows]))
    if any(row.cost is not None for row in rows):
        found.append(("ms / s", [NOTHING if row.cost is None else number(row.cost) for row in rows]))
    if any(row.sees for row in rows):
        found.append(("sees", [row.sees or "query alone" for row in rows]))
    return found


def choice_sentence(choice: Choice) -> str:
    """Say what was chosen on validation, and from what."""
    tried = ", ".join(f"{name} {number(score)}" for name, score in choice.tried.items())
    told = f"Chosen on validation, {choice.label}: {choice.chosen} (of {tried or 'nothing that could be trained'})."
    ends = at_an_end(choice)
    return f"{told} Nothing was tried beyond {', '.join(ends)}: a better value may lie there." if ends else told


def at_an_end(choice: Choice) -> list[str]:
    """Return the settings whose chosen value is the least or the largest of three or more that were tried."""
    tried: dict[str, set[float]] = {}
    for name, value in (each for label in choice.tried for each in _values(label)):
        tried.setdefault(name, set()).add(value)
    return [
        f"{name} {value:g}"
        for name, value in (_values(choice.chosen) if choice.chosen in choice.tried else [])
        if len(tried[name]) > 2 and value in (min(tried[name]), max(tried[name]))
    ]


def _values(label: str) -> list[tuple[str, float]]:
    """Return the numbers of a label as `weight 10, huber 0.05`."""
    parts = [part.rpartition(" ") for part in label.split(", ")]
    return [(name, float(value)) for name, _, value in parts if name and _NUMBER.fullmatch(value)]


def denoised_sentence(found: Denoised) -> str:
    """Say what denoising dropped, and how much of that was wrong where it is known."""
    told = f"Denoising, {'; '.join(found.variants)}: {found.dropped:,} of {found.captions:,} training captions dropped"
    if found.wrong is None:
        return f"{told}; which are wrong is not known. The noisiest: {', '.join(found.noisiest)}."
    shares = (("precision", found.precision), ("recall", found.recall), ("average precision", found.average_precision))
    words = [f"{name} {NOTHING if share is None else number(100 * share) + ' %'}" for name, share in shares]
    return f"{told}, {found.wrong:,} are known to be wrong: {', '.join(words)}."


def row_cells(rows: Sequence[Row], direction: Direction, metrics: Sequence[str] = SEED_METRICS) -> list[list[Cell]]:
    """Return for every row the cells of some metrics."""
    columns = [column_cells(rows, direction, metric) for metric in metrics] if rows else []
    return [list(line) for line in zip(*columns, strict=True)]


def comparison_cells(comparison: Comparison) -> tuple[str, str, str]:
    """Return the difference, its interval and its corrected p value, as printed."""
    found = comparison.difference
    if found is None or comparison.p_holm is None:
        return NOTHING, NOTHING, NOTHING
    return signed(found.value), f"{signed(found.low)} to {signed(found.high)}", p_text(comparison.p_holm)


def interval_name(results: Results) -> str:
    """Name the column of intervals, `95 %`."""
    return f"{100 * results.level:g} %"


def interval_text(found: Interval | None) -> str:
    """Print an interval."""
    return NOTHING if found is None else f"{number(found.low)}–{number(found.high)}"


def p_text(p: float) -> str:
    """Print a p value."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def rule(results: Results) -> str:
    """Say when a difference is called a gain or a loss."""
    told = f"A gain or a loss only where the {interval_name(results)} interval excludes zero and p"
    count = sum(comparison.difference is not None for comparison in results.comparisons)
    family = f", corrected over all {count} comparisons (Holm)," if count > 1 else ""
    return f"{told}{family} is at most {1 - results.level:.2g}."


def claim_sentence(comparison: Comparison) -> str:
    """Answer a claim with what was found."""
    answer = _ANSWERS[comparison.verdict]
    difference, bounds, p = comparison_cells(comparison)
    why = comparison.problem or f"{comparison.ours} against {comparison.theirs}: {difference}, {bounds}, p {p}"
    return f"{comparison.claim}: {answer} ({why})."


def notes(results: Results) -> list[str]:
    """Say what a reader of the numbers has to know: what is not computed, what the intervals do not hold."""
    metric = METRIC_NAMES[results.statistic]
    told = [f"Not computed, {missing.label}: {missing.problem}." for missing in results.missing]
    told += [f"No interval of {row.label}: {row.problem}." for row in results.rows if row.problem]
    told += [
        f"Not compared, {found.ours} against {found.theirs}: {found.problem}."
        for found in results.comparisons
        if found.problem
    ]
    if len(results.seeds) == 1:
        told.append(
            "One seed: no spread over seeds is known. Intervals are over videos alone and speak of these very models, "
            "not of models that are trained anew."
        )
    else:
        told.append(
            f"Intervals are of {metric}, over videos and {len(results.seeds)} seeds ({results.resamples:,} resamples "
            "of whole videos); the standard deviation is that of seeds."
        )
    if results.comparisons:
        told.append(
            "The p value is that of the interval. The permutation test, which swaps answers of these trained models "
            "video by video and says nothing of models trained anew, stands beside it in the report."
        )
    for sees in dict.fromkeys(row.sees for row in results.rows if row.sees):
        told.append(f"Sees {sees}: {'; '.join(row.label for row in results.rows if row.sees == sees)}.")
    if results.measured:
        where = ", ".join(f"{name} {value}" for name, value in results.measured.machine.items())
        told.append(
            f"ms / s is the CPU time that a row's experts take for a second of video, decoding included; measured on "
            f"{results.measured.videos} videos of {results.measured.seconds:.0f} s ({where})."
        )
    if results.choices:
        some = results.config.get("choosing_seeds")
        seeds = f"seed{'s' * (len(some) > 1)} {', '.join(map(str, some))}" if some else "the seeds"
        told.append(f"What is chosen is chosen by the t2v geometric mean on validation, mean over {seeds}.")
    told += map(choice_sentence, results.choices)
    told += map(denoised_sentence, results.denoised)
    told += results.notes
    tested = {row.tested.model_dump_json(): row.tested for row in results.rows}
    for test in tested.values():
        told += [f"{test.dataset}: {note}." for note in test.notes]
    return list(dict.fromkeys(told))


def tested_on(results: Results) -> str:
    """Name the test sets and their sizes."""
    names = [
        f"{test.dataset}{' (generated)' if test.generated else ''}, {test.split} split: {test.videos:,} videos, "
        f"{test.queries:,} captions"
        for test in (row.tested for row in results.rows)
    ]
    return "; ".join(dict.fromkeys(names))


def seeds_told(results: Results) -> str:
    """Name the seeds."""
    return f"{'seed' if len(results.seeds) == 1 else 'seeds'} {', '.join(map(str, results.seeds))}"


def markdown(results: Results) -> str:
    """Return the study as a section of Markdown: its question, tables, answers and notes."""
    metrics = [METRIC_NAMES[metric] for metric in SEED_METRICS]
    lines = [f"## {results.name}", ""]
    if results.question:
        lines += [f"**{results.question}**", ""]
    lines += [f"{tested_on(results)}; {seeds_told(results)}.", ""]
    extra = extra_columns(results)
    lines += _markdown_table(
        ["", *(name for name, _ in extra), *metrics, f"{interval_name(results)} of {METRIC_NAMES[results.statistic]}"],
        [
            [row.label, *(own[place] for _, own in extra), *(cell.text for cell in cells), interval_text(row.interval)]
            for place, (row, cells) in enumerate(zip(results.rows, row_cells(results.rows, "t2v"), strict=True))
        ],
    )
    if results.comparisons:
        lines += [rule(results), ""]
        lines += _markdown_table(
            ["", "against", "difference", interval_name(results), "p", "verdict"],
            [[each.ours, each.theirs, *comparison_cells(each), each.verdict] for each in results.comparisons],
        )
    lines += [f"- {claim_sentence(each)}" for each in results.comparisons if each.claim]
    lines += [f"- {note}" for note in notes(results)]
    return "\n".join([*lines, ""])


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines), ""]


def _table(title: str) -> Table:
    told = Text(title, style="italic")
    table = Table(title=told, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.collapse_padding = True
    return table
