"""`teachtext data import-features`: features made elsewhere as a feature store."""

from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import typer


def import_features(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder with one file a video (.npy, .npz, .pt, .safetensors), or one file of all videos (.npz, "
            "HDF5, parquet, .pt, .safetensors, LMDB, a pickle)."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Store to write, FEATURES/video/NAME of an expert, FEATURES/text/NAME of captions.")
    ],
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset folder whose ids the items get; by default they keep their names.")
    ] = None,
    captions: Annotated[bool, typer.Option("--captions", help="The items are captions of the dataset.")] = False,
    key: Annotated[str | None, typer.Option(help="Name of the array or group, where there are several.")] = None,
    pool: Annotated[bool, typer.Option("--pool", help="Replace the rows of a video by their mean.")] = False,
    nan: Annotated[
        Literal["refuse", "missing"],
        typer.Option(help="NaN and infinite values: refused, or their rows left out."),
    ] = "refuse",
) -> None:
    """Turn features made elsewhere into a feature store.

    A run reads the store with 'dataset: {features: FEATURES}', or takes the source itself with 'file:' of an expert.
    """
    from teachtext.cli.progress import console, shown
    from teachtext.data.feature_import import import_notes, open_features
    from teachtext.data.folder import read_raw
    from teachtext.errors import InputError

    ids, name = None, "the dataset"
    if dataset is not None:
        # splits may be as they are: a store has no splits
        raw = read_raw(dataset)
        videos = {*raw.videos, *(caption.video_id for caption in raw.captions), *chain(*(raw.splits or {}).values())}
        ids = [caption.id for caption in raw.captions] if captions else sorted(videos)
        name = raw.path.resolve().name
    elif captions:
        raise InputError("'--captions' needs the ids of captions", "give the '--dataset' that they belong to")
    opened = open_features(
        source, key=key, pool=pool, nan=nan, ids=ids, dataset=name, what="captions" if captions else "videos"
    )
    with shown() as progress:
        file = opened.store(out, progress)
    for note in [*opened.notes, *import_notes(out)]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    rows = [file.rows_of(item_id) for item_id in file.ids]
    counts = f"{min(rows):,} to {max(rows):,} rows" if len(set(rows)) > 1 else f"{next(iter(rows), 0):,} row(s) each"
    console.print(
        f"{len(file):,} items of {counts}, {file.dim:,} wide, from {opened.container}, in {out}",
        markup=False,
        soft_wrap=True,
    )
