"""`teachtext data`: check a dataset folder, make the playground."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Dataset folder: videos/, a captions file, optionally splits.json.")],
) -> None:
    """Say what a dataset folder holds.

    And what is wrong with it, and how to mend it; exit code 2 on errors.
    """
    from rich.table import Table

    from teachtext.cli.progress import console
    from teachtext.data.check import check_folder

    found = check_folder(folder)
    table = Table(title=str(folder), show_header=False, title_justify="left")
    for name, value in found.facts:
        table.add_row(name, value)
    console.print(table)
    if found.findings:
        findings = Table("", "found", "how to mend it", show_lines=True)
        for finding in found.findings:
            findings.add_row(finding.level, finding.what, finding.mend)
        console.print(findings)
    verdict = "Sound, but look at the warnings above." if found.findings else "Sound."
    console.print(verdict if found.sound else "Not usable yet: mend the errors above.")
    if not found.sound:
        raise typer.Exit(2)


@app.command()
def playground(
    folder: Annotated[Path, typer.Argument(help="Where to write the dataset folder.")],
    videos: Annotated[int, typer.Option(help="How many videos.")] = 360,
    captions: Annotated[int, typer.Option(help="Captions a video.")] = 12,
    wrong: Annotated[float, typer.Option(help="Share of training captions that are wrong on purpose.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Generate a captioned video set.

    Its splits hold out combinations and wordings.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.playground import build_playground

    with shown() as progress:
        build_playground(
            folder,
            videos=videos,
            captions_per_video=captions,
            seed=seed,
            wrong_captions=wrong,
            workers=workers,
            progress=lambda done, total: progress("make the playground", done, total),
        )
    console.print(f"Generated dataset in {folder}", markup=False, soft_wrap=True)
