"""The tables of results by the language of the captions."""

from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.results import Results
from teachtext.reports.difference_tables import differences_table
from teachtext.reports.results_tables import effect_label
from teachtext.reports.sentences import row_name
from teachtext.reports.tables import Cell, Column, Table, name_width, spread_cells


def languages_table(results: Results) -> Table | None:
    """Return the statistic of the results by language, text to video: `mean (sample std over seeds)`.

    Returns:
        None where the captions are in one language.
    """
    if not results.languages:
        return None
    rows = [row for row in results.rows if row.label in results.languages[0].rows]
    columns = [
        spread_cells([language.spread(row.label, results.statistic) for row in rows]) for language in results.languages
    ]
    lines = [[Cell(row_name(row)), *line] for row, line in zip(rows, zip(*columns, strict=True), strict=True)]
    heads = [f"{language.language}\n{language.captions:,} captions" for language in results.languages]
    title = f"{results.name}: {METRIC_NAMES[results.statistic]} by language, text to video"
    width = name_width([[cell.text for cell in line] for line in lines], len(effect_label(results)))
    return Table(title, [Column("model"), *map(Column, heads)], [lines], name_width=width)


def language_differences_table(results: Results) -> Table | None:
    """Return the differences between rows by language; None where nothing is compared in several languages."""
    title = f"Differences in {METRIC_NAMES[results.statistic]} by language, text to video"
    parts = [(language.language, language.comparisons) for language in results.languages]
    return differences_table(title, "language", parts)
