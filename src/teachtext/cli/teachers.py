"""`teachtext teachers`: train a roster of teachers and compare them."""

from pathlib import Path
from typing import Annotated

import typer


def teachers(config: Annotated[Path, typer.Argument(help="Config file (YAML); see examples/.")]) -> None:
    """Train the teachers of a config and compare them.

    On the validation split: what each knows that the others don't, and what they could find together.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.config import load_config
    from teachtext.experiment.run import compare_teachers, prepare
    from teachtext.experiment.workspace import Workspace
    from teachtext.reports.agreement_report import agreement_sheets, alone_sheet, metrics_sheet

    loaded = load_config(config)
    with shown() as progress:
        workspace = Workspace(loaded, progress)
        set_aside = prepare(workspace)
        found = compare_teachers(workspace, progress)
    for line in set_aside:
        console.print(f"set aside: {line}", markup=False, soft_wrap=True)
    for note in found.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for sheet in (metrics_sheet(found), alone_sheet(found), *agreement_sheets(found)):
        console.print(sheet.table())
    console.print(f"Report: {loaded.folder / 'teachers.html'}", markup=False, soft_wrap=True)
