"""The tables of results: rows with their metrics, seeds, comparisons, questions, and a study in Markdown."""

from collections.abc import Mapping, Sequence

from teachtext.evaluation.display_names import short_names
from teachtext.evaluation.metrics import LOWER_IS_BETTER, METRIC_NAMES, METRICS
from teachtext.evaluation.result_rows import DIRECTIONS, Direction, Row
from teachtext.evaluation.results import Results, verdict_of
from teachtext.reports.sentences import (
    chance_recall,
    comparison_cells,
    interval_name,
    interval_text,
    is_run,
    row_name,
    rule,
    seeds_text,
    tested_on,
    trained_text,
)
from teachtext.reports.tables import (
    NOTHING,
    Cell,
    Column,
    Table,
    name_width,
    number,
    p_text,
    signed,
    spread_cells,
    std_text,
)

COMPACT_METRICS = tuple(key for key, metric in METRICS.items() if metric.compact)
# in 80 columns, these leave room for the names of a study's rows
_TERMINAL_METRICS = ("r1", "r5", "r10")


def results_table(results: Results, direction: Direction = "t2v") -> Table:
    """Return all metrics of a direction, one line a row: `mean (sample std over seeds)`, the best mean bold.

    In a run the last line is the effect of the method on the student. It has a colour only where its interval excludes
    zero.
    """
    title = f"{results.name}: {DIRECTIONS[direction]}\n{tested_on(results)}; {seeds_text(results)}"
    if direction == "t2v":
        # the other way a video has as many right captions as the dataset gives it, and chance is no such simple number
        title += f"; chance R@10 {number(chance_recall(results, 10))}"
    title += f"\n{trained_text(results)}"
    names = results.metric_names
    cells = row_cells(results.rows, direction, tuple(names))
    lines = [
        [Cell(row_name(row)), Cell(str(len(row.experts))), *line] for row, line in zip(results.rows, cells, strict=True)
    ]
    effects = effect_cells(results, direction)
    groups = [*_by_role(results, lines), *([[[Cell(effect_label(results)), Cell(""), *effects]]] if effects else [])]
    columns = [Column("model"), Column("exp.", no_wrap=True), *map(Column, names.values())]
    width = name_width([[cell.text for cell in line] for line in lines], len(effect_label(results)))
    return Table(title, columns, groups, name_width=width)


def rows_table(results: Results) -> Table:
    """Return the rows, text to video, with the interval of the compared metric: for a terminal of 80 columns."""
    metrics = list(dict.fromkeys([*_TERMINAL_METRICS, results.statistic]))
    heads = [*(METRIC_NAMES[metric] for metric in metrics), interval_name(results)]
    lines = [
        [Cell(row.label), *line, Cell(interval_text(row.interval))]
        for row, line in zip(results.rows, row_cells(results.rows, "t2v", metrics), strict=True)
    ]
    title = f"{results.name}: text to video\n{tested_on(results)}; {seeds_text(results)}; {trained_text(results)}"
    return Table(title, [Column("variant"), *(Column(head, no_wrap=True) for head in heads)], [lines])


def html_table(results: Results, direction: Direction, colors: Mapping[str, str]) -> Table:
    """Return all metrics of a direction with everything that is known of a row beside them, for the report.

    Args:
        results: of a run or study.
        direction: of the metrics.
        colors: by label, the colour of a row in the figures.
    """
    run = is_run(results)
    extra = extra_columns(results)
    intervals = direction == "t2v" and any(row.interval for row in results.rows)
    # a study has more columns of its own
    names = results.metric_names
    metrics = tuple(name for name in names if run or name in COMPACT_METRICS or name not in METRICS)
    taught = not run and not extra
    columns = [
        Column("Model"),
        *(
            [Column("Experts", wide_only=True)]
            if run
            else [Column("Teachers", words=True, wide_only=True)]
            if taught
            else []
        ),
        *(Column(name, words=True) for name, _ in extra),
        *(Column(names[metric]) for metric in metrics),
        *([Column(interval_name(results))] if intervals else []),
    ]
    lines = []
    shown = experts_text(results)
    cells = row_cells(results.rows, direction, metrics)
    for place, (row, line) in enumerate(zip(results.rows, cells, strict=True)):
        experts = Cell(str(len(row.experts)), detail=shown[row.label])
        about = [experts] if run else [Cell(", ".join(row.teachers) or NOTHING)] if taught else []
        lines.append(
            [
                name_cell(row, colors),
                *about,
                *(Cell(values[place]) for _, values in extra),
                *line,
                *([Cell(interval_text(row.interval))] if intervals else []),
            ]
        )
    effects = effect_cells(results, direction) if run else []
    groups = _by_role(results, lines) if run else [lines]
    if effects:
        groups.append([[Cell(effect_label(results)), Cell(""), *effects, *([Cell("")] if intervals else [])]])
    return Table(
        DIRECTIONS[direction].capitalize(), columns, groups, _metrics_note(results, direction), emphasis=bool(effects)
    )


def _metrics_note(results: Results, direction: Direction) -> str:
    parts = ["Mean (sample std over seeds)" if len(results.seeds) > 1 else "Mean"]
    parts += ["best mean bold"] if len(results.rows) > 1 else []
    parts.append(f"recalls in percent, lower is better for MdR{' and MnR' if is_run(results) else ''}")
    if direction == "t2v" and is_run(results):
        parts.append(f"chance R@10 is {number(chance_recall(results, 10))}")
    if direction == "t2v" and any(row.interval for row in results.rows):
        parts.append(f"the interval is of {METRIC_NAMES[results.statistic]}")
    return "; ".join(parts) + "."


def seeds_table(results: Results, direction: Direction, colors: Mapping[str, str]) -> Table:
    """Return the results of a direction seed by seed, with the epoch that was kept."""
    groups = [
        [
            [
                name_cell(row, colors),
                Cell(str(seed.seed)),
                Cell(str(seed.best_epoch)),
                *(Cell(number(seed.metrics(direction)[metric])) for metric in COMPACT_METRICS),
            ]
            for seed in row.seeds
        ]
        for row in results.rows
    ]
    heads = ("Seed", "Epoch kept", *(METRIC_NAMES[metric] for metric in COMPACT_METRICS))
    title = f"Seed by seed, {DIRECTIONS[direction]}"
    return Table(title, [Column("Model"), *map(Column, heads)], groups, folded=True)


def models_table(results: Results, colors: Mapping[str, str]) -> Table:
    """Return the size, the text encoder, the experts and the changed settings of each row."""
    shown = experts_text(results)
    changed = any(row.changes for row in results.rows)
    lines = [
        [
            name_cell(row, colors),
            Cell(f"{row.parameters:,}"),
            Cell(row.text_encoder),
            Cell(shown[row.label]),
            Cell(row.trained_on),
            *([Cell(", ".join(row.teachers) or NOTHING)] if changed else []),
            *([Cell("; ".join(f"{key}: {value}" for key, value in row.changes.items()))] if changed else []),
        ]
        for row in results.rows
    ]
    columns = [
        Column("Model"),
        Column("Parameters"),
        Column("Text encoder", words=True),
        Column("Experts", words=True),
        Column("Trained on", words=True),
        *([Column("Teachers", words=True), Column("Changes", words=True)] if changed else []),
    ]
    return Table(
        "Models: sizes and experts" + (" and changes to the base" if changed else ""), columns, [lines], folded=True
    )


def comparisons_table(results: Results, *, full: bool = False) -> Table:
    """Return the comparisons with their intervals, p values and verdicts.

    Args:
        results: of a run or study.
        full: with the p value before correction and that of the permutation test, too wide for 80 columns.
    """
    columns = [
        Column("Ours" if full else "ours"),
        Column("Against" if full else "against", words=True),
        Column("Difference" if full else "diff.", no_wrap=True),
        Column(interval_name(results), no_wrap=True),
        Column("p", no_wrap=True),
        *((Column("p uncorrected"), Column("p permutation")) if full else ()),
        Column("Verdict" if full else "verdict", words=True, no_wrap=True),
    ]
    lines = []
    for comparison in results.comparisons:
        difference = comparison.difference
        p_values = [p_text(difference.p_interval), p_text(difference.p)] if difference else [NOTHING] * 2
        texts = [comparison.ours, comparison.theirs, *comparison_cells(comparison), *(p_values if full else [])]
        lines.append([*map(Cell, texts), Cell(comparison.verdict, verdict=comparison.verdict)])
    title = f"Differences in {METRIC_NAMES[results.statistic]}, text to video"
    if full:
        return Table(title, columns, [lines], rule(results))
    return Table(f"{title}\n{rule(results)}", columns, [lines])


def questions_table(results: Results) -> Table | None:
    """Return the share of right answers, in percent: `mean (sample std over seeds)`, the best mean bold.

    Returns:
        None where no questions were asked.
    """
    kinds = results.test.questions if results.rows else {}
    if not kinds:
        return None
    lines = [[Cell(row_name(row)), *line] for row, line in zip(results.rows, question_cells(results), strict=True)]
    heads = [f"{name}\n{kind.questions:,} asked\nchance {number(kind.chance)}" for name, kind in kinds.items()]
    title = f"{results.name}: questions answered right among a few videos (%)"
    width = name_width([[cell.text for cell in line] for line in lines], len(effect_label(results)))
    return Table(title, [Column("model"), *map(Column, heads)], [lines], name_width=width)


def question_cells(results: Results) -> list[list[Cell]]:
    """Return for every row the shares of right answers, in percent, in the order of the kinds of questions."""
    columns = [spread_cells([row.answered(kind) for row in results.rows]) for kind in results.test.questions]
    return [list(line) for line in zip(*columns, strict=True)]


def row_cells(rows: Sequence[Row], direction: Direction, metrics: Sequence[str] = COMPACT_METRICS) -> list[list[Cell]]:
    """Return for every row the cells of some metrics."""
    columns = [
        spread_cells([row.spread(direction, metric) for row in rows], lower_is_better=metric in LOWER_IS_BETTER)
        for metric in (metrics if rows else ())
    ]
    return [list(line) for line in zip(*columns, strict=True)]


def effect_label(results: Results) -> str:
    """Return the name of the line of effects: of the method by which the student was taught."""
    return f"effect of {results.main.label.rpartition(', ')[2]}"


def effect_cells(results: Results, direction: Direction) -> list[Cell]:
    """Return the effect of the method on all metrics; empty unless there is a student alone and a taught student."""
    effects = {metric: results.effect(direction, metric) for metric in results.metric_names}
    return [
        Cell(signed(effect.mean), std_text(effect), verdict=verdict_of(results.interval(direction, metric)))
        for metric, effect in effects.items()
        if effect is not None
    ]


def extra_columns(results: Results) -> list[tuple[str, list[str]]]:
    """Return the columns that only some studies have: a name, and a text a row."""
    rows = results.rows
    columns: list[tuple[str, list[str]]] = []
    if any("student.experts" in row.changes for row in rows):
        columns.append(("experts", [" + ".join(row.changes.get("student.experts") or row.experts) for row in rows]))
    if any(row.cost is not None for row in rows):
        columns.append(("ms / s", [NOTHING if row.cost is None else number(row.cost) for row in rows]))
    if any(row.sees for row in rows):
        columns.append(("sees", [row.sees or "query alone" for row in rows]))
    return columns


def experts_text(results: Results) -> dict[str, str]:
    """Return by label the experts of each row, in words."""
    shown = short_names({expert for row in results.rows for expert in row.experts})
    return {row.label: ", ".join(shown[expert] for expert in row.experts) for row in results.rows}


def name_cell(row: Row, colors: Mapping[str, str]) -> Cell:
    """Return the cell that names a row, with its colour in the figures."""
    return Cell(row_name(row), color=colors[row.label])


def _by_role(results: Results, lines: list[list[Cell]]) -> list[list[list[Cell]]]:
    """Return the lines in two groups, teachers and students; empty groups are left out."""
    pairs = list(zip(results.rows, lines, strict=True))
    groups = [[line for row, line in pairs if (row.role == "teacher") == teachers] for teachers in (True, False)]
    return [group for group in groups if group]
