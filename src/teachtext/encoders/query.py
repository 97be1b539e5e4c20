"""A text encoder for queries: kept warm, one text at a time, with the same features that `embed` stores."""

from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit, TextEncoder
from teachtext.encoders.languages import foreign_language
from teachtext.encoders.registry import build_text_encoder, reads_english_alone
from teachtext.errors import InputError


class QueryEncoder:
    """One query in, its features out. May be shared by threads: they take turns.

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
        self._lock = Lock()
        self._remembered = lru_cache(maxsize=remember)(self._encode)
        self.dim, self.settings = self._encoder.dim, self._encoder.settings
        # the first call is slow, so it is made now
        self._encode("a query")

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return the features of a query, (rows, D), read-only, rounded as the feature store rounds them.

        Raises:
            InputError: the query is empty, or holds half a character.
        """
        return self._look_up(text)[0]

    def cut(self, text: str) -> str:
        """Say what is read of a query that is cut, such as `64 tokens`; empty where all is read."""
        return self._look_up(text)[1]

    def unread(self, text: str) -> str:
        """Return the language of a query that the encoder does not read; empty where it reads the query."""
        return foreign_language(text) if self._english_alone else ""

    def _look_up(self, text: str) -> tuple[NDArray[np.float32], str]:
        check_text(text, "the query")
        with self._lock:
            return self._remembered(text)

    def _encode(self, text: str) -> tuple[NDArray[np.float32], str]:
        values = self._encoder.encode([text])[0].astype(np.float16).astype(np.float32)
        values.flags.writeable = False
        limit = limit_of(self._encoder)
        return values, str(limit) if limit is not None and limit.exceeded([text])[0] else ""


def read_of(encoder: QueryEncoder, text: str, rows: NDArray[np.float32], max_rows: int) -> str:
    """Say what a model reads of a query that is cut, by its encoder or by itself; empty where all is read.

    Args:
        encoder: of the query.
        text: the query.
        rows: (rows, D) its features.
        max_rows: the model reads so many rows.
    """
    return f"{max_rows:,} tokens" if len(rows) > max_rows else encoder.cut(text)


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
