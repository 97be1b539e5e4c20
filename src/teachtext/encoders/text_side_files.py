"""The files of an exported text side: their names, and the description that says what they hold."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from teachtext.errors import InputError
from teachtext.files import read_json

DESCRIPTION, ENCODER, TOKENIZER = "text.json", "encoder.onnx", "tokenizer.json"
"""The description is written last: without it a folder is no text side."""


def read_description(folder: Path, form: str, keys: Collection[str]) -> dict[str, Any]:
    """Return the description in a folder.

    Args:
        folder: of the text side.
        form: the value of `format` that is read here.
        keys: which the description must have.

    Raises:
        InputError: there is none, or it describes files of another form.
    """
    path = folder / DESCRIPTION
    description = read_json(path)
    if not isinstance(description, dict) or not description.keys() >= set(keys) or description.get("format") != form:
        raise InputError(f"{path} does not describe an exported model", "export the model again")
    return description
