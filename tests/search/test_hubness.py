from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from entries import SPACES, make_entry, make_film, make_query

pytest.importorskip("lancedb")
from teachtext.data.kept_captions import KeptCaption, KeptCaptions, save_captions
from teachtext.errors import InputError
from teachtext.evaluation.query_bank import QueryBank
from teachtext.search.hubness import EmbeddedBank, choose_bank, read_captions
from teachtext.search.manifest import Manifest
from teachtext.search.stores import open_store
from teachtext.search.vectors import contributions, row_of

PATTERNS = [("audio", "face", "scene"), ("scene",), ("audio", "face")]


def test_biases_rank_as_the_inverted_softmax_does():
    """Against its definition, exp(beta s_qj) / sum_b exp(beta s_bj), over videos of several patterns."""
    entries = [make_entry(str(number), PATTERNS[number % 3], seed=number) for number in range(40)]
    captions, beta = [make_query(seed) for seed in range(100, 130)], 20.0
    bank = EmbeddedBank(captions, SPACES, beta=beta)
    query = make_query(7, (0.6, 0.1, 0.3))
    score = lambda asked, entry: sum(contributions(asked, entry.segments[0].vectors).values())  # noqa: E731
    normalised = [
        np.exp(beta * score(query, entry)) / sum(np.exp(beta * score(one, entry)) for one in captions)
        for entry in entries
    ]
    biases = [bank.biases(entry.spaces, row_of(entry.segments[0], SPACES)[None])[0] for entry in entries]
    corrected = [score(query, entry) + bias for entry, bias in zip(entries, biases, strict=True)]
    assert np.array_equal(np.argsort(corrected), np.argsort(normalised))
    assert np.allclose(np.log(normalised) / beta + np.log(len(captions)) / beta, corrected, atol=1e-6)


def test_an_index_and_a_matrix_have_the_same_biases():
    """Up to a constant, which ranks the videos of a query the same."""
    entries = [make_entry(str(number), ("scene",), seed=number) for number in range(12)]
    bank = EmbeddedBank([make_query(seed) for seed in range(100, 120)], SPACES, beta=20.0)
    rows = np.stack([row_of(entry.segments[0], SPACES) for entry in entries])
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
    score = lambda asked, entry: sum(contributions(asked, entry.segments[0].vectors).values())  # noqa: E731
    wanted = {max(entries, key=lambda entry: score(one, entry)).item.id for one in captions}
    assert EmbeddedBank(captions, SPACES).hubs(store) == sorted(wanted)


def test_only_some_videos_may_come_first(tmp_path: Path):
    store = open_store(str(tmp_path))
    store.write_manifest({"spaces": SPACES})
    with store.writing():
        store.put([make_entry(f"v{number}", PATTERNS[number % 3], seed=number) for number in range(40)])
        store.put([make_film("film", [("audio",), ("scene",)], seed=7)])
    bank = EmbeddedBank([make_query(seed) for seed in range(25)], SPACES)
    best, first = bank.first(store)
    again, first_again = bank.first(store, [*sorted({*first}), "film", "nobody"])
    assert first_again == first and np.allclose(again, best, atol=1e-6)
    lower, others = bank.first(store, ["v1", "v2"])
    assert {*others} <= {"v1", "v2"} and (lower <= best + 1e-6).all() and (lower < best - 1e-3).any()


def test_a_film_is_a_hub_by_one_of_its_segments(tmp_path: Path):
    patterns = [[PATTERNS[n % 3] for n in range(1 + number % 4)] for number in range(30)]
    films = [make_film(f"v{number}", of_film, seed=number) for number, of_film in enumerate(patterns)]
    store = open_store(str(tmp_path))
    store.write_manifest({"spaces": SPACES})
    with store.writing():
        store.put(films)
    captions = [make_query(seed) for seed in range(25)]
    segments = [(film.item.id, segment) for film in films for segment in film.segments]
    first = [
        max(segments, key=lambda pair: sum(contributions(caption, pair[1].vectors).values()))[0] for caption in captions
    ]
    assert EmbeddedBank(captions, SPACES).hubs(store) == sorted(set(first))


def test_no_caption_is_told(tmp_path: Path):
    file = tmp_path / "bank.txt"
    with pytest.raises(InputError, match=r"bank\.txt"):
        read_captions(file)
    file.write_text("\n  \n")
    with pytest.raises(InputError, match="no captions"):
        read_captions(file)
    file.write_text("a\r\n b \n")
    assert read_captions(file) == ["a", "b"]
    assert read_captions(file.rename(tmp_path / "bank.json")) == ["a", "b"]
    keep(tmp_path, "of a model")
    assert read_captions(tmp_path / "captions.json") == ["of a model"]


def trained(folder: Path, **identity: Any) -> Any:
    return SimpleNamespace(identity={"kind": "trained", "name": "m", "folder": str(folder), **identity})


def manifest(bank: Any = None) -> Manifest:
    return Manifest(model={}, spaces=SPACES, experts=[], bank=bank)


def keep(folder: Path, *texts: str) -> None:
    save_captions(folder, KeptCaptions(dataset="toy", training=[KeptCaption("a", text) for text in texts]))


def test_a_new_index_takes_the_captions_of_its_model(tmp_path: Path):
    keep(tmp_path, "a dog", "a cat")
    bank, notes = choose_bank(None, trained(tmp_path))
    assert bank is not None and bank.of_model and read_captions(Path(bank.file)) == ["a dog", "a cat"]
    assert len(notes) == 1 and "2 captions of the training of 'm'" in notes[0]
    same, notes = choose_bank(manifest(bank), trained(tmp_path))
    assert (same, notes) == (bank, [])
    keep(tmp_path, "another")
    with pytest.raises(InputError, match="has changed"):
        choose_bank(manifest(bank), trained(tmp_path))


def test_an_index_of_an_earlier_version_stays_without_correction(tmp_path: Path):
    keep(tmp_path, "a dog")
    assert choose_bank(manifest(), trained(tmp_path)) == (None, [])
    bank, _ = choose_bank(manifest(), trained(tmp_path), correct=True)
    assert bank is not None and bank.of_model


def test_a_model_without_captions_is_named_and_used(tmp_path: Path):
    bank, notes = choose_bank(None, trained(tmp_path))
    assert bank is None and len(notes) == 1
    assert "model 'm' keeps no captions of its training, so hubs are not corrected" in notes[0]
    with pytest.raises(InputError, match="keeps no captions of its training, and hubs are to be corrected"):
        choose_bank(None, trained(tmp_path), correct=True)
    keep(tmp_path)
    assert choose_bank(None, trained(tmp_path))[0] is None, "a file without captions is like no file"
    zero_shot: Any = SimpleNamespace(identity={"kind": "classnames", "name": "classnames"})
    assert choose_bank(None, zero_shot) == (None, []), "it was not trained"


def test_a_file_comes_before_the_captions_of_the_model(tmp_path: Path):
    keep(tmp_path, "a dog")
    own, _ = choose_bank(None, trained(tmp_path))
    file = tmp_path / "bank.txt"
    file.write_text("a boat\n")
    bank, _ = choose_bank(manifest(own), trained(tmp_path), file=file)
    assert bank is not None and not bank.of_model and bank.file == str(file)
    assert choose_bank(manifest(bank), trained(tmp_path))[0] == bank, "it stays"
    assert choose_bank(manifest(bank), trained(tmp_path), correct=False) == (None, [])
    with pytest.raises(InputError, match="hub correction is off"):
        choose_bank(manifest(own), trained(tmp_path), file=file, correct=False)
