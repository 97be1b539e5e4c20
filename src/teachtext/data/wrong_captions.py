"""Captions that are known to be wrong: a file of a dataset folder against which a search for noise is measured."""

from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import read_json

WRONG_CAPTIONS = "wrong-captions.json"


def read_wrong_captions(folder: Path) -> frozenset[str] | None:
    """Return the ids of the wrong captions of a dataset folder; None where the folder has no such list.

    Raises:
        InputError: the file is not a list of caption ids.
    """
    path = folder / WRONG_CAPTIONS
    if not path.exists():
        return None
    ids = read_json(path)
    if not isinstance(ids, list) or not all(isinstance(caption_id, str) for caption_id in ids):
        raise InputError(f"{path} is not a list of caption ids", 'write ["caption id", ...], or delete the file')
    return frozenset(ids)
