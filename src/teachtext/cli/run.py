"""`teachtext run`, `train` and `report`: a whole experiment, or one step of it, from a config."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(help="Config file (YAML); see examples/.")]


def run(
    config: Config,
    show: Annotated[bool, typer.Option("--show", help="Print the config with every default, and stop.")] = False,
) -> None:
    """Do a whole experiment from a config.

    Extract, embed, train teachers and students, test and report: whatever is not there already.
    """
    from teachtext.experiment.config import load_config, show_config

    loaded = load_config(config)
    if show:
        print(show_config(loaded), end="")
        return
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.run import run as run_all
    from teachtext.reports.questions import questions_table
    from teachtext.reports.tables import effect_sentence, results_table

    with shown() as progress:
        results, set_aside = run_all(loaded, progress=progress)
    for line in set_aside:
        console.print(f"set aside: {line}", markup=False, soft_wrap=True)
    for note in results.test.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(results_table(results, "t2v"))
    console.print(results_table(results, "v2t"))
    if asked := questions_table(results):
        console.print(asked)
    if sentence := effect_sentence(results):
        console.print(sentence, markup=False)
    console.print(f"Report: {loaded.folder / 'report.html'}", markup=False, soft_wrap=True)


def train(config: Config) -> None:
    """Train, but leave the test split alone.

    Extracts and embeds first, as `run` does.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.config import load_config
    from teachtext.experiment.run import prepare
    from teachtext.experiment.run import train as train_all
    from teachtext.experiment.workspace import Workspace
    from teachtext.files import locked

    loaded = load_config(config)
    with shown() as progress, locked(loaded.folder):
        workspace = Workspace(loaded, progress)
        set_aside = prepare(workspace)
        trained = train_all(workspace, progress)
    for line in set_aside:
        console.print(f"set aside: {line}", markup=False, soft_wrap=True)
    for training in trained:
        console.print(f"{training.member.label}, seed {training.seed}: {training.folder}", markup=False, soft_wrap=True)


def report(config: Config) -> None:
    """Write the HTML report of a run again.

    From its config, or from the config.yaml in its folder.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.evaluation.results import Results
    from teachtext.experiment.config import load_config
    from teachtext.experiment.report import write_report
    from teachtext.experiment.workspace import Workspace

    with shown() as progress:
        workspace = Workspace(load_config(config), progress)
        path = write_report(workspace, Results.load(workspace.results_path), progress=progress)
    console.print(f"Report: {path}", markup=False, soft_wrap=True)
