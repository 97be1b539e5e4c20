"""What both pipelines ask of a store: is it the right one, and what does it hold already."""

import json
from collections.abc import Mapping
from pathlib import Path
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
        keys = sorted({*file.provenance, *wanted})
        other = next(key for key in keys if file.provenance.get(key) != wanted.get(key))
        before, now = file.provenance.get(other), wanted.get(other)
        raise InputError(
            f"{folder} holds features made otherwise ({other} was {before}, now {now})",
            "delete that folder to make them again, or give another store",
        )
    return file
