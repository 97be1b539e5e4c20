"""all-MiniLM-L6-v2: a small sentence transformer."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from teachtext.devices import AUTO
from teachtext.encoders.text.minilm_queries import minilm_folder, minilm_settings
from teachtext.encoders.text.pooling import MAX_POOLED_TOKENS, masked_mean
from teachtext.encoders.text.transformer import Transformer


class MiniLM:
    """MiniLM (Wang et al., NeurIPS 2020), trained for sentences (Reimers and Gurevych, Sentence-BERT, EMNLP 2019).

    Args:
        output: `pooled` = the sentence vector, (1, 384) of unit length; `tokens` = last hidden states, (tokens, 384).
        threads: CPU threads.
        device: where the network computes (see `teachtext.devices`).
        max_tokens: rows of `tokens`, at most, [CLS] and [SEP] included.

    Attributes:
        transformer: the model and its tokenizer, to be exported.
    """

    def __init__(
        self,
        *,
        output: Literal["pooled", "tokens"] = "pooled",
        threads: int = 1,
        device: str = AUTO,
        max_tokens: int = 64,
    ) -> None:
        self.dim = 384
        self.tokens = output == "tokens"
        kept = max_tokens if self.tokens else MAX_POOLED_TOKENS
        self.settings: Mapping[str, Any] = minilm_settings(output, kept)
        self.transformer = Transformer(minilm_folder(), max_tokens=kept, threads=threads, device=device)
        self.notes, self.limit = self.transformer.notes, self.transformer.limit

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions; see `TextEncoder.encode`."""
        hidden = self.transformer.hidden(texts)
        return hidden if self.tokens else masked_mean(hidden, normalise=True)
