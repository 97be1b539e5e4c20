"""`teachtext parity`: models and metrics against recorded numbers of the authors' code."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from teachtext.cli.options import AsJson


def parity(
    file: Annotated[Path, typer.Argument(help="Parity file (.npz) of a model or of metrics.")],
    as_json: AsJson = False,
) -> None:
    """Compare models and metrics with those of the authors' code.

    The file holds numbers that the authors' code computed. Prints the largest difference of each kind of quantity. The
    exit code is 1 when a difference is over its limit.
    """
    from teachtext.originals.parity import check_parity

    comparisons = check_parity(file)
    sound = all(comparison.ok for comparison in comparisons)
    if as_json:
        # JSON has no infinity
        entries = [
            asdict(entry) | {"error": entry.error if math.isfinite(entry.error) else None, "ok": entry.ok}
            for entry in comparisons
        ]
        print(json.dumps({"file": str(file), "ok": sound, "comparisons": entries}, indent=2))
    else:
        from rich.table import Table
        from rich.text import Text

        from teachtext.cli.progress import console

        table = Table("", "", "error", "limit", "", "largest at", title=Text(file.name))
        table.columns[-1].overflow = "fold"
        for entry in comparisons:
            verdict = "ok" if entry.ok else "over"
            numbers = f"{entry.error:.1e}", f"{entry.limit:.0e}"
            table.add_row(Text(entry.part), entry.quantity, *numbers, verdict, Text(entry.where))
        console.print(table)
        console.print("All within their limits." if sound else "Over the limit: not the same model.")
    if not sound:
        raise typer.Exit(1)
