"""`teachtext embed`: features of captions."""

from typing import Annotated

import typer

from teachtext.cli.options import DatasetFolder, Device, FeatureFolder, Language
from teachtext.devices import AUTO
from teachtext.errors import counted


def embed(
    folder: DatasetFolder,
    out: FeatureFolder,
    encoder: Annotated[list[str], typer.Option(help="Text encoder; may be repeated.")],
    language: Language = None,
    threads: Annotated[int, typer.Option(min=1, help="Number of threads.")] = 2,
    device: Device = AUTO,
) -> None:
    """Embed captions.

    A second call embeds only what is missing. Equal captions are encoded once.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.folder import load_folder
    from teachtext.extraction.embed import embed as embed_captions

    dataset = load_folder(folder, missing_videos="keep", language=language)
    with shown() as progress:
        done = embed_captions(
            dataset.captions, encoder, out / "text", threads=threads, device=device, progress=progress
        )
    console.print(f"{counted(len(dataset.captions), 'caption')} embedded in {out / 'text'}", soft_wrap=True)
    for note in (*dataset.notes, *done.notes):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
