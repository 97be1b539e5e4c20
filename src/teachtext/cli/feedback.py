"""`teachtext feedback`: captions from the queries of a search service and the results that people opened."""

from pathlib import Path
from typing import Annotated

import typer


def feedback(
    log: Annotated[Path, typer.Argument(help="File of 'teachtext serve --log-queries FILE'.")],
    out: Annotated[Path, typer.Option(help="Captions file to write.")] = Path("captions.jsonl"),
    least: Annotated[int, typer.Option(min=1, help="Leave out videos that were opened less often for a query.")] = 1,
) -> None:
    """Turn logged queries into captions to learn from.

    A query becomes a caption of each video that people opened after the query. Writes the captions file of a dataset
    folder: put the file beside a folder videos/ with the videos, and train.
    """
    from teachtext.cli.progress import console
    from teachtext.errors import InputError, counted
    from teachtext.service.querylog import pairs, write_captions

    chosen = pairs(log, least=least)
    if not chosen:
        raise InputError(f"{log} holds no query whose results were opened", "let people search first")
    write_captions(out, chosen)
    videos = len({video for video, _, _ in chosen})
    console.print(
        f"{counted(len(chosen), 'caption')} of {counted(videos, 'video')} in {out}", markup=False, soft_wrap=True
    )
