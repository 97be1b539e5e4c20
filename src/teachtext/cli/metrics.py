"""`teachtext metrics`: retrieval metrics of a similarity matrix."""

from pathlib import Path
from typing import Annotated

import typer


def metrics(
    file: Annotated[
        Path, typer.Argument(help=".npy: square; .npz: 'similarity' (captions, videos) and 'captions_per_video'.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Compute metrics of a similarity matrix.

    Prints text-to-video and video-to-text metrics, one table for each case of the file.
    """
    from teachtext.cli.tables import print_metrics
    from teachtext.evaluation.similarity_file import read_similarity

    print_metrics({case: scores.metrics() for case, scores in read_similarity(file).items()}, as_json=as_json)
