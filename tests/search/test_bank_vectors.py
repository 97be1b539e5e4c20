"""The embedded captions of a query bank are made once, and made again where they are damaged or of something else."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from entries import make_query

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.bank_vectors import embed_captions

CAPTIONS = [f"caption {number}" for number in range(300)]


class Counted:
    """An embedder of numbers in captions, which counts the captions."""

    def __init__(self, name: str = "one") -> None:
        self.identity = {"kind": "counted", "name": name, "fingerprint": name}
        self.count = 0

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        self.count += len(texts)
        return [self._query(int(text.split()[1])) for text in texts]

    def _query(self, number: int) -> QueryVectors:
        query = make_query(number)
        return QueryVectors(query.vectors, query.weights, "3 tokens" if number == 7 else "")


def equal(first: Sequence[QueryVectors], second: Sequence[QueryVectors]) -> bool:
    return len(first) == len(second) and all(
        ours.read == theirs.read
        and np.array_equal(ours.weights, theirs.weights)
        and ours.vectors.keys() == theirs.vectors.keys()
        and all(np.array_equal(ours.vectors[name], theirs.vectors[name]) for name in ours.vectors)
        for ours, theirs in zip(first, second, strict=True)
    )


def test_captions_are_embedded_once(tmp_path: Path):
    model, steps = Counted(), []
    first = embed_captions(CAPTIONS, model, tmp_path, lambda *step: steps.append(step))
    assert model.count == 300 and steps[0][1:3] == (0, 300) and steps[-1][1:3] == (300, 300)
    again = embed_captions(CAPTIONS, model, tmp_path)
    assert model.count == 300 and equal(first, again)
    assert again[7].read == "3 tokens" and again[8].read == ""


def test_another_model_or_another_caption_is_another_file_and_the_old_one_goes(tmp_path: Path):
    embed_captions(CAPTIONS, Counted(), tmp_path)
    for model, captions in ((Counted("other"), CAPTIONS), (Counted("other"), CAPTIONS[:-1])):
        embed_captions(captions, model, tmp_path)
        assert model.count == len(captions)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"\xff" * 99])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage):
    model = Counted()
    first = embed_captions(CAPTIONS, model, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert equal(first, embed_captions(CAPTIONS, model, tmp_path)) and model.count == 600
    embed_captions(CAPTIONS, model, tmp_path)
    assert model.count == 600


def test_a_folder_that_cannot_be_written_to_holds_none(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    model = Counted()
    assert len(embed_captions(CAPTIONS, model, tmp_path / "file")) == 300
    assert len(embed_captions(CAPTIONS, model, tmp_path / "file")) == 300 and model.count == 600
