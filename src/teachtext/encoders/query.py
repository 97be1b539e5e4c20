"""A text encoder for queries: kept warm, with the same features that `embed` stores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit, TextEncoder
from teachtext.encoders.languages import foreign_language
from teachtext.encoders.registry import build_text_encoder, reads_english_alone
from teachtext.encoders.remembered import Remembered
from teachtext.errors import InputError


class EncodedQuery(NamedTuple):
    """The features of a query.

    Attributes:
        rows: (rows, D) features, read-only, rounded as the feature store rounds them.
        cut: what is read of a query that is cut, such as `64 tokens`; empty where all is read.
        unread: the language of a query that the encoder does not read; empty where it reads the query.
    """

    rows: NDArray[np.float32]
    cut: str
    unread: str

    def read(self, max_rows: int) -> str:
        """Say what a model of at most so many rows reads of a query that is cut, by its encoder or by itself."""
        return f"{max_rows:,} tokens" if len(self.rows) > max_rows else self.cut


class QueryEncoder:
    """Queries in, their features out. May be shared by threads: they take turns.

    Args:
        encoder: the spec of a text encoder, or an encoder.
        spec: the spec of an encoder that is given itself; where it is not known, all languages count as read.
        threads: CPU threads of an encoder that is built here. One thread is fastest for one query on a busy machine.
        device: where an encoder that is built here computes (see `teachtext.devices`).
        remember: how many recent queries are kept encoded.

    Attributes:
        dim: D.
        settings: of the encoder.

    Raises:
        InputError: see `build_text_encoder`.
    """

    def __init__(
        self, encoder: str | TextEncoder, *, spec: str = "", threads: int = 1, device: str = AUTO, remember: int = 256
    ) -> None:
        spec = encoder if isinstance(encoder, str) else spec
        self._english_alone = bool(spec) and reads_english_alone(spec)
        if isinstance(encoder, str):
            encoder = build_text_encoder(encoder, threads=threads, device=device, for_queries=True)
        self._encoder = encoder
        self._remembered = Remembered(self._encode, most=remember)
        self.dim, self.settings = self._encoder.dim, self._encoder.settings
        # the first call is slow, so it is made now
        self._encode(["a query"])

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return the features of a query, (rows, D), read-only, rounded as the feature store rounds them.

        Raises:
            InputError: the query is empty, or holds half a character.
        """
        return self.encode_all([text])[0].rows

    def encode_all(self, texts: Sequence[str]) -> list[EncodedQuery]:
        """Encode queries together, which is faster than one at a time.

        In other company a query has the same features up to rounding: the last bit of a float16 may differ.

        Raises:
            InputError: a query is empty, or holds half a character.
        """
        for text in texts:
            check_text(text, "the query")
        return self._remembered.of(texts)

    def _encode(self, texts: Sequence[str]) -> list[EncodedQuery]:
        rounded = [values.astype(np.float16).astype(np.float32) for values in self._encoder.encode(texts)]
        for values in rounded:
            values.flags.writeable = False
        limit = limit_of(self._encoder)
        cut = [False] * len(texts) if limit is None else limit.exceeded(texts)
        return [
            EncodedQuery(
                values,
                cut=str(limit) if is_cut else "",
                unread=foreign_language(text) if self._english_alone else "",
            )
            for text, values, is_cut in zip(texts, rounded, cut, strict=True)
        ]


def limit_of(encoder: TextEncoder) -> Limit | None:
    """Return the length that an encoder reads of a text; None for one that reads texts of any length."""
    limit: Limit | None = getattr(encoder, "limit", None)
    return limit


def check_text(text: str, name: str) -> None:
    """Refuse a text that no encoder can encode.

    Args:
        text: a caption or query.
        name: the text in the error message.

    Raises:
        InputError: it is empty, or holds half a character.
    """
    if not text.strip():
        raise InputError(f"{name} is empty", "remove it or fill it in")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name} holds half a character (a lone surrogate)", "repair the text") from error
