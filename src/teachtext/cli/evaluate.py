"""`teachtext evaluate`: a trained model on a split."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Captions(StrEnum):
    """How captions become queries; see `teachtext.data.types.CaptionUse`."""

    SEPARATE = "separate"
    FIRST = "first"
    FUSED = "fused"


def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    dataset: Annotated[Path, typer.Argument(help="Dataset folder.")],
    features: Annotated[Path, typer.Option(help="Folder with video/<expert> and text/<encoder>.")],
    split: Annotated[str, typer.Option(help="Split to evaluate on.")] = "test",
    captions: Annotated[
        Captions,
        typer.Option(help="How captions become queries: 'dataset.captions' of the run."),
    ] = Captions.SEPARATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Test a trained model on a split.

    Prints text-to-video and video-to-text metrics.
    """
    from teachtext.cli.tables import print_metrics
    from teachtext.experiment.evaluate import evaluate_folder, metrics_of

    found = metrics_of(evaluate_folder(model, dataset, features, split=split, captions=captions.value))
    print_metrics({"" if as_json else f"{model.name} on {dataset.name}, {split}": found}, as_json=as_json)
