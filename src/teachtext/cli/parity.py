"""`teachtext parity`: our models and metrics against recorded numbers of the authors' code."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def parity(
    file: Annotated[Path, typer.Argument(help="Parity file (.npz) of a model or of metrics.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compare our models with the originals.

    Prints the largest error of each kind of quantity; exit code 1 when one is over its limit.
    """
    from teachtext.originals.parity import check_parity

    found = check_parity(file)
    sound = all(comparison.ok for comparison in found)
    if as_json:
        # JSON has no infinity
        told = [asdict(one) | {"error": one.error if math.isfinite(one.error) else None, "ok": one.ok} for one in found]
        print(json.dumps({"file": str(file), "ok": sound, "comparisons": told}, indent=2))
    else:
        from rich.table import Table
        from rich.text import Text

        from teachtext.cli.progress import console

        table = Table("", "", "error", "limit", "", "largest at", title=Text(file.name))
        table.columns[-1].overflow = "fold"
        for one in found:
            verdict = "ok" if one.ok else "over"
            numbers = f"{one.error:.1e}", f"{one.limit:.0e}"
            table.add_row(Text(one.part), one.quantity, *numbers, verdict, Text(one.where))
        console.print(table)
        console.print("All within their limits." if sound else "Over the limit: not the same model.")
    if not sound:
        raise typer.Exit(1)
