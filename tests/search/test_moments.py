"""Searches for moments: against all places of all videos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from entries import SPACES, filters, heard, make_film, unit
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lancedb")
from teachtext.encoders.embedder import QueryVectors
from teachtext.search.answer import Answer
from teachtext.search.confidence import Confidence
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.folding import folded
from teachtext.search.fusion import fuse, fuse_first
from teachtext.search.manifest import BankRecord, Manifest
from teachtext.search.places import ranked_places
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry

PATTERNS = [("audio", "face", "scene"), ("scene",), ("audio", "scene")]
BOUNDS = Confidence(nothing_below=0.3, strong_from=0.5)


class Texts:
    """A model whose queries are random, the same for the same text."""

    experts = sorted(SPACES)
    expert_settings: dict[str, Any] = {}  # noqa: RUF012
    spaces = SPACES
    identity = {"kind": "trained", "name": "texts", "folder": "/nowhere", "fingerprint": "f"}  # noqa: RUF012

    def embed_query(self, text: str) -> QueryVectors:
        random = np.random.default_rng(sum(map(ord, text)))
        vectors = {name: unit(random.standard_normal(dim)) for name, dim in SPACES.items()}
        return QueryVectors(vectors, np.array([0.2, 0.3, 0.5], np.float32))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        return [self.embed_query(text) for text in texts]

    def embed_videos(self, files: Any, video_ids: Sequence[str]) -> Any:
        raise NotImplementedError


MODEL = Texts()


def films() -> list[Entry]:
    entries = []
    for number in range(24):
        # films of many segments, and clips of one
        patterns = [PATTERNS[(number + part) % 3] for part in range(1 if number % 3 == 0 else 4 + number)]
        moments = [heard("buy some bread", 3.0), heard("bread again", 41.0)] if number in (4, 10, 14) else []
        entries.append(
            make_film(
                f"v/{number:02}.mp4",
                patterns,
                seed=number,
                made=str(number),
                content=str(number),
                duration_s=10.0 * len(patterns),
                added_s=1e9 + 5 * number,
                tags=("even",) if number % 2 == 0 else (),
                moments=tuple(moments),
            )
        )
    return entries


def index_of(place: Path, entries: Sequence[Entry], **facts: Any) -> Searcher:
    store = open_store(str(place))
    Manifest(model=MODEL.identity, spaces=SPACES, experts=sorted(SPACES), roots={"v": str(place)}, **facts).write(store)
    with store.writing():
        store.put(entries)
    return Searcher(str(place), model=MODEL)


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return index_of(tmp_path_factory.mktemp("moments") / "index", films(), confidence=BOUNDS)


def every_place(
    entries: Sequence[Entry], text: str, where: Filter = EVERYTHING, correct: bool = False
) -> list[tuple[float, str, float]]:
    """All places of all videos: minus the ranking score, id, start."""
    query = MODEL.embed_query(text)
    admitted = [entry for entry in entries if where.admits(entry.item)]
    return sorted(
        (-round(score, 9), entry.item.id, place.start_s)
        for entry in admitted
        for score, place in ranked_places(query, entry, correct=correct)
    )


@given(
    text=st.text("abcdefg", min_size=1, max_size=3),
    k=st.integers(1, 150),
    where=filters([f"v/{number:02}.mp4" for number in range(24)]),
)
@settings(max_examples=60, deadline=None)
def test_moments_are_the_best_places_of_all_videos(searcher: Searcher, text: str, k: int, where: Filter):
    answer = searcher.search(text, k=k, where=where, by="model", group_by="moment", count=True)
    expected = every_place(films(), text, where)
    assert [(result.video_id, result.places[0].start_s) for result in answer.results] == [
        place[1:] for place in expected[:k]
    ]
    for result, (score, _, _) in zip(answer.results, expected, strict=False):
        assert len(result.places) == 1 and result.score == pytest.approx(-score, abs=1e-6)
        assert sum(result.why.values()) == pytest.approx(result.score, abs=1e-6)
    assert answer.total_matching == sum(-score >= BOUNDS.nothing_below for score, _, _ in expected)
    videos = searcher.search(text, k=k, where=where, by="model", count=True)
    assert videos.total_matching == len({name for score, name, _ in expected if -score >= BOUNDS.nothing_below})


@pytest.fixture(scope="module")
def with_copies(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    copies = [["v/00.mp4", "v/03.mp4", "v/23.mp4"], ["v/04.mp4", "v/10.mp4"], ["v/21.mp4", "v/22.mp4"]]
    return index_of(tmp_path_factory.mktemp("copies") / "index", films(), copies=copies)


@given(text=st.text("abcdefg", min_size=1, max_size=3), k=st.integers(1, 150))
@settings(max_examples=40, deadline=None)
def test_moments_of_copies_are_those_of_the_copy_that_ranks_first(with_copies: Searcher, text: str, k: int):
    def ask(most: int) -> Answer:
        return with_copies.search(text, k=most, by="model", group_by="moment")

    places = every_place(films(), text)
    order = [name for _, name, _ in places]
    later = {name for group in with_copies.manifest.copies or () for name in sorted(group, key=order.index)[1:]}
    expected = [place[1:] for place in places if place[1] not in later]
    answer = folded(ask, k)
    assert [(result.video_id, result.places[0].start_s) for result in answer.results] == expected[:k]
    videos = folded(lambda most: with_copies.search(text, k=most, by="model"), k)
    assert [result.video_id for result in videos.results] == list(dict.fromkeys(name for name, _ in expected))[:k]


@given(text=st.text("abcdefg", min_size=1, max_size=3), least=st.floats(-1, 1))
@settings(max_examples=40, deadline=None)
def test_all_that_is_counted_is_listed(searcher: Searcher, text: str, least: float):
    for group_by in ("video", "moment"):
        answer = searcher.search(text, k=1000, by="model", group_by=group_by, least_score=least, count=True)
        likely = [result for result in answer.results if result.score >= BOUNDS.nothing_below]
        assert answer.total_matching == len(likely)


@pytest.mark.parametrize("by", ["model", "words", "both"])
@pytest.mark.parametrize("group_by", ["video", "moment"])
def test_a_longer_list_begins_with_the_shorter_one(searcher: Searcher, by: Any, group_by: Any):
    whole = searcher.search("bread", k=1000, by=by, group_by=group_by)
    keys = [(result.video_id, result.places[0].start_s) for result in whole.results]
    assert len(set(keys)) == len(keys)
    for k in (1, 2, 5, 23, 99, 100, 101, 130):
        shorter = searcher.search("bread", k=k, by=by, group_by=group_by).results
        assert [(result.video_id, result.places[0].start_s) for result in shorter] == keys[:k]


def test_moments_of_words_are_where_the_words_are_heard(searcher: Searcher):
    answer = searcher.search("bread", k=50, by="words", group_by="moment", count=True)
    assert len(answer.results) == answer.total_matching
    assert sum(len(result.moments) for result in answer.results) == 6
    assert {result.video_id for result in answer.results} == {"v/04.mp4", "v/10.mp4", "v/14.mp4"}
    for result in answer.results:
        [place] = result.places
        assert all(place.start_s <= moment.start_s < place.end_s for moment in result.moments)
        assert result.moments and result.words == ["bread"] and result.is_strong
    both = searcher.search("bread", k=50, group_by="moment", count=True)
    assert {(result.video_id, result.places[0].start_s) for result in answer.results} <= {
        (result.video_id, result.places[0].start_s) for result in both.results
    }


def test_a_name_alone_is_a_word_of_the_best_place(tmp_path: Path):
    film = make_film("v/holiday.mp4", [("scene",)] * 9, seed=5, made="1")
    searcher = index_of(tmp_path / "index", [film, make_film("v/b.mp4", [("scene",)] * 9, seed=6, made="2")])
    [result] = searcher.search("holiday", by="words", group_by="moment").results
    assert result.words == ["holiday"] and result.moments == []
    assert result.places[0].start_s == ranked_places(MODEL.embed_query("holiday"), film)[0][1].start_s


def test_words_count_whatever_their_score_but_not_below_the_least_that_is_asked_for(searcher: Searcher):
    words = searcher.search("bread", k=50, by="words", count=True)
    assert words.total_matching == len(words.results) == 3
    least = sorted(result.score for result in words.results)[1]
    above = searcher.search("bread", k=50, by="words", least_score=least, count=True)
    assert above.total_matching == len(above.results) == 2


def test_hubs_are_corrected_for_moments_too(tmp_path: Path):
    entries = films()
    bank = BankRecord(file="/nowhere", fingerprint="f", beta=20.0, hubs=[entry.item.id for entry in entries])
    searcher = index_of(tmp_path / "index", entries, bank=bank)
    for text in ("a", "bc", "d"):
        answer = searcher.search(text, k=40, by="model", group_by="moment")
        assert answer.corrected
        expected = every_place(entries, text, correct=True)[:40]
        assert [(result.video_id, result.places[0].start_s) for result in answer.results] == [
            place[1:] for place in expected
        ]


def test_approximate_searches_have_moments_and_no_count(tmp_path: Path):
    place = tmp_path / "index"
    index_of(place, films())
    searcher = Searcher(str(place), model=MODEL, exact=False)
    answer = searcher.search("a", k=20, by="model", group_by="moment", count=True)
    assert answer.total_matching is None and not answer.exact and len(answer.results) == 20
    assert [(result.video_id, result.places[0].start_s) for result in answer.results] == [
        place[1:] for place in every_place(films(), "a")[:20]
    ]


@given(st.lists(st.lists(st.integers(0, 400), unique=True), max_size=3), st.integers(0, 300))
def test_longer_rankings_change_nothing_before_their_end(rankings: list[list[int]], k: int):
    named = [[f"{name:03}" for name in ranking] for ranking in rankings]
    whole = fuse_first(named)
    assert sorted(whole) == sorted({name for ranking in named for name in ranking})
    depth = max(k, 100)
    assert fuse_first([ranking[:depth] for ranking in named])[:k] == whole[:k]
    if all(len(ranking) <= 100 for ranking in named):
        assert whole == fuse(named)
