"""WordLlama: sub-word vectors distilled from a language model's input table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from teachtext.devices import AUTO
from teachtext.encoders.text.packaged import locate, weights_settings

_WEIGHTS = "wordllama"
_TABLE = "wordllama/weights/l2_supercat_256.safetensors"
_TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"


class WordLlama:
    """WordLlama l2_supercat (Miller, 2024): the mean of a text's sub-word vectors, (1, 256).

    Only the package's two files are read: importing it would set up the root logger, its loader looks for its
    tokenizer in the network, and its batches are padded to their longest text.

    Args:
        threads: as every encoder takes it; looking tokens up needs no more than one.
        device: as every encoder takes it; looking tokens up needs none.
    """

    def __init__(self, *, threads: int = 1, device: str = AUTO) -> None:
        table, tokenizer = locate(_WEIGHTS, _TABLE), locate(_WEIGHTS, _TOKENIZER)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._table: NDArray[np.float32] = load_file(table)["embedding.weight"].astype(np.float32)
        self.dim = int(self._table.shape[1])
        self.tokens = False
        self.settings: Mapping[str, Any] = {**weights_settings(_WEIGHTS, [table, tokenizer]), "pooling": "mean"}

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> NDArray[np.float32]:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        # ids beyond the table belong to no word; the package reads its last row for them too
        rows = self._table[np.minimum(ids, len(self._table) - 1)] if ids else np.zeros((1, self.dim), np.float32)
        return np.asarray(rows.mean(axis=0, keepdims=True))
