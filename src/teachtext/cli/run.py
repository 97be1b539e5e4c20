"""`teachtext run`, `train` and `report`: a whole run, or one step of it, from a config."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from teachtext.evaluation.results import Results
    from teachtext.learning.ranks import Ranks

Config = Annotated[Path, typer.Argument(help="Config file (YAML), such as 'teachtext recipe' prints.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Models trained at once; by default as many as there are cores.")]


def run(
    config: Config,
    jobs: Jobs = None,
    show: Annotated[bool, typer.Option("--show", help="Print the config with every default, and stop.")] = False,
) -> None:
    """Do a whole experiment from a config.

    Extract, embed, train teachers and students, test and report. Finished work is not repeated. The file of a study
    works too: see 'teachtext study'.
    """
    run_file(config, jobs, show)


def run_file(file: Path, jobs: int | None, show: bool) -> None:
    """Do the run or the study of a file, and print its results."""
    from teachtext.cli.study import print_study
    from teachtext.experiment.study.study import load_study, show_study

    if show:
        print(show_study(load_study(file)), end="")
        return
    from teachtext.cli.progress import shown
    from teachtext.experiment.run import run_study
    from teachtext.experiment.study.ranks import lead

    def work(ranks: "Ranks") -> None:
        study = load_study(file)
        with shown() as progress:
            results, set_aside = run_study(study, jobs=jobs, progress=progress, ranks=ranks)
        print_set_aside(set_aside)
        print_results = print_run if study.run else print_study
        print_results(results, study.folder / "report.html")

    lead(work)


def print_set_aside(lines: Iterable[str]) -> None:
    """Print the videos that could not be read."""
    from teachtext.cli.progress import console

    for line in lines:
        console.print(f"set aside: {line}", markup=False, soft_wrap=True)


def print_run(results: "Results", report: Path) -> None:
    """Print the tables of a run."""
    from teachtext.cli.progress import console
    from teachtext.reports.direction_tables import directions_table
    from teachtext.reports.language_tables import languages_table
    from teachtext.reports.reference_tables import reference_table
    from teachtext.reports.results_tables import questions_table, results_table
    from teachtext.reports.sentences import effect_sentence, ties_sentences

    for note in [*results.notes, *results.test.notes, *ties_sentences(results)]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(results_table(results, "t2v").rich())
    console.print(results_table(results, "v2t").rich())
    if questions := questions_table(results):
        console.print(questions.rich())
    if languages := languages_table(results):
        console.print(languages.rich())
    if directions := directions_table(results, results.main.label):
        console.print(directions.rich())
    if references := reference_table(results, short=True):
        console.print(references.rich())
    if sentence := effect_sentence(results):
        console.print(sentence, markup=False)
    console.print(f"Report: {report}", markup=False, soft_wrap=True)


def train(config: Config, jobs: Jobs = None) -> None:
    """Train the models of a config without testing them.

    Extracts and embeds what is missing, as 'teachtext run' does. The test split is not read.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.config_file import load_config
    from teachtext.experiment.run import train as train_models
    from teachtext.experiment.study.ranks import lead

    def work(ranks: "Ranks") -> None:
        with shown() as progress:
            trained, set_aside = train_models(load_config(config), jobs=jobs, progress=progress, ranks=ranks)
        print_set_aside(set_aside)
        for training in trained:
            text = f"{training.plan.label}, seed {training.seed}: {training.folder}"
            console.print(text, markup=False, soft_wrap=True)

    lead(work)


def report(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG_OR_FOLDER", help="Config of the run, or the folder of the run.")
    ],
) -> None:
    """Write the HTML report of a run again.

    Give the run's config or the run's folder.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.config_file import load_config
    from teachtext.experiment.run import rewrite_report

    with shown() as progress:
        path = rewrite_report(load_config(config / "config.yaml" if config.is_dir() else config), progress=progress)
    console.print(f"Report: {path}", markup=False, soft_wrap=True)
