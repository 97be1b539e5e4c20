"""The exported text side of a trained model: answers queries with ONNX Runtime, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import CPU
from teachtext.encoders.base import TextEncoder
from teachtext.encoders.embedder import QueryVectors, pad_rows
from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import build_text_encoder
from teachtext.encoders.text_side_files import COUNT, check_probe, read_description, whole
from teachtext.packages import load

FORMAT = "teachtext-text-1"
BRANCH = "text.onnx"
_SHAPE = {
    "format": FORMAT,
    "text_encoder": str,
    "encoder": (None, {"pooled": bool, "max_tokens": COUNT}),
    "max_words": COUNT,
    "fill": bool,
    "spaces": [str],
}


class ExportedBranch:
    """The text branch of a trained model: from the features of a query to its vectors and mixture weights.

    Args:
        folder: the folder that `teachtext export` wrote.
        threads: CPU threads.

    Attributes:
        max_words: rows of a query that the branch reads.
        spaces: dimension D by space.

    Raises:
        InputError: a file is missing, is not of this form, or is of another model.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        self._folder = folder = Path(folder)
        description = read_description(folder, _SHAPE)
        self._names: list[str] = description["spaces"]
        self.max_words: int = description["max_words"]
        self._fill: bool = description["fill"]
        self._session, _ = load(
            "teachtext.encoders.computing:open_session", "onnx", model=folder / BRANCH, threads=threads, device=CPU
        )
        # an exporter leaves out inputs on which the values do not depend
        self._inputs = {node.name for node in self._session.get_inputs()}
        with whole(folder):
            [dim] = (node.shape[-1] for node in self._session.get_inputs() if node.name == "tokens")
            row = probe_row(dim)
        [query] = self.embed([row])
        check_probe(folder, description, probe_values(query))
        self.spaces: Mapping[str, int] = {name: len(vector) for name, vector in query.vectors.items()}

    def embed(self, captions: Sequence[NDArray[np.float32]]) -> list[QueryVectors]:
        """Embed the features of C captions, each (rows, D), as `RetrievalModel.encode_text` does."""
        with whole(self._folder):
            tokens, lengths = pad_rows(captions, max_rows=self.max_words, fill=self._fill)
            inputs = {"tokens": tokens, "lengths": lengths}
            *vectors, weights = self._session.run(None, {name: inputs[name] for name in self._inputs})
            by_space = dict(zip(self._names, vectors, strict=True))
            return [
                QueryVectors({space: values[row] for space, values in by_space.items()}, weights[row])
                for row in range(len(captions))
            ]


def probe_row(dim: int) -> NDArray[np.float32]:
    """Return the features (1, D) whose query the description keeps."""
    return np.full((1, dim), dim**-0.5, np.float32)


def probe_values(query: QueryVectors) -> NDArray[np.float32]:
    """Return all values of a query, one after another."""
    return np.concatenate([*query.vectors.values(), query.weights]).astype(np.float32)


class ExportedText:
    """An exported text side with its text encoder (see `teachtext.encoders.embedder.QueryEmbedder`).

    Args:
        folder: the folder that `teachtext export` wrote.
        threads: CPU threads.
        remember: how many of the last queries are not encoded again.

    Attributes:
        spaces: dimension D by space.

    Raises:
        InputError: a file is missing or is not of this form, or the text encoder cannot be built.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1, remember: int = 256) -> None:
        self._branch = ExportedBranch(folder, threads=threads)
        self.spaces = self._branch.spaces
        encoder, spec = _encoder(Path(folder), threads)
        self._encoder = QueryEncoder(encoder, spec=spec, remember=remember)
        # features of another width than the branch reads are refused at once
        self.embed_queries(["a query"])

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`."""
        return self.embed_queries([text])[0]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`."""
        if not texts:
            return []
        encoded = self._encoder.encode_all(texts)
        embedded = self._branch.embed([query.rows for query in encoded])
        return [
            replace(vectors, read=query.read(self._branch.max_words), unread=query.unread)
            for vectors, query in zip(embedded, encoded, strict=True)
        ]


def _encoder(folder: Path, threads: int) -> tuple[TextEncoder, str]:
    """Return the text encoder of an exported model, and its spec."""
    description = read_description(folder, _SHAPE)
    spec = str(description["text_encoder"])
    if description["encoder"] is None:
        return build_text_encoder(spec, threads=threads, for_queries=True), spec
    encoder: TextEncoder = load(
        "teachtext.encoders.text.onnx:OnnxEncoder", "onnx", folder=folder, threads=threads, **description["encoder"]
    )
    return encoder, spec
