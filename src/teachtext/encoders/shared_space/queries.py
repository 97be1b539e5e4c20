"""Queries of a shared-space model, by whatever computes the vectors of its texts. Needs no torch."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.base import Limit
from teachtext.encoders.embedder import QueryVectors
from teachtext.encoders.query import check_text
from teachtext.encoders.remembered import Remembered

_REMEMBERED = 256


class SharedQueries:
    """Embeds queries (see `teachtext.encoders.embedder.QueryEmbedder`). Threads may share it: they take turns.

    Args:
        encode: returns the vectors of C texts, (C, D), of unit length.
        limit: the length that the text tower reads of a text; None where it reads texts of any length.
        space: name of the space of the vectors.
    """

    def __init__(
        self, *, encode: Callable[[Sequence[str]], NDArray[np.float32]], limit: Limit | None, space: str
    ) -> None:
        self._limit = limit
        self._space_name = space
        self._remembered = Remembered(lambda texts: list(encode(texts)), most=_REMEMBERED)

    def embed_query(self, text: str) -> QueryVectors:
        """Embed one query; see `QueryEmbedder.embed_query`."""
        return self.embed_queries([text])[0]

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Embed C queries; see `QueryEmbedder.embed_queries`."""
        for text in texts:
            check_text(text, "the query")
        vectors = self._remembered.of(texts)
        return [self._query(text, vector) for text, vector in zip(texts, vectors, strict=True)]

    def _query(self, text: str, vector: NDArray[np.float32]) -> QueryVectors:
        read = str(self._limit) if self._limit is not None and self._limit.exceeded([text])[0] else ""
        return QueryVectors({self._space_name: vector}, np.ones(1, np.float32), read)
