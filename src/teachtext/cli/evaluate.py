"""`teachtext evaluate`: a trained model on a split."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Captions(StrEnum):
    """How captions become queries, of `teachtext.data.types.CaptionUse` what needs no file."""

    SEPARATE = "separate"
    FIRST = "first"
    FUSED = "fused"


def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    dataset: Annotated[Path, typer.Argument(help="Dataset folder.")],
    features: Annotated[Path, typer.Option(help="Folder with video/<expert> and text/<encoder>.")],
    split: Annotated[str | None, typer.Option(help="Split to evaluate on; by default the test split.")] = None,
    captions: Annotated[
        Captions | None,
        typer.Option(help="How captions become queries: 'dataset.captions' of the run; by default each is one."),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Take the protocol of this benchmark; see 'teachtext benchmarks'.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Test a trained model on a split.

    Prints text-to-video and video-to-text metrics. Refuses a split with videos that the model was trained on.
    """
    from teachtext.cli.tables import print_metrics
    from teachtext.experiment.evaluate import evaluate_folder, metrics_of

    done = evaluate_folder(
        model,
        dataset,
        features,
        split=split,
        captions=captions.value if captions else None,
        benchmark_name=benchmark,
    )
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    title = "" if as_json else f"{model.name} on {dataset.name}, {done.split}"
    print_metrics({title: metrics_of(done.ranks)}, as_json=as_json)
