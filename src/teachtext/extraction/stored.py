"""What both pipelines ask of a store: is it the right one, and what does it hold already."""

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from teachtext.data.store import FeatureFile, shards_of
from teachtext.errors import InputError


def stored(folder: Path, provenance: Mapping[str, Any]) -> FeatureFile | None:
    """Open the features that a folder holds, to go on with them; None where it holds none.

    Raises:
        InputError: they were made otherwise than `provenance` says, or the folder is damaged.
    """
    if not shards_of(folder):
        return None
    file = FeatureFile(folder)
    wanted = json.loads(json.dumps(provenance))
    if file.provenance != wanted:
        raise InputError(
            f"{folder} holds features made otherwise ({_difference(file.provenance, wanted)})",
            "delete that folder to make them again, or give another store",
        )
    return file


def _difference(before: Any, now: Any, key: str = "") -> str:
    """Say what differs first, as far down as two mappings can be compared."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return f"{key} was {shorten(str(before), 80)}, now {shorten(str(now), 80)}"
    other = next(one for one in sorted({*before, *now}) if before.get(one) != now.get(one))
    return _difference(before.get(other), now.get(other), f"{key}.{other}" if key else other)
