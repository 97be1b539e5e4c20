"""`teachtext objectives`: the parts of the distillation objective, and the published presets."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from teachtext.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from teachtext.learning.distillation.parts import Described


def objectives(
    as_json: AsJson = False,
) -> None:
    """List the parts of the distillation objective, and its presets.

    'distillation:' of a config names a preset, and may change any part of the preset.
    """
    from teachtext.cli.progress import console
    from teachtext.learning.distillation.parts import described, settings_in
    from teachtext.learning.distillation.presets import PRESETS

    if as_json:
        presets = {name: asdict(preset) for name, preset in PRESETS.items()}
        print(json.dumps({"parts": described(), "presets": presets}, indent=2, ensure_ascii=False))
        return
    console.print(_parts(described()))
    for name, preset in PRESETS.items():
        console.print(f"\npreset: {name}", markup=False)
        console.print(f"  {preset.what}", markup=False)
        console.print(f"  {_settings(settings_in(preset.parts))}", markup=False)
        if preset.code:
            console.print(f"  with 'preset_from: code': {_settings(preset.code)}", markup=False)


def _parts(described: "Described") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("part", "choice"):
        table.add_column(column, no_wrap=True)
    for column in ("what it does", "its settings"):
        table.add_column(column)
    for part, choices in described.items():
        for number, (choice, (what, settings)) in enumerate(choices.items()):
            table.add_row("" if number else part, choice, what, "\n".join(settings))
        table.add_section()
    return table


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {str(value).lower()}" for name, value in values.items())
