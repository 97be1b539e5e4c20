import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from entries import SPACES, Texts, heard, make_entry

pytest.importorskip("lancedb")
from teachtext.encoders.embedder import QueryVectors
from teachtext.errors import InputError, NotFound, Unavailable
from teachtext.search.answer import Answer
from teachtext.search.expansion import Expansion
from teachtext.search.filters import Filter
from teachtext.search.manifest import BankRecord, Manifest, read_manifest
from teachtext.search.request import SearchRequest, check_query
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry

MODEL = Texts()


def make_index(place: Path, entries: Sequence[Entry], bank: BankRecord | None = None) -> str:
    store = open_store(str(place))
    manifest = Manifest(model=MODEL.identity, spaces=SPACES, experts=sorted(SPACES), roots={"v": str(place)}, bank=bank)
    manifest.write(store)
    with store.writing():
        store.put(entries)
    return str(place)


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    patterns = [("audio", "face", "scene"), ("scene",), ("audio", "scene")]
    entries = [
        make_entry(
            f"v/{number:02}.mp4",
            patterns[number % 3],
            seed=number,
            made=str(number),
            tags=("even",) if number % 2 == 0 else (),
            moments=(heard("buy some bread", 3.0), heard("and butter", 5.0)) if number in (7, 8) else (),
        )
        for number in range(30)
    ]
    return Searcher(make_index(tmp_path / "index", entries), model=MODEL)


@pytest.mark.parametrize("k", [0, -1, -(10**9)])
def test_k_below_one_is_refused(searcher: Searcher, k: int):
    with pytest.raises(InputError, match="at least"):
        searcher.search("a dog", k=k)
    with pytest.raises(InputError, match="at least"):
        searcher.like("v/00.mp4", k=k)


@pytest.mark.parametrize("exact", [True, False])
def test_k_beyond_all_gives_all(searcher: Searcher, exact: bool):
    searcher = Searcher(searcher.store.place, model=MODEL, exact=exact)
    for by in ("both", "model"):
        answer = searcher.search("bread", k=10**9, by=by)
        assert len(answer.results) == answer.total == 30 and answer.exact == exact


def test_both_ways_agree_where_everything_is_looked_at(searcher: Searcher):
    nearly = Searcher(Path(searcher.store.place), model=MODEL, exact=False)
    for text in ("a dog", "two cats", "snow"):
        first, second = searcher.search(text), nearly.search(text)
        assert first.results == second.results and first.exact and not second.exact


@pytest.mark.parametrize("query", ["", "  ", "\n"])
def test_an_empty_query_is_refused(searcher: Searcher, query: str):
    with pytest.raises(InputError, match="empty"):
        searcher.search(query)


def test_an_enormous_query_is_refused(searcher: Searcher):
    with pytest.raises(InputError, match="1,000,000 characters"):
        searcher.search("a" * 1_000_000)
    assert searcher.search("a " * 5000).results


@pytest.mark.parametrize("query", ["😀🎉", "犬がボールを追う", "собака бежит", '"', "*", "a\x00b", "'; DROP TABLE"])
def test_any_other_query_is_answered(searcher: Searcher, query: str):
    assert len(searcher.search(query, k=5).results) == 5


def test_words_that_were_heard_bring_a_video_up_with_the_moments(searcher: Searcher):
    plain = [result.item.id for result in searcher.search("bread butter", k=30, by="model").results]
    answer = searcher.search("bread butter", k=30)
    result_ids = [result.item.id for result in answer.results]
    assert set(result_ids[:2]) == {"v/07.mp4", "v/08.mp4"} and sorted(result_ids) == sorted(plain)
    assert [name for name in result_ids if name not in result_ids[:2]] == [
        name for name in plain if name not in result_ids[:2]
    ]
    first = answer.results[0]
    assert first.words == ["bread", "butter"] and [moment.start_s for moment in first.moments] == [3.0, 5.0]
    assert all(not result.words for result in answer.results[2:])
    scores = {result.item.id: result.score for result in searcher.search("bread butter", k=30, by="model").results}
    assert {result.item.id: result.score for result in answer.results} == scores, "the score is the model's"


def test_a_video_can_be_looked_for_by_its_words_alone(searcher: Searcher):
    answer = searcher.search("the bread", by="words")
    assert [result.item.id for result in answer.results] == ["v/07.mp4", "v/08.mp4"]
    assert searcher.search("giraffe", by="words").results == []
    even = Filter(tags=["even"])
    assert [result.item.id for result in searcher.search("bread", by="words", where=even).results] == ["v/08.mp4"]


def test_filters_hold_for_every_way(searcher: Searcher):
    even = Filter(tags=["even"])
    for by in ("both", "model", "words"):
        answer = searcher.search("bread", k=30, by=by, where=even)
        assert answer.results and all("even" in result.item.tags for result in answer.results)
    assert len(searcher.search("bread", k=30, where=even).results) == 15
    assert [result.item.id for result in searcher.like("v/00.mp4", k=3, where=Filter(ids=["v/03.mp4"])).results] == [
        "v/03.mp4"
    ]


def test_a_video_like_another(tmp_path: Path):
    first, other = make_entry("v/one.mp4", seed=1), make_entry("v/other.mp4", seed=2)
    face = other.segments[0].vectors["face"]
    near = Entry.of_clip(make_entry("v/near.mp4").item, {**first.segments[0].vectors, "face": face})
    apart = make_entry("v/apart.mp4", ["audio"], seed=1)
    searcher = Searcher(make_index(tmp_path / "index", [first, other, near, apart]), model=MODEL)
    answer = searcher.like("v/one.mp4", k=2)
    assert [result.item.id for result in answer.results] == ["v/apart.mp4", "v/near.mp4"], "the audio is the same"
    assert len(searcher.like("v/one.mp4", k=99).results) == 3, "it is not like itself"
    assert "v/near.mp4" in {result.item.id for result in searcher.like("v/apart.mp4").results}
    with pytest.raises(InputError, match="no video 'v/nobody'"):
        searcher.like("v/nobody")


def test_what_a_writer_adds_is_found_at_once(searcher: Searcher):
    before = searcher.search("unicorn", k=99)
    other = open_store(searcher.store.place)
    with other.writing():
        other.put([make_entry("v/new.mp4", moments=(heard("a unicorn"),))])
        other.remove([before.results[0].item.id])
    answer = searcher.search("unicorn", k=99)
    assert answer.results[0].item.id == "v/new.mp4"
    assert before.results[0].item.id not in {result.item.id for result in answer.results} and answer.total == 30


def test_what_a_writer_changes_is_returned_at_once(searcher: Searcher):
    name = searcher.search("unicorn", k=1).results[0].item.id
    other = open_store(searcher.store.place)
    with other.writing():
        entry = other.get([name])[name]
        other.put([replace(entry, item=replace(entry.item, tags=("new",)))])
    assert searcher.search("unicorn", k=1).results[0].item.tags == ("new",)
    assert searcher.entry(name).item.tags == ("new",)
    with other.writing():
        other.remove([name])
    with pytest.raises(NotFound, match="the index holds no video"):
        searcher.entry(name)


def test_an_index_that_is_made_anew_is_noticed(tmp_path: Path):
    """Both indexes count the versions of their tables from 1."""
    place = tmp_path / "index"
    searcher = Searcher(make_index(place, [make_entry(f"v/{number}.mp4") for number in range(3)]), model=MODEL)
    assert {result.item.id for result in searcher.search("bread").results} == {f"v/{number}.mp4" for number in range(3)}
    for turn in range(3):
        shutil.rmtree(place)
        with pytest.raises(Unavailable, match="deleted or made anew"):
            searcher.search("bread")
        ids = {f"v/new {turn} {number}.mp4" for number in range(3)}
        make_index(place, [make_entry(name, moments=(heard("bread"),)) for name in sorted(ids)])
        answer = searcher.search("bread")
        assert {result.item.id for result in answer.results} == ids and answer.total == 3
        assert {result.item.id for result in searcher.like(min(ids)).results} < ids
        with pytest.raises(NotFound):
            searcher.entry("v/0.mp4")


def test_an_index_without_its_tables_says_so(tmp_path: Path):
    place = tmp_path / "index"
    make_index(place, [make_entry("v/a.mp4")])
    store = open_store(str(place))
    manifest = replace(read_manifest(store), made_by={"audio": "0123456789abcdef"})
    manifest.write(store)
    searcher = Searcher(str(place), model=MODEL)
    shutil.rmtree(place / "vectors")
    for search in (lambda: searcher.search("bread"), lambda: Searcher(str(place), model=MODEL)):
        with pytest.raises(Unavailable, match="has lost its folder 'vectors': put the folder back, or index all"):
            search()
    with store.writing():
        store.put([make_entry("v/b.mp4")])
    assert [result.item.id for result in searcher.search("bread").results] == ["v/b.mp4"]


def test_a_search_asks_the_store_for_one_state(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    searcher.search("bread", where=Filter(tags=["even"]))
    calls: list[str] = []
    for name in ("state", "versions", "count", "manifest", "patterns", "catalog", "read", "get"):
        plain = getattr(searcher.store, name)
        monkeypatch.setattr(
            searcher.store, name, lambda *values, name=name, plain=plain: calls.append(name) or plain(*values)
        )
    searcher.search("bread", where=Filter(tags=["even"]))
    searcher.search("bread", by="words")
    assert calls.count("state") == 2 and set(calls) <= {"state", "get"}


def test_a_folder_that_was_moved_is_found_at_its_new_place(searcher: Searcher, tmp_path: Path):
    manifest = replace(searcher.manifest, roots={"v": str(tmp_path / "moved")})
    manifest.write(searcher.store)
    assert searcher.search("a dog", k=1).results[0].path.parent == tmp_path / "moved"


def test_captions_are_ranked_by_their_similarity(searcher: Searcher):
    texts = ["bread", "a dog", "snow", "a dog"]
    ranked = searcher.rank_captions("v/03.mp4", searcher.embed_captions(texts), 2)
    where = Filter(ids=["v/03.mp4"])
    scores = {text: searcher.search(text, by="model", where=where).results[0].score for text in texts}
    assert [caption.text for caption in ranked] == sorted(scores, key=lambda text: -scores[text])[:2]
    assert all(caption.score == pytest.approx(scores[caption.text], abs=1e-6) for caption in ranked)
    with pytest.raises(InputError, match="0 captions"):
        searcher.embed_captions([])


def test_a_hub_that_would_come_first_is_corrected(tmp_path: Path):
    entries = [make_entry(f"v/{number}", seed=number, bias=-3.0 if number == 5 else 0.0) for number in range(9)]
    plain = Searcher(make_index(tmp_path / "plain", entries), model=MODEL)
    texts = [f"text {number}" for number in range(40)]
    first = {text: plain.search(text).results[0].item.id for text in texts}
    assert "v/5" in first.values()
    bank = BankRecord(file="x", fingerprint="y", beta=20.0, hubs=["v/5"])
    for exact in (True, False):
        searcher = Searcher(make_index(tmp_path / f"bank{exact}", entries, bank), model=MODEL, exact=exact)
        for text, name in first.items():
            answer = searcher.search(text, k=9)
            assert answer.corrected == (name == "v/5")
            if answer.corrected:
                assert answer.results[-1].item.id == "v/5"
                assert answer.results[-1].score == max(result.score for result in answer.results), "the score stays"


def test_many_threads_get_the_same_answers(searcher: Searcher):
    texts = [f"{word} {number}" for word in ("bread", "dog") for number in range(10)]
    expected = {text: [result.item.id for result in searcher.search(text).results] for text in texts}
    wrong: list[str] = []

    def ask() -> None:
        result_ids = {text: [result.item.id for result in searcher.search(text).results] for text in texts}
        wrong.extend(text for text in texts if result_ids[text] != expected[text])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("exact", [True, False])
def test_searches_at_once_have_the_answers_of_single_searches(searcher: Searcher, exact: bool):
    searcher = Searcher(searcher.store.place, model=MODEL, exact=exact)
    ways: list[dict[str, Any]] = [
        {},
        {"k": 3, "where": Filter(tags=["even"])},
        {"by": "model", "k": 30},
        {"by": "words", "count": True},
        {"group_by": "moment", "count": True},
        {"least_score": 0.1, "count": True},
        {"expansion": Expansion(fuse="reciprocal", queries=MODEL.embed_queries(["snow", "two cats"]))},
    ]
    asked = [{"text": text, **way} for way in ways for text in ("bread", "a dog")]
    answers = list(searcher.search_all([SearchRequest(**fields) for fields in asked]))
    for fields, answer in zip(asked, answers, strict=True):
        assert isinstance(answer, Answer)
        single = searcher.search(**fields)
        assert replace(answer, seconds=0.0) == replace(single, seconds=0.0), fields


def test_an_error_is_of_its_request_alone(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    whole = MODEL.embed_query

    def embed(text: str) -> QueryVectors:
        if text == "broken":
            raise RuntimeError("the encoder failed")
        return whole(text)

    monkeypatch.setattr(MODEL, "embed_query", embed)
    texts = ["bread", " ", "broken", "a dog", "\ud800"]
    answers = list(searcher.search_all([SearchRequest(text=text, k=3) for text in texts]))
    assert [type(answer) for answer in answers] == [Answer, InputError, RuntimeError, Answer, InputError]
    for text, answer in ((texts[number], answers[number]) for number in (0, 3)):
        assert isinstance(answer, Answer) and answer.results == searcher.search(text, k=3).results
    with pytest.raises(RuntimeError, match="the encoder failed"):
        searcher.search("broken")
    assert list(searcher.search_all([])) == []


def test_a_place_without_an_index_is_refused(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "nowhere", tmp_path / "folder"):
        with pytest.raises(InputError, match="holds no index"):
            Searcher(str(place))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        Searcher(str(tmp_path / "file"))
    (tmp_path / "folder" / "index.json").write_text("[]")
    with pytest.raises(InputError, match="does not describe an index"):
        Searcher(str(tmp_path / "folder"))
    make_index(tmp_path / "index", [make_entry("v/a")])
    with pytest.raises(InputError, match=r"not in /nowhere any more.*--model"):
        Searcher(str(tmp_path / "index"))


def test_a_query_that_is_read_in_part_is_said(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    assert not searcher.search("a dog").notes
    whole = MODEL.embed_query
    monkeypatch.setattr(MODEL, "embed_query", lambda text: replace(whole(text), read="30 tokens"))
    assert searcher.search("a dog").notes == ["the query is long: only its first 30 tokens were read"]


def test_a_language_that_the_model_does_not_read_is_said(searcher: Searcher, monkeypatch: pytest.MonkeyPatch):
    whole = MODEL.embed_query
    monkeypatch.setattr(MODEL, "embed_query", lambda text: replace(whole(text), unread="German"))
    answer = searcher.search("ein Hund")
    assert answer.unread_language == "German"
    assert answer.notes == ["the query seems to be German, which the model does not read: try English words"]
    by_words = searcher.search("ein Hund", by="words")
    assert not by_words.notes and not by_words.unread_language, "the model has no part in it"


@pytest.mark.parametrize(
    ("query", "k", "problem"),
    [(" ", 1, "the query is empty"), ("a", 0, "results is 0"), ("a" * 10_001, 1, "10,001"), ("\ud800", 1, "the query")],
)
def test_a_query_is_checked_without_a_model(query, k, problem):
    with pytest.raises(InputError, match=problem):
        check_query(query, k)
    check_query("a" * 10_000, 1)
