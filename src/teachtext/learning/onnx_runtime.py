"""The text side of a trained model that was exported: answers queries with onnxruntime, without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.base import TextEncoder
from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError
from teachtext.files import read_json
from teachtext.packages import load

FORMAT = "teachtext-text-1"
TOLD, BRANCH = "text.json", "text.onnx"


@dataclass(frozen=True)
class QueryVectors:
    """One query in the spaces where text and video meet.

    Attributes:
        vectors: by space, (D,) float32, unit length.
        weights: (M,) mixture weights, spaces in sorted order, summing to 1.
    """

    vectors: Mapping[str, NDArray[np.float32]]
    weights: NDArray[np.float32]


class ExportedBranch:
    """The text branch of a trained model: features of a query in, its vectors and mixture weights out.

    Args:
        folder: what `teachtext export` wrote.
        threads: CPU threads.

    Raises:
        InputError: a file is missing or is not what it should be.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        told = _read(folder)
        self._spaces: list[str] = told["spaces"]
        self._max_words: int = told["max_words"]
        self._fill: bool = told["fill"]
        self._session = load("teachtext.encoders.text.onnx:open_session", "onnx")(folder / BRANCH, threads=threads)
        # an exporter leaves out what the values do not depend on
        self._inputs = {one.name for one in self._session.get_inputs()}

    def embed(self, rows: NDArray[np.float32]) -> QueryVectors:
        """Embed the features of one query, (rows, D), as `RetrievalModel.encode_text` does."""
        kept = rows[: self._max_words]
        tokens = np.zeros((1, self._max_words if self._fill else len(kept), rows.shape[1]), np.float32)
        tokens[0, : len(kept)] = kept
        given = {"tokens": tokens, "lengths": np.array([len(kept)], np.int64)}
        *vectors, weights = self._session.run(None, {name: given[name] for name in self._inputs})
        named = {space: vector[0] for space, vector in zip(self._spaces, vectors, strict=True)}
        return QueryVectors(named, weights[0])


class ExportedText:
    """A query in, its vectors and mixture weights out.

    Args:
        folder: what `teachtext export` wrote.
        threads: CPU threads.
        remember: how many of the last queries are not encoded again.

    Raises:
        InputError: a file is missing or is not what it should be, or the text encoder cannot be built.
    """

    def __init__(self, folder: Path, *, threads: int = 1, remember: int = 256) -> None:
        self._branch = ExportedBranch(folder, threads=threads)
        self._encoder = QueryEncoder(_encoder(folder, threads), remember=remember)

    def embed(self, text: str) -> QueryVectors:
        """Embed one query.

        Raises:
            InputError: the query is empty, or holds half a character.
        """
        return self._branch.embed(self._encoder.encode(text))


def _read(folder: Path) -> dict[str, Any]:
    told = read_json(folder / TOLD)
    keys = {"format", "text_encoder", "encoder", "max_words", "fill", "spaces"}
    if not isinstance(told, dict) or not keys <= told.keys() or told["format"] != FORMAT:
        raise InputError(f"{folder / TOLD} does not describe an exported model", "export the model again")
    return told


def _encoder(folder: Path, threads: int) -> TextEncoder:
    told = _read(folder)
    if told["encoder"] is None:
        return build_text_encoder(told["text_encoder"], threads=threads)
    encoder: TextEncoder = load(
        "teachtext.encoders.text.onnx:OnnxEncoder", "onnx", folder=folder, threads=threads, **told["encoder"]
    )
    return encoder
