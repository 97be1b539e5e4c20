"""`teachtext data film`: long films of the clips of a dataset."""

from pathlib import Path
from typing import Annotated

import typer

from teachtext.cli.options import DatasetFolder
from teachtext.errors import counted


def film(
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Argument(help="Dataset folder to write, new or empty.")],
    split: Annotated[str, typer.Option(help="Split whose clips are joined.")] = "test",
    minutes: Annotated[float, typer.Option(help="Length of a film, or a little more; the last holds the rest.")] = 20.0,
    fades: Annotated[
        float, typer.Option(help="Share of the joins that are cross-fades or fades through black, 0 to 1.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="The same seed makes the same films.")] = 0,
    width: Annotated[int, typer.Option(help="Pixels, an even number.")] = 320,
    height: Annotated[int, typer.Option(help="Pixels, an even number.")] = 240,
    rate: Annotated[int, typer.Option(help="Pictures a second.")] = 25,
    workers: Annotated[int, typer.Option(help="Number of processes; each joins one film at a time.")] = 2,
) -> None:
    """Join the clips of a dataset to long films.

    The films are a dataset folder: each caption is now of a film, and 'places.json' says from when to when its clip is
    shown there. So films measure how well a search finds the place in a video, and not only the video.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.films import FilmSettings, make_films

    settings = FilmSettings(split, minutes, fades, seed, width, height, rate)
    with shown() as progress:
        films = make_films(dataset, out, settings, workers=workers, progress=progress)
    for note in films.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    clips = sum(map(len, films.stretches.values()))
    length = sum(films.films.values()) / 60
    console.print(
        f"{counted(len(films.films), 'film')} of {length:,.1f} minutes in all, of {counted(clips, 'clip')} with "
        f"{counted(films.captions, 'caption')}, in {out}",
        markup=False,
        soft_wrap=True,
    )
