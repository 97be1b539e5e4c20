from pathlib import Path

import numpy as np
import pytest
from entries import SPACES, make_entry, make_query

pytest.importorskip("lancedb")
from teachtext.errors import InputError
from teachtext.evaluation.query_bank import QueryBank
from teachtext.search.hubness import EmbeddedBank, read_captions
from teachtext.search.stores import open_store
from teachtext.search.vectors import contributions, row_of

PATTERNS = [("audio", "face", "scene"), ("scene",), ("audio", "face")]


def test_biases_rank_as_the_inverted_softmax_does():
    """Against its definition, exp(beta s_qj) / sum_b exp(beta s_bj), over videos of several patterns."""
    entries = [make_entry(str(number), PATTERNS[number % 3], seed=number) for number in range(40)]
    captions, beta = [make_query(seed) for seed in range(100, 130)], 20.0
    bank = EmbeddedBank(captions, SPACES, beta=beta)
    query = make_query(7, (0.6, 0.1, 0.3))
    score = lambda asked, entry: sum(contributions(asked, entry.vectors).values())  # noqa: E731
    normalised = [
        np.exp(beta * score(query, entry)) / sum(np.exp(beta * score(one, entry)) for one in captions)
        for entry in entries
    ]
    biases = [bank.biases(entry.pattern, row_of(entry, SPACES)[None])[0] for entry in entries]
    corrected = [score(query, entry) + bias for entry, bias in zip(entries, biases, strict=True)]
    assert np.array_equal(np.argsort(corrected), np.argsort(normalised))
    assert np.allclose(np.log(normalised) / beta + np.log(len(captions)) / beta, corrected, atol=1e-6)


def test_an_index_and_a_matrix_have_the_same_biases():
    """Up to a constant, which ranks the videos of a query the same."""
    entries = [make_entry(str(number), ("scene",), seed=number) for number in range(12)]
    bank = EmbeddedBank([make_query(seed) for seed in range(100, 120)], SPACES, beta=20.0)
    rows = np.stack([row_of(entry, SPACES) for entry in entries])
    of_index = bank.biases(("scene",), rows)
    of_matrix = QueryBank.of(bank.scores(("scene",), rows).astype(np.float64), [20.0]).bias(np.zeros((1, 12)), 20.0)
    assert np.allclose(of_index - of_index.mean(), -of_matrix, atol=1e-6)


def test_hubs_are_what_comes_first_for_some_caption(tmp_path: Path):
    entries = [make_entry(f"v{number}", PATTERNS[number % 3], seed=number) for number in range(40)]
    store = open_store(str(tmp_path))
    store.write_manifest({"spaces": SPACES})
    with store.writing():
        store.put(entries)
    captions = [make_query(seed) for seed in range(25)]
    wanted = {
        max(entries, key=lambda entry: sum(contributions(one, entry.vectors).values())).item.id for one in captions
    }
    assert EmbeddedBank(captions, SPACES).hubs(store) == sorted(wanted)


def test_no_caption_is_told(tmp_path: Path):
    file = tmp_path / "bank.txt"
    with pytest.raises(InputError, match=r"bank\.txt"):
        read_captions(file)
    file.write_text("\n  \n")
    with pytest.raises(InputError, match="no captions"):
        read_captions(file)
    file.write_text("a\r\n b \n")
    assert read_captions(file) == ["a", "b"]
