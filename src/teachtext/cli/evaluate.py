"""`teachtext evaluate`: a trained model on a split."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from teachtext.evaluation.metrics import Metrics


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
    ensemble: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a model whose similarities are averaged with the model's; may be repeated."),
    ] = None,
    normalise: Annotated[
        list[str] | None,
        typer.Option(
            help="Also behind this score normaliser: inverted-softmax, qb-norm (a bank of the training captions), "
            "dual-softmax, sinkhorn (all test queries at once); may be repeated."
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(help="Inverse temperature of the normalisers; by default chosen on the validation split."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Test a trained model on a split.

    Prints text-to-video and video-to-text metrics, and those behind score normalisers in tables of their own: they are
    not to be compared with what sees a query alone. Refuses a split with videos that the model was trained on.
    """
    from teachtext.cli.tables import print_metrics
    from teachtext.experiment.evaluate import evaluate_folder

    done = evaluate_folder(
        model,
        dataset,
        features,
        split=split,
        captions=captions.value if captions else None,
        benchmark_name=benchmark,
        others=ensemble or (),
        normalisers=normalise or (),
        beta=beta,
    )
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    title = "" if as_json else f"{model.name} on {dataset.name}, {done.split}"
    cases: dict[str, Mapping[str, Metrics]] = {title: done.ranks.metrics}
    if done.ensemble:
        own = "model" if as_json else title
        title = "ensemble" if as_json else f"mean of {1 + len(ensemble or ())} models on {dataset.name}, {done.split}"
        cases = {own: done.ranks.metrics, title: done.ensemble}
    print_metrics(cases, as_json=as_json, normalised={title: done.normalised})
