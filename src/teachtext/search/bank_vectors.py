"""The embedded captions of a query bank, kept beside the features of an index: embedding them takes a while."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.errors import InputError
from teachtext.files import fingerprint, write_bytes
from teachtext.progress import Progress, silent

# captions that are embedded between two reports of progress
_PIECE = 128
_WEIGHTS, _READ, _SPACE = "weights", "read", "space/"


def embed_captions(
    captions: Sequence[str], model: Embedder, folder: Path, progress: Progress = silent
) -> list[QueryVectors]:
    """Embed captions with a model, or read what was embedded before.

    Args:
        captions: C texts.
        model: of an index.
        folder: holds one file, of the last captions and model. A damaged file is made again. A folder that cannot be
            written to holds none.
        progress: told how many captions are embedded.

    Raises:
        InputError: a caption is empty, or contains a lone surrogate.
    """
    path = folder / f"{fingerprint([list(captions), model.identity['fingerprint']])}.safetensors"
    with suppress(OSError, SafetensorError, ValueError, KeyError):
        return _unpacked(path.read_bytes(), len(captions))
    queries: list[QueryVectors] = []
    for start in range(0, len(captions), _PIECE):
        progress("embed the query bank", start, len(captions))
        queries += model.embed_queries(captions[start : start + _PIECE])
    progress("embed the query bank", len(captions), len(captions))
    with suppress(InputError, OSError):
        write_bytes(path, _packed(queries))
        for other in set(folder.glob("*.safetensors")) - {path}:
            other.unlink()
    return queries


def _packed(queries: Sequence[QueryVectors]) -> bytes:
    tensors = {_SPACE + name: np.stack([query.vectors[name] for query in queries]) for name in queries[0].vectors}
    tensors[_WEIGHTS] = np.stack([query.weights for query in queries])
    packed: bytes = save(tensors, metadata={_READ: json.dumps([query.read for query in queries])})
    return packed


def _unpacked(content: bytes, count: int) -> list[QueryVectors]:
    """Return the queries in a file.

    Raises:
        ValueError, KeyError, SafetensorError: the file is damaged, or of another number of captions.
    """
    tensors: dict[str, NDArray[np.float32]] = load(content)
    length = int.from_bytes(content[:8], "little")
    read = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_READ])
    weights = tensors.pop(_WEIGHTS)
    if {len(weights), len(read), *map(len, tensors.values())} != {count}:
        raise ValueError("another number of captions")
    return [
        QueryVectors(
            {name.removeprefix(_SPACE): rows[number] for name, rows in tensors.items()}, weights[number], read[number]
        )
        for number in range(count)
    ]
