"""`teachtext metrics`: retrieval metrics of a similarity matrix."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from teachtext.cli.options import AsJson, Ndcg, Trec


def metrics(
    file: Annotated[
        Path,
        typer.Argument(
            help="Similarities, rows = captions, columns = videos: .npy, .npz, .pt, .safetensors, .csv, .tsv. Square, "
            "or (videos, captions a video, videos), or with 'captions_per_video' beside 'similarity'."
        ),
    ],
    normalise: Annotated[
        list[str] | None,
        typer.Option(help="Also test this normaliser, 'dual-softmax' or 'sinkhorn', with '--beta'; may be repeated."),
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Inverse temperature of the normalisers, chosen on other data than this file.")
    ] = None,
    ndcg: Ndcg = False,
    trec: Trec = None,
    as_json: AsJson = False,
) -> None:
    """Compute metrics of a similarity matrix.

    Prints text-to-video and video-to-text metrics, with a table for each case of the file. Ranks average over ties; a
    note tells how many queries are tied, and R@1 if all ties were decided for or against the right answer.
    """
    from teachtext.cli.tables import print_metrics
    from teachtext.evaluation.similarity_file import read_similarity

    cases = read_similarity(file)
    measured = {case: scores.metrics(ndcg=ndcg) for case, scores in cases.items()}
    for case, scores in cases.items():
        for note in scores.notes:
            print(f"note: {case + ': ' if case else ''}{note}", file=sys.stderr)
    if trec is not None:
        from teachtext.evaluation.trec import write_trec

        for case, scores in cases.items():
            write_trec(
                trec,
                scores.similarity,
                scores.video_of,
                caption_ids=scores.caption_ids,
                video_ids=scores.video_ids,
                prefix=f"{case.replace('/', '-')}-" if case else "",
            )
    if not normalise:
        print_metrics(measured, as_json=as_json)
        return
    from teachtext.evaluation.score_normalisation import normalise_stored

    normalised = {
        case: normalise_stored(scores.similarity, scores.video_of, normalise, beta) for case, scores in cases.items()
    }
    print_metrics(measured, as_json=as_json, normalised=normalised)
