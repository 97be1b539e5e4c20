import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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


def test_words_of_file_names_are_found(store: Store):
    put(
        store,
        **{
            "trips/2019 Tenerife/birthday-anna.mp4": [],
            "trips/IMG_beachWalk2020.mov": [heard("a birthday")],
            "trips/cafe\u0301.mp4": [],
            "birthday/c.mp4": [],
        },
    )
    words = FullTextIndex(store, None)
    party, walk = "trips/2019 Tenerife/birthday-anna.mp4", "trips/IMG_beachWalk2020.mov"
    for query in ("birthday-anna.mp4", "Birthday Anna", "birthdays of anna", "tenerife 2019", '"birthday anna"'):
        assert words.find(query) == [party], query
    assert sorted(words.find("birthday")) == sorted([party, walk]), "the name of the indexed folder does not count"
    for query in ("IMG_beachWalk2020.mov", "img", "beach walk", "walk 2020", "beachwalk2020", "beach birthday"):
        assert words.find(query) == [walk], query
    assert words.find("caf\u00e9") == ["trips/cafe\u0301.mp4"]
    assert words.find("trips") == [] and words.find("anna beach") == []
    matches = words.matches("birthday", [party, walk])
    assert matches[party].words == ["birthday"] and matches[party].moments == []
    assert matches[walk].words == ["birthday"] and matches[walk].moments == [0]


def test_the_name_of_a_renamed_video_is_found(store: Store):
    put(store, **{"v/first.mp4": [heard("hello")]})
    words = FullTextIndex(store, None)
    assert words.find("first") == ["v/first.mp4"]
    with store.writing():
        store.remove(["v/first.mp4"])
    put(store, **{"v/second.mp4": [heard("hello")]})
    assert words.find("first") == [] and words.find("second hello") == ["v/second.mp4"]


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


def schema_of_another(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE known (a INTEGER); CREATE TABLE words (b TEXT); CREATE TABLE seen (c);")


def head_lost(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def middle_lost(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


DAMAGES = [schema_of_another, head_lost, middle_lost, cut, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_made_anew_at_the_start(
    store: Store, tmp_path: Path, damage: Callable[[Path], None]
):
    path = tmp_path / "index" / "words.sqlite"
    put(store, a=[heard("hello")], b=[heard("other")])
    assert FullTextIndex(store, path).find("hello") == ["a"]
    damage(path)
    words = FullTextIndex(store, path)
    assert words.find("hello") == ["a"] and words.matches("hello", ["a"])["a"].words == ["hello"]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT id FROM known ORDER BY id").fetchall() == [("a",), ("b",)], "in the file"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_damaged_while_it_is_searched_is_made_anew(
    store: Store, tmp_path: Path, damage: Callable[[Path], None]
):
    path = tmp_path / "index" / "words.sqlite"
    put(store, a=[heard("hello")])
    words = FullTextIndex(store, path)
    assert words.find("hello") == ["a"]
    damage(path)
    for number in range(3):
        put(store, **{f"new{number}": [heard(f"hello {number}")]})
        assert sorted(words.find("hello"))[0] == "a" and words.find(f"hello {number}") == [f"new{number}"]
        assert words.matches("hello", ["a"])["a"].words == ["hello"]


@pytest.mark.parametrize("state", ["PRAGMA query_only = ON", "PRAGMA max_page_count = 1"])
def test_a_disk_that_is_full_or_read_only_moves_the_words_to_memory(store: Store, tmp_path: Path, state: str):
    path = tmp_path / "index" / "words.sqlite"
    put(store, a=[heard("hello")])
    words = FullTextIndex(store, path)
    assert words.find("hello") == ["a"]
    words._database.execute(state)
    put(store, b=[heard("hello " + "and many other words " * 5000)])
    assert sorted(words.find("hello")) == ["a", "b"] and words.find("many") == ["b"]
    assert FullTextIndex(store, path).find("many") == ["b"], "the file is sound"


def test_words_of_a_removed_video_leave_the_file(store: Store, tmp_path: Path):
    path = tmp_path / "index" / "words.sqlite"
    put(store, a=[heard("the secret zanzibar")], b=[heard("other")])
    words = FullTextIndex(store, path)
    assert words.find("zanzibar") == ["a"] and b"zanzibar" in path.read_bytes()
    with store.writing():
        store.remove(["a"])
    words.forget_removed()
    assert words.find("zanzibar") == [] and words.find("other") == ["b"]
    assert not [part for part in path.parent.glob("words.sqlite*") if b"zanzibar" in part.read_bytes()]


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
