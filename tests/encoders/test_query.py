import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from teachtext.data.protocol import Caption
from teachtext.data.store import FeatureFile
from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import build_text_encoder
from teachtext.errors import InputError
from teachtext.extraction.embed import embed

pytestmark = pytest.mark.slow

TEXTS = ["a dog runs", "a cat sleeps on the red sofa", "zwei M\u00e4nner spielen Schach"]


class Counting:
    """A real encoder that remembers what it was asked."""

    def __init__(self, spec: str) -> None:
        self.real = build_text_encoder(spec)
        self.dim, self.tokens, self.settings = self.real.dim, self.real.tokens, self.real.settings
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        self.asked.extend(texts)
        return self.real.encode(texts)


@pytest.mark.parametrize("spec", ["glove", "wordllama", "use", "e5"])
def test_a_query_has_the_features_that_embed_stores(spec: str, tmp_path: Path):
    embed([Caption(text, "v", text) for text in TEXTS], [spec], tmp_path)
    file, query = FeatureFile(tmp_path / spec), QueryEncoder(spec)
    for text in TEXTS:
        rows = query.encode(text)
        assert rows.dtype == np.float32 and rows.shape[1] == query.dim
        # encoded alone here, in a batch there: the last bit of a float16 may differ
        assert np.allclose(rows, file.read(text), rtol=2**-10, atol=1e-6)


def test_the_last_queries_are_remembered():
    counting = Counting("glove")
    query = QueryEncoder(counting, remember=2)
    counting.asked.clear()
    for text in ("a", "b", "a", "c", "a", "b"):
        assert np.array_equal(query.encode(text), query.encode(text))
    assert counting.asked == ["a", "b", "c", "b"]
    with pytest.raises(ValueError, match="read-only"):
        query.encode("a")[0, 0] = 1


def test_threads_may_share_it():
    query, expected = QueryEncoder("use", remember=0), QueryEncoder("use")
    wrong: list[str] = []

    def ask(text: str) -> None:
        wrong.extend(text for _ in range(10) if not np.array_equal(query.encode(text), expected.encode(text)))

    threads = [threading.Thread(target=ask, args=(text,)) for text in TEXTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    ("text", "message"), [(" \n", "the query is empty"), ("\ud83d", "the query holds half a character")]
)
def test_a_query_that_cannot_be_encoded_is_told(text: str, message: str):
    with pytest.raises(InputError, match=message):
        QueryEncoder("glove").encode(text)


def test_encoders_without_torch_answer_without_torch():
    program = (
        "import sys; from teachtext.encoders.query import QueryEncoder\n"
        "for spec in ('glove', 'wordllama', 'use', 'e5'): assert QueryEncoder(spec).encode('a dog').any()\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
