"""One contract for every store."""

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from entries import ODD, SPACES, fill, filters, heard, make_entry, make_query, same, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teachtext.encoders.embedder import QueryVectors
from teachtext.errors import InputError, Unavailable
from teachtext.search.filters import Filter
from teachtext.search.gallery import Gallery
from teachtext.search.ranking import nearly_top
from teachtext.search.stores import open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import SUBTITLES, Entry
from teachtext.search.vectors import query_row, row_of


def test_a_manifest_that_is_written_again_has_another_version(store: Store):
    fill(store, [make_entry("a")])
    before = store.state()
    assert store.state() == before
    store.write_manifest({"spaces": SPACES, "note": "another"})
    after = store.state()
    assert after.manifest != before.manifest and after.versions == before.versions


def test_a_folder_may_be_a_path(tmp_path: Path):
    pytest.importorskip("lancedb")
    open_store(tmp_path / "index").write_manifest({"spaces": SPACES})
    assert open_store(str(tmp_path / "index")).manifest() == {"spaces": SPACES}


def test_nothing_is_there_before_it_is_made(place: str):
    store = open_store(place)
    assert store.manifest() is None
    assert store.count() == 0


def test_entries_come_back_whole_and_survive_a_restart(store: Store):
    entries = [
        make_entry("a", duration_s=3.5, tags=("dog", "it's"), moments=(heard("hello"), heard("world", 9, "ocr"))),
        make_entry("b", ["scene"], bias=0.25),
        make_entry(
            "c", ["audio", "scene"], about={"title": "Tag", "artist": "é"}, moments=(heard("hi", 1, SUBTITLES),)
        ),
        *(make_entry(name, ["audio", "scene"]) for name in ODD),
    ]
    fill(store, entries)
    again = open_store(store.place)
    assert again.manifest() == {"spaces": SPACES, "note": "é 'quoted'"}
    assert again.count() == len(entries)
    stored = again.get([*(entry.item.id for entry in entries), "nobody"])
    assert stored.keys() == {entry.item.id for entry in entries}
    assert all(same(stored[entry.item.id], entry) for entry in entries)
    listed = {item.id: item for item in again.catalog()}
    assert listed.keys() == stored.keys() and listed["a"].tags == ("dog", "it's") and listed["a"].moments == ()
    assert listed["c"].about == {} and stored["c"].item.about == {"title": "Tag", "artist": "é"}
    assert set(again.versions()) == {("audio", "face", "scene"), ("scene",), ("audio", "scene")}
    rows = [row for block in again.read(("scene",)) for row in block.rows]
    assert len(rows) == 1 and np.array_equal(rows[0], row_of(entries[1].segments[0], SPACES))


def test_an_update_replaces_and_a_removal_removes(store: Store):
    fill(store, [make_entry("a"), make_entry("b", ["scene"]), make_entry("it's")])
    before = dict(store.versions())
    changed = make_entry("a", seed=7, content="c1")
    moved = make_entry("b", ["audio", "face"], content="c1")
    with store.writing():
        store.put([changed, moved])
        store.remove(["it's", "nobody"])
    assert store.count() == 2
    stored = store.get(["a", "b", "it's"])
    assert same(stored["a"], changed) and same(stored["b"], moved) and len(stored) == 2
    assert not [block for block in store.read(("scene",)) if block.ids], "it is in its new pattern alone"
    after = dict(store.versions())
    assert all(after[pattern] != version for pattern, version in before.items()), "readers are told of every change"


def test_one_writer_at_a_time_and_readers_meanwhile(store: Store):
    fill(store, [make_entry("a")])
    other = open_store(store.place)
    with store.writing():
        store.put([make_entry("b")])
        with pytest.raises(InputError, match="writing to"), other.writing():
            pass
        assert other.get(["a"]).keys() == {"a"}
    with other.writing():
        other.put([make_entry("c")])
    assert store.get(["a", "b", "c"]).keys() == {"a", "b", "c"}


def test_what_a_killed_writer_left_in_two_patterns_is_mended(store: Store, monkeypatch: pytest.MonkeyPatch):
    fill(store, [make_entry("a", content="old"), make_entry("b")])
    new = make_entry("a", ["scene"], content="new")

    def stop(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    if store.place.startswith("milvus"):
        from pymilvus import MilvusClient as Writer
    else:
        from lancedb.table import LanceTable as Writer
    # a writer writes an entry to its new pattern, and is killed before it removes the entry from its old one
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "delete", stop)
        with pytest.raises(Unavailable, match="killed"), store.writing():
            store.put([new])
    assert same(store.get(["a"])["a"], new)
    assert [hit.id for hit in Gallery(store, SPACES).top(make_query(0), 9)].count("a") == 1
    with store.writing():
        pass
    assert store.count() == 2 and same(store.get(["a"])["a"], new)


def gallery_of(store: Store, count: int) -> list[Entry]:
    patterns = [["audio", "face", "scene"], ["audio", "scene"], ["scene"], ["face"]]
    entries = [
        make_entry(
            f"v{number:03}",
            patterns[number % 4],
            seed=number,
            bias=0.2 * math.sin(number),
            duration_s=None if number % 5 == 0 else float(number),
            added_s=1e9 + number,
            tags=[(), ("dog",), ("it's",), ("dog", "it's")][number % 4 if number % 3 else 0],
            moments=(heard("word"),) if number % 7 == 0 else (),
        )
        for number in range(count)
    ]
    fill(store, entries)
    return entries


def scores(entry: Entry, seed: int, correct: bool) -> float:
    """The greatest score of a segment."""
    rows = [query_row(make_query(seed), segment.pattern, SPACES, correct=correct) for segment in entry.segments]
    pairs = zip(rows, entry.segments, strict=True)
    return max(float(row @ row_of(segment, SPACES).astype(np.float64)) for row, segment in pairs)


@pytest.mark.parametrize("correct", [False, True])
def test_what_it_proposes_and_what_the_gallery_holds_is_what_brute_force_finds(store: Store, correct: bool):
    entries = gallery_of(store, 120)
    gallery = Gallery(store, SPACES)
    for seed in range(5):
        ranked = sorted(entries, key=lambda entry: (-round(scores(entry, seed, correct), 9), entry.item.id))
        expected = [entry.item.id for entry in ranked]
        for k in (1, 10, 120, 1000):
            assert [hit.id for hit in gallery.top(make_query(seed), k, correct=correct)] == expected[:k]
        near = nearly_top(store, SPACES, make_query(seed), 10, correct=correct)
        assert [hit.id for hit in near] == expected[:10]
        assert [hit.score for hit in near] == [hit.score for hit in gallery.top(make_query(seed), 10, correct=correct)]


def test_filters_apply_before_the_best_are_taken(store: Store):
    entries = gallery_of(store, 120)
    gallery = Gallery(store, SPACES)

    # a server takes its time
    examples = 8 if store.place.startswith("milvus") else 40

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(where=filters([f"v{n:03}" for n in range(0, 120, 3)]), seed=st.integers(0, 99))
    def check(where: Filter, seed: int) -> None:
        through = [entry for entry in entries if where.admits(entry.item)]
        ranked = sorted(through, key=lambda entry: (-round(scores(entry, seed, False), 9), entry.item.id))
        expected = [entry.item.id for entry in ranked[:5]]
        assert [hit.id for hit in gallery.top(make_query(seed), 5, where=where)] == expected
        assert [hit.id for hit in nearly_top(store, SPACES, make_query(seed), 5, where=where)] == expected

    check()


@pytest.mark.parametrize("url", ["milvus://127.0.0.1:9/videos", "milvus://127.0.0.1/a b", "http://127.0.0.1/x"])
def test_a_store_that_is_down_is_reported_in_one_sentence(url: str):
    if url.startswith("milvus"):
        pytest.importorskip("pymilvus")
    with pytest.raises(InputError) as raised:
        open_store(url)
    assert url in str(raised.value) and "\n" not in str(raised.value)


def test_a_table_whose_maker_was_killed_is_no_obstacle(tmp_path: Path):
    pytest.importorskip("lancedb")
    store = open_store(str(tmp_path / "index"))
    store.write_manifest({"spaces": SPACES})
    fill(store, [make_entry("a")])
    # the folder of a table comes before its first version
    half = tmp_path / "index" / "vectors" / "pattern_4.lance" / "data"
    half.mkdir(parents=True)
    (half / "half.lance").write_bytes(b"half of it")
    again = open_store(store.place)
    assert again.count() == 1 and set(again.versions()) == {("audio", "face", "scene")}
    fill(again, [make_entry("b", ["scene"])])
    assert open_store(store.place).get(["a", "b"]).keys() == {"a", "b"}


def test_a_folder_does_not_grow_with_every_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("lancedb")
    from teachtext.search.stores import lance

    # nobody reads meanwhile
    monkeypatch.setattr(lance, "_KEEP", timedelta(0))
    store = open_store(str(tmp_path / "index"))
    store.write_manifest({"spaces": SPACES})
    sizes = []
    for turn in range(12):
        fill(store, [make_entry(f"v{number}", seed=number + turn) for number in range(300)])
        files = [path for path in (tmp_path / "index").rglob("*") if path.is_file()]
        sizes.append((len(files), sum(path.stat().st_size for path in files)))
    assert sizes[-1][0] <= sizes[1][0] + 2 and sizes[-1][1] < 1.5 * sizes[1][1], sizes


@pytest.mark.slow
def test_a_large_table_gets_a_vector_index_that_finds_nearly_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lancedb = pytest.importorskip("lancedb")
    from teachtext.search.stores import lance

    monkeypatch.setattr(lance, "_INDEXED_FROM", 3000)
    monkeypatch.setattr(lance, "_TABLE_FROM", 1000)
    store = open_store(str(tmp_path / "index"))
    spaces = {"audio": 32, "face": 32, "scene": 64}
    store.write_manifest({"spaces": spaces})
    random = np.random.default_rng(0)
    centres = {space: random.standard_normal((40, dim)) for space, dim in spaces.items()}

    def entry(number: int) -> Entry:
        centre = number % 40
        vectors = {
            space: centre_vectors[centre] + random.standard_normal(centre_vectors.shape[1])
            for space, centre_vectors in centres.items()
            if space == "scene" or number % 3
        }
        return Entry.of_clip(make_entry(f"v{number}").item, {name: unit(vector) for name, vector in vectors.items()})

    fill(store, [entry(number) for number in range(4000)])
    database = lancedb.connect(tmp_path / "index" / "vectors")
    tables = [database.open_table(path.stem) for path in (tmp_path / "index" / "vectors").glob("*.lance")]
    assert "IvfRq" in {index.index_type for table in tables for index in table.list_indices()}
    gallery = Gallery(store, spaces)
    fill(store, [entry(number) for number in range(4000, 4200)])
    agreeing = 0
    for number in range(50):
        query = QueryVectors({space: unit(centres[space][number % 40]) for space in spaces}, np.full(3, 1 / 3, "f4"))
        expected = {hit.id for hit in gallery.top(query, 10)}
        agreeing += len(expected & {hit.id for hit in nearly_top(store, spaces, query, 10)})
        assert len(nearly_top(store, spaces, query, 10, where=Filter(ids=["v4100", "v3"]))) == 2
    assert agreeing / 500 >= 0.98
