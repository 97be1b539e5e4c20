"""`teachtext demo`: the claims of a study, and a search with its student, in one table and one picture."""

from pathlib import Path
from typing import Annotated

import typer

from teachtext.cli.run import Jobs, print_set_aside


def demo(
    file: Annotated[
        Path | None, typer.Argument(help="Study file with claims.", show_default="that of generated videos")
    ] = None,
    jobs: Jobs = None,
    show: Annotated[bool, typer.Option("--show", help="Print the study file, and stop.")] = False,
) -> None:
    """Test the claims of a study, and show them in one table and one picture.

    Each claim has its difference, the interval of the difference, and a verdict. A student of the study then searches
    all videos for captions of videos that it has not learned from. Finished work is not repeated.
    """
    from teachtext.api.demo import STUDY, demonstrate
    from teachtext.cli.progress import console, shown
    from teachtext.files import read_text

    if show:
        print(read_text(file or STUDY), end="")
        return
    with shown() as progress:
        done = demonstrate(file or STUDY, jobs=jobs, progress=progress)
    print_set_aside(done.set_aside)
    console.print(done.table.rich())
    for note in done.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(f"Report of all models: {done.report}", markup=False, soft_wrap=True)
    console.print(f"Picture: {done.page}", markup=False, soft_wrap=True)
