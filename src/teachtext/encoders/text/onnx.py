"""A transformers text encoder that was exported to ONNX: needs neither torch nor transformers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit
from teachtext.encoders.computing import open_session
from teachtext.encoders.text_side_files import ENCODER, EXPORT_AGAIN, TOKENIZER
from teachtext.errors import InputError

_PROBE = "a dog runs after a ball on the beach"


class OnnxEncoder:
    """Last hidden states, or their mean at unit length.

    Args:
        folder: holds `encoder.onnx` and `tokenizer.json`.
        pooled: give the mean, (1, D), and not the states, (tokens, D).
        max_tokens: texts are cut after so many tokens, special ones included.
        threads: CPU threads.
        device: where the network computes (see `teachtext.devices`).

    Raises:
        InputError: a file is missing or is not what it should be.
    """

    def __init__(self, folder: Path, *, pooled: bool, max_tokens: int, threads: int = 1, device: str = AUTO) -> None:
        self._tokenizer = open_tokenizer(folder)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._session, self.notes = open_session(
            folder / ENCODER, threads=threads, device=device, probe=self._inputs(_PROBE)
        )
        self.dim = int(self._session.get_outputs()[0].shape[-1])
        self.tokens = not pooled
        self.limit = Limit(max_tokens, "tokens", self._lengths)
        self.settings: Mapping[str, Any] = {"folder": str(folder), "pooled": pooled, "max_tokens": max_tokens}

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions one by one; see `TextEncoder.encode`."""
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> NDArray[np.float32]:
        states: NDArray[np.float32] = self._session.run(None, self._inputs(text))[0][0]
        if self.tokens:
            return states
        mean = states.mean(axis=0, keepdims=True)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer.encode_batch(list(texts))
        return [len(text.ids) + len(text.overflowing) for text in encoded]

    def _inputs(self, text: str) -> dict[str, NDArray[np.int64]]:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def open_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of an exported text side.

    Raises:
        InputError: the file is missing, or is no tokenizer.
    """
    path = folder / TOKENIZER
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:
        # the tokenizers library raises nothing more precise
        raise InputError(f"{path} is not a tokenizer ({error})", EXPORT_AGAIN) from error
