"""The files of an exported text side: their names, and the description that says what they hold."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.files import read_json

DESCRIPTION, ENCODER, TOKENIZER = "text.json", "encoder.onnx", "tokenizer.json"
"""The description is written last: without it a folder is no text side."""
EXPORT_AGAIN = "export the model again; a folder in an index is made again by 'teachtext index' once it is deleted"
"""The mend of files that are damaged."""
COUNT = range(1, 2**15 + 1)
"""The shape of a number of tokens or words (see `read_description`)."""
_PROBE = "probe"
# rounding differs between processors
_TOLERANCE = 1e-3


def read_description(folder: Path, shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description in a folder.

    Args:
        folder: of the text side.
        shape: by key, what the value must be: a value itself, a type, a range of whole numbers, a list with the shape
            of its items, a mapping by key, or a tuple of shapes, one of which must fit.

    Raises:
        InputError: there is none, a key is missing, or a value is of another shape.
    """
    path = folder / DESCRIPTION
    try:
        description = read_json(path)
    except InputError as error:
        raise InputError(error.problem, EXPORT_AGAIN) from error
    if not isinstance(description, dict):
        raise InputError(f"{path} does not describe an exported model", EXPORT_AGAIN)
    for key, wanted in shape.items():
        if key not in description or not _fits(description[key], wanted):
            raise InputError(f"{path} does not describe an exported model (its '{key}')", EXPORT_AGAIN)
    return description


def _fits(value: Any, shape: Any) -> bool:
    """Return whether a JSON value has a shape.

    >>> _fits({"most": 3, "cuts": "left"}, {"most": COUNT, "cuts": ("left", "right")}), _fits([1, "a"], [str])
    (True, False)
    """
    if isinstance(shape, tuple):
        return any(_fits(value, each) for each in shape)
    if isinstance(shape, Mapping):
        is_like = isinstance(value, dict) and value.keys() == shape.keys()
        return is_like and all(_fits(value[key], each) for key, each in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if isinstance(shape, range):
        return type(value) is int and value in shape
    return type(value) is shape if isinstance(shape, type) else bool(value == shape)


@contextmanager
def whole(folder: Path) -> Iterator[None]:
    """Turn whatever goes wrong with the files of a text side into one sentence.

    Args:
        folder: of the text side.

    Raises:
        InputError: instead of any other error than a missing package.
    """
    try:
        yield
    except (InputError, ModuleNotFoundError):
        raise
    except Exception as error:  # the libraries that read the files raise nothing more precise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"the files in {folder} do not belong together ({reason})", EXPORT_AGAIN) from error


def probe_of(values: NDArray[np.float32]) -> dict[str, list[float]]:
    """Return the part of a description that says what the files compute of a fixed input."""
    return {_PROBE: [round(float(value), 6) for value in values]}


def check_probe(folder: Path, description: Mapping[str, Any], values: NDArray[np.float32]) -> None:
    """Refuse files that do not compute what they computed when they were exported.

    Args:
        folder: of the text side.
        description: of the text side; those of earlier versions have no probe.
        values: what the files compute of the fixed input.

    Raises:
        InputError: the values differ, so a file is one of another model.
    """
    if _PROBE not in description:
        return
    kept = description[_PROBE]
    expected = np.array(kept, np.float64) if _fits(kept, [(float, int)]) else np.zeros(0)
    if expected.shape != values.shape or not np.abs(expected - values).max() <= _TOLERANCE:
        raise InputError(f"the files in {folder} are not of one model", EXPORT_AGAIN)
