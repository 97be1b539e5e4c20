"""`teachtext denoise`: find noisy training captions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from teachtext.cli.run import Config, Jobs, print_set_aside

if TYPE_CHECKING:
    from teachtext.learning.ranks import Ranks


def denoise(
    config: Config,
    jobs: Jobs = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Also write the kept captions to a .pkl file in the form of the authors' masks."),
    ] = None,
) -> None:
    """Find noisy training captions.

    Teachers rank the video of each caption among videos that they were not trained on. A caption whose video has a low
    rank is noisy. Writes lists that can be read and edited, and a report.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.experiment.config_file import load_config
    from teachtext.experiment.denoise import REPORT, write_mask
    from teachtext.experiment.run import denoise as find
    from teachtext.experiment.study.ranks import lead
    from teachtext.experiment.workspace import DROPPED
    from teachtext.reports.noise_report import judges_table, summary

    def work(ranks: "Ranks") -> None:
        loaded = load_config(config)
        with shown() as progress:
            noise, workspace, set_aside = find(loaded, jobs=jobs, progress=progress, ranks=ranks)
        print_set_aside(set_aside)
        console.print(summary(noise).rich())
        console.print(judges_table(noise).rich())
        folder = workspace.denoising_folder
        console.print(f"Dropped: {folder / DROPPED}", markup=False, soft_wrap=True)
        console.print(f"Report: {folder / REPORT}", markup=False, soft_wrap=True)
        if mask is not None:
            write_mask(workspace, mask)
            console.print(f"Mask: {mask}", markup=False, soft_wrap=True)
        if loaded.denoising is None and loaded.dataset.dropped is None:
            console.print("To train without them: 'denoising: {}' in the config, or 'dataset.dropped' with that list.")

    lead(work)
