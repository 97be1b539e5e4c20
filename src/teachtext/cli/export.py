"""`teachtext export`: the text side of a model as ONNX files."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the exported files.")],
) -> None:
    """Export the text side of a model to ONNX.

    The files answer queries without torch. They are compared with the model before they are written.
    """
    from teachtext.cli.progress import console
    from teachtext.learning.onnx_export import export as export_text

    difference = export_text(model, out)
    console.print(f"text side exported to {out}, within {difference:.0e} of the model", soft_wrap=True)
