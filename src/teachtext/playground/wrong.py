"""Which captions of a generated dataset are wrong on purpose: what a search for noise can be measured against."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import read_json


def wrong_caption_ids(folder: Path) -> frozenset[str] | None:
    """Return the ids of the captions that are known to be wrong; None where the folder does not tell.

    Raises:
        InputError: it tells, but not as a list of ids.
    """
    path = folder / "playground.json"
    if not path.exists():
        return None
    told = read_json(path)
    ids = told.get("wrong_caption_ids") if isinstance(told, dict) else None
    if not isinstance(ids, list) or not all(isinstance(caption_id, str) for caption_id in ids):
        raise InputError(f"{path} names no wrong captions", "make the playground again")
    return frozenset(ids)
