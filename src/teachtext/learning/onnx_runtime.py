"""The exported text side of a trained model: answers queries with ONNX Runtime, without torch."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import CPU
from teachtext.encoders.base import TextEncoder
from teachtext.encoders.embedder import QueryVectors, pad_rows
from teachtext.encoders.query import QueryEncoder, read_of
from teachtext.encoders.registry import build_text_encoder
from teachtext.encoders.text_side_files import read_description
from teachtext.packages import load

FORMAT = "teachtext-text-1"
BRANCH = "text.onnx"
_KEYS = {"format", "text_encoder", "encoder", "max_words", "fill", "spaces"}


class ExportedBranch:
    """The text branch of a trained model: from the features of a query to its vectors and mixture weights.

    Args:
        folder: the folder that `teachtext export` wrote.
        threads: CPU threads.

    Attributes:
        max_words: rows of a query that the branch reads.

    Raises:
        InputError: a file is missing, or is not of this form.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        folder = Path(folder)
        description = read_description(folder, FORMAT, _KEYS)
        self._spaces: list[str] = description["spaces"]
        self.max_words: int = description["max_words"]
        self._fill: bool = description["fill"]
        self._session, _ = load(
            "teachtext.encoders.computing:open_session", "onnx", model=folder / BRANCH, threads=threads, device=CPU
        )
        # an exporter leaves out inputs on which the values do not depend
        self._inputs = {node.name for node in self._session.get_inputs()}

    def embed(self, captions: Sequence[NDArray[np.float32]]) -> list[QueryVectors]:
        """Embed the features of C captions, each (rows, D), as `RetrievalModel.encode_text` does."""
        tokens, lengths = pad_rows(captions, max_rows=self.max_words, fill=self._fill)
        inputs = {"tokens": tokens, "lengths": lengths}
        *vectors, weights = self._session.run(None, {name: inputs[name] for name in self._inputs})
        return [
            QueryVectors(
                {space: values[row] for space, values in zip(self._spaces, vectors, strict=True)}, weights[row]
            )
            for row in range(len(captions))
        ]


class ExportedText:
    """An exported text side with its text encoder (see `teachtext.encoders.embedder.QueryEmbedder`).

    Args:
        folder: the folder that `teachtext export` wrote.
        threads: CPU threads.
        remember: how many of the last queries are not encoded again.

    Raises:
        InputError: a file is missing or is not of this form, or the text encoder cannot be built.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1, remember: int = 256) -> None:
        self._branch = ExportedBranch(folder, threads=threads)
        encoder, spec = _encoder(Path(folder), threads)
        self._encoder = QueryEncoder(encoder, spec=spec, remember=remember)

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`."""
        return replace(self.embed_queries([text])[0], unread=self._encoder.unread(text))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`."""
        if not texts:
            return []
        captions = [self._encoder.encode(text) for text in texts]
        return [
            replace(query, read=read_of(self._encoder, text, rows, self._branch.max_words))
            for query, text, rows in zip(self._branch.embed(captions), texts, captions, strict=True)
        ]


def _encoder(folder: Path, threads: int) -> tuple[TextEncoder, str]:
    """Return the text encoder of an exported model, and its spec."""
    description = read_description(folder, FORMAT, _KEYS)
    spec = str(description["text_encoder"])
    if description["encoder"] is None:
        return build_text_encoder(spec, threads=threads, for_queries=True), spec
    encoder: TextEncoder = load(
        "teachtext.encoders.text.onnx:OnnxEncoder", "onnx", folder=folder, threads=threads, **description["encoder"]
    )
    return encoder, spec
