"""`teachtext model`: import published models."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def model() -> None:
    """Import published models."""


@app.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="Checkpoint of the authors' trainer (.pth).")],
    config: Annotated[
        Path | None,
        typer.Option(help="Settings that weights do not contain (YAML or JSON): experts, text, max_words, max_tokens."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="New folder of the model; by default the name of the file without its ending.")
    ] = None,
    trained_on: Annotated[
        Path | None, typer.Option(help="Text file with the ids of the training videos, one a line.")
    ] = None,
) -> None:
    """Import a published checkpoint.

    No code of the checkpoint is executed. The result is a model folder like those of 'teachtext train'.
    """
    from teachtext.cli.progress import console
    from teachtext.files import read_text
    from teachtext.originals.model_inputs import find_inputs
    from teachtext.originals.published_model import import_published
    from teachtext.yaml_files import read_yaml

    inputs = None if config is None else find_inputs(read_yaml(config), config)
    ids = None if trained_on is None else [line.strip() for line in read_text(trained_on).splitlines() if line.strip()]
    folder = out or Path(file.stem)
    spec = import_published(file, folder, inputs=inputs, trained_on=ids)
    console.print(
        f"Imported {spec.kind} model of {len(spec.experts)} experts in {folder}", markup=False, soft_wrap=True
    )
