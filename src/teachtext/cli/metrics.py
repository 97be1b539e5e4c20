"""`teachtext metrics`: retrieval metrics of a similarity matrix."""

from pathlib import Path
from typing import Annotated

import typer

from teachtext.cli.options import AsJson


def metrics(
    file: Annotated[
        Path,
        typer.Argument(help="Square .npy, or .npz with 'similarity' (captions, videos) and 'captions_per_video'."),
    ],
    normalise: Annotated[
        list[str] | None,
        typer.Option(help="Also test this normaliser, 'dual-softmax' or 'sinkhorn', with '--beta'; may be repeated."),
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Inverse temperature of the normalisers, chosen on other data than this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute metrics of a similarity matrix.

    Prints text-to-video and video-to-text metrics, with a table for each case of the file.
    """
    from teachtext.cli.tables import print_metrics
    from teachtext.evaluation.similarity_file import read_similarity

    cases = read_similarity(file)
    measured = {case: scores.metrics() for case, scores in cases.items()}
    if not normalise:
        print_metrics(measured, as_json=as_json)
        return
    from teachtext.evaluation.score_normalisation import normalise_stored

    normalised = {
        case: normalise_stored(scores.similarity, scores.video_of, normalise, beta) for case, scores in cases.items()
    }
    print_metrics(measured, as_json=as_json, normalised=normalised)
