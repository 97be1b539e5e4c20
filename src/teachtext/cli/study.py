"""`teachtext study`: a grid of runs, compared in one report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.run import Jobs, run_file

if TYPE_CHECKING:
    from teachtext.evaluation.results import Results


def study(
    file: Annotated[Path, typer.Argument(help="Study file (YAML), or results.json of a study.")],
    jobs: Jobs = None,
    show: Annotated[bool, typer.Option("--show", help="Print rows and comparisons, and stop.")] = False,
) -> None:
    """Train many variants of a run, and compare them.

    Features and equal models are made once. A study may be stopped at any time; a second call goes on. With a
    results.json in place of a study file, its tables and its report are written again.

    'variants' and 'grid' name the settings to try. 'choose' lets the validation split choose settings. 'modalities'
    gives the student one expert more at a time. 'normalise' and 'ensembles' compute rows from trained rows.
    """
    from teachtext.errors import InputError

    if file.suffix == ".json":
        from teachtext.evaluation.results import Results
        from teachtext.files import locked
        from teachtext.reports.report import ReportContent, write_report

        results = Results.load(file)
        with locked(file.parent):
            report = write_report(ReportContent(results=results), file.parent / "report.html")
        print_study(results, report)
        return
    if file.name == "modalities" and not file.exists():
        raise InputError(
            "'modalities' is a setting of a study file, not a file",
            "write 'modalities: {}' into a study file, and give that file",
        )
    run_file(file, jobs, show)


def print_study(results: "Results", report: Path) -> None:
    """Print the tables and sentences of a study."""
    from teachtext.cli.progress import console
    from teachtext.reports.results_tables import comparisons_table, rows_table
    from teachtext.reports.sentences import claim_sentence, notes

    if results.rows:
        console.print(rows_table(results).rich())
    if results.comparisons:
        console.print(comparisons_table(results).rich())
    for comparison in results.comparisons:
        if comparison.claim:
            console.print(claim_sentence(comparison), markup=False)
    for note in notes(results):
        console.print(f"note: {note}", markup=False)
    console.print(f"Report: {report}", markup=False, soft_wrap=True)
