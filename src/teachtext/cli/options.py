"""Arguments and options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

DatasetFolder = Annotated[Path, typer.Argument(help="Dataset folder.")]
FeatureFolder = Annotated[Path, typer.Option("--out", help="Folder of the features.")]
Device = Annotated[str, typer.Option(help="Device that computes: auto, cpu, cuda, cuda:<number> or mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
