"""A text encoder for queries: kept warm, one text at a time, with the same features that `embed` stores."""

from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import TextEncoder
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError


class QueryEncoder:
    """One query in, its features out. May be shared by threads: they take turns.

    Args:
        encoder: the spec of a text encoder, or an encoder.
        threads: CPU threads of an encoder that is built here. One thread is fastest for one query on a busy machine.
        device: where an encoder that is built here computes (see `teachtext.devices`).
        remember: how many recent queries are kept encoded.

    Attributes:
        dim: D.

    Raises:
        InputError: see `build_text_encoder`.
    """

    def __init__(
        self, encoder: str | TextEncoder, *, threads: int = 1, device: str = AUTO, remember: int = 256
    ) -> None:
        if isinstance(encoder, str):
            encoder = build_text_encoder(encoder, threads=threads, device=device)
        self._encoder = encoder
        self._lock = Lock()
        self._remembered = lru_cache(maxsize=remember)(self._encode)
        self.dim = self._encoder.dim
        # the first call is slow, so it is made now
        self._encode("a query")

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return the features of a query, (rows, D), read-only, rounded as the feature store rounds them.

        Raises:
            InputError: the query is empty, or holds half a character.
        """
        check_text(text, "the query")
        with self._lock:
            return self._remembered(text)

    def _encode(self, text: str) -> NDArray[np.float32]:
        values = self._encoder.encode([text])[0].astype(np.float16).astype(np.float32)
        values.flags.writeable = False
        return values


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
