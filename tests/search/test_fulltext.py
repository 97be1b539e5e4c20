import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from entries import SPACES, heard, make_entry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("lancedb")
from teachtext.search.fulltext import FullTextIndex
from teachtext.search.stores import open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import Item, Moment


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(str(tmp_path / "index"))
    made.write_manifest({"spaces": SPACES})
    return made


def put(store: Store, **said: list[Moment]) -> None:
    with store.writing():
        store.put([make_entry(name, moments=tuple(moments), made=str(moments)) for name, moments in said.items()])


def test_all_words_of_a_query_in_all_their_forms_anywhere_in_a_video(store: Store):
    put(
        store,
        a=[heard("The dogs were running"), heard("after a BALL", 5, "ocr")],
        b=[heard("a dog sleeps")],
        c=[heard("Café Zürich")],
        d=[],
    )
    words = FullTextIndex(store, None)
    assert words.find("a dog runs after the ball") == ["a"]
    assert sorted(words.find("dog")) == ["a", "b"]
    assert words.find("cafe zurich") == ["c"]
    assert words.find("dog cat") == []
    assert words.find("the of a") == [], "nothing holds these three"
    matches_by_id = words.matches("the dog after a ball", ["a", "d", "nobody"])
    assert matches_by_id.keys() == {"a"}
    assert matches_by_id["a"].words == ["dogs", "after", "BALL"] and matches_by_id["a"].moments == [0, 1]


def test_quoted_words_follow_one_another(store: Store):
    put(store, a=[heard("credit card fraud")], b=[heard("card of credit")])
    words = FullTextIndex(store, None)
    assert sorted(words.find("credit card")) == ["a", "b"]
    assert words.find('"credit card"') == ["a"]
    assert words.matches('"credit card"', ["a"])["a"].words == ["credit card"]


def test_the_better_match_comes_first_and_ties_go_by_id(store: Store):
    put(store, b=[heard("tomato")], a=[heard("tomato")], c=[heard("tomato soup and many more words than that")])
    assert FullTextIndex(store, None).find("tomato") == ["a", "b", "c"]


def test_it_follows_the_store_over_restarts(store: Store, tmp_path: Path):
    path = tmp_path / "index" / "words.sqlite"
    put(store, a=[heard("old words")], b=[heard("stay")])
    words = FullTextIndex(store, path)
    assert words.find("old") == ["a"]
    put(store, a=[heard("new words")], c=[heard("old too")])
    with store.writing():
        store.remove(["b"])
    for index in (words, FullTextIndex(store, path), FullTextIndex(store, None)):
        assert index.find("new") == ["a"] and index.find("old") == ["c"] and index.find("stay") == []


def test_a_search_does_not_wait_while_another_brings_the_index_up_to_date(store: Store):
    put(store, a=[heard("old words")])
    words = FullTextIndex(store, None)
    assert words.find("old") == ["a"]
    put(store, b=[heard("old too")])
    reading, go_on, plain = threading.Event(), threading.Event(), store.catalog

    def slow() -> Iterator[Item]:
        reading.set()
        assert go_on.wait(60)
        return plain()

    store.catalog = slow
    with ThreadPoolExecutor(1) as pool:
        updated = pool.submit(words.find, "old")
        assert reading.wait(60)
        assert words.find("old") == ["a"], "the older state, at once"
        go_on.set()
        assert sorted(updated.result(60)) == ["a", "b"]
    assert sorted(words.find("old")) == ["a", "b"]


def test_a_damaged_or_unwritable_file_costs_nothing(store: Store, tmp_path: Path):
    put(store, a=[heard("hello")])
    path = tmp_path / "words.sqlite"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    assert FullTextIndex(store, path).find("hello") == ["a"]
    (tmp_path / "file").touch()
    assert FullTextIndex(store, tmp_path / "file" / "words.sqlite").find("hello") == ["a"]


def test_no_query_is_an_error(store: Store):
    put(store, a=[heard('say "hi" OR NEAR(x) AND * it\'s')], b=[heard("x\x00y\n\x02z")])
    words = FullTextIndex(store, None)
    assert words.find('NEAR("hi" x') == ["a"]

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text() | st.text(alphabet="\"*()^:-+{} ANDORNEAT\x00'", max_size=30))
    def check(text: str) -> None:
        words.matches(text, words.find(text))

    check()
    assert words.find("word " * 10_000 + " ".join(map(str, range(10_000)))) == []
    assert words.find("😀 🎉") == []
