"""A study as a section of Markdown."""

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results
from teachtext.reports.direction_tables import direction_differences_table, directions_table
from teachtext.reports.language_tables import language_differences_table, languages_table
from teachtext.reports.results_tables import COMPACT_METRICS, extra_columns, row_cells
from teachtext.reports.sentences import (
    claim_sentence,
    comparison_cells,
    interval_name,
    interval_text,
    notes,
    rule,
    seeds_text,
    tested_on,
    trained_text,
)
from teachtext.reports.tables import Table


def markdown(results: Results) -> str:
    """Return the study as a section of Markdown: its question, tables, answers and notes."""
    lines = [f"## {results.name}", ""]
    if results.question:
        lines += [f"**{results.question}**", ""]
    lines += [f"{tested_on(results)}; {seeds_text(results)}; {trained_text(results)}.", ""]
    extra = extra_columns(results)
    metrics = [METRIC_NAMES[metric] for metric in COMPACT_METRICS]
    heads = [name for name, _ in extra] + metrics
    heads.append(f"{interval_name(results)} of {METRIC_NAMES[results.statistic]}")
    rows = [
        [
            row.label,
            *(values[place] for _, values in extra),
            *(cell.text for cell in cells),
            interval_text(row.interval),
        ]
        for place, (row, cells) in enumerate(zip(results.rows, row_cells(results.rows, "t2v"), strict=True))
    ]
    lines += Table.of("", ["", *heads], rows, words=()).markdown()
    if results.comparisons:
        lines += [rule(results), ""]
        compared = [[item.ours, item.theirs, *comparison_cells(item), item.verdict] for item in results.comparisons]
        heads = ["", "against", "difference", interval_name(results), "p", "verdict"]
        lines += Table.of("", heads, compared, words=()).markdown()
    tables = [languages_table(results), language_differences_table(results)]
    tables += [directions_table(results, row.label) for row in results.rows]
    for table in (*tables, direction_differences_table(results)):
        lines += [f"**{table.title}**", "", *table.markdown()] if table else []
    lines += [f"- {claim_sentence(comparison)}" for comparison in results.comparisons if comparison.claim]
    lines += [f"- {note}" for note in notes(results)]
    return "\n".join([*lines, ""])
