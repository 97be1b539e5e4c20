"""Searches with several queries for one scene."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from entries import SPACES, Numbered, make_entry
from entries import make_query as numbered_query

pytest.importorskip("lancedb")
from teachtext.errors import InputError, Unavailable
from teachtext.rewriting.file_writer import FileWriter
from teachtext.rewriting.fusion import Fusion, fuse_rankings
from teachtext.search.expansion import Expander
from teachtext.search.manifest import Manifest
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store

ALL = tuple(sorted(SPACES))
Written = Callable[..., FileWriter]


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    """An index of 30 videos, whose queries are numbers."""
    place, model = str(tmp_path / "index"), Numbered()
    store = open_store(place)
    Manifest(model=model.identity, spaces=SPACES, experts=sorted(SPACES), roots={"v": place}).write(store)
    with store.writing():
        store.put([make_entry(f"v/{number:02}.mp4", ALL, seed=number, made=str(number)) for number in range(30)])
    return Searcher(place, model=model)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def make(**texts: Sequence[str]) -> FileWriter:
        path = tmp_path / "texts.json"
        path.write_text(json.dumps({key.removeprefix("q"): value for key, value in texts.items()}))
        return FileWriter(path)

    return make


class Counting:
    """A writer that counts how often it is asked, and fails at first."""

    name = "the counting writer"

    def __init__(self, failures: int) -> None:
        self.failures, self.asked = failures, 0

    def write(self, text: str, *, seconds: float) -> Sequence[str]:
        self.asked += 1
        if self.asked <= self.failures:
            raise Unavailable("the counting writer is down", "wait")
        return ["5", "6"]


@pytest.mark.parametrize("how", ["reciprocal", "borda", "vote", "mean"])
def test_the_rankings_of_all_queries_are_fused(searcher: Searcher, written: Written, how: Fusion):
    expansion = Expander(written(q1=["2", "3"]), queries=3, fuse=how).expand("1", searcher)
    answer = searcher.search("1", k=10, by="model", expansion=expansion)
    single = [searcher.search(text, k=30, by="model").results for text in ("1", *expansion.texts)]
    expected = fuse_rankings([[(result.video_id, result.score) for result in results] for results in single], how)
    assert [result.video_id for result in answer.results] == expected[:10]
    assert sorted(answer.written) == ["2", "3"] and not answer.notes
    # the scores are those of the query itself
    own = {result.video_id: result.score for result in single[0]}
    assert [result.score for result in answer.results] == [own[result.video_id] for result in answer.results]


def test_a_longer_list_begins_with_the_shorter_one(searcher: Searcher, written: Written):
    expansion = Expander(written(q1=["2", "3"])).expand("1", searcher)
    lists = [[r.video_id for r in searcher.search("1", k=k, expansion=expansion).results] for k in (3, 10, 30)]
    assert lists[2][:10] == lists[1] and lists[1][:3] == lists[0] and len({*lists[2]}) == 30


def test_the_farthest_queries_are_asked(searcher: Searcher, written: Written):
    texts = [str(number) for number in range(2, 12)]
    expansion = Expander(written(q1=texts), queries=4).expand("1", searcher)
    rows = np.stack(
        [
            np.concatenate([q.vectors[n] * w for n, w in zip(ALL, q.weights, strict=True)])
            for q in (numbered_query(int(text)) for text in ("1", *texts))
        ]
    )
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    first = texts[int((unit[1:] @ unit[0]).argmin())]
    assert len(expansion.texts) == 3 and expansion.texts[0] == first


def test_one_query_is_the_plain_search_and_asks_nobody(searcher: Searcher):
    writer = Counting(0)
    expansion = Expander(writer, queries=1).expand("1", searcher)
    plain, same = searcher.search("1", k=30), searcher.search("1", k=30, expansion=expansion)
    assert [r.video_id for r in plain.results] == [r.video_id for r in same.results]
    assert not writer.asked and not same.notes and not same.written


def test_a_writer_that_fails_leaves_a_note_and_the_plain_search(searcher: Searcher):
    writer = Counting(1)
    expander = Expander(writer)
    failed = searcher.search("1", k=5, expansion=expander.expand("1", searcher))
    assert failed.notes == ["no other queries were asked: the counting writer is down"] and not failed.written
    assert [r.video_id for r in failed.results] == [r.video_id for r in searcher.search("1", k=5).results]
    # a failure is not remembered, an answer is
    assert expander.expand("1", searcher).texts == expander.expand("1", searcher).texts != ()
    assert writer.asked == 2


def test_what_the_writer_said_and_nobody_asked_is_counted(searcher: Searcher, written: Written):
    expansion = Expander(written(q1=["1", "2", "2", "\x1b[1m"])).expand("1", searcher)
    assert expansion.texts == ["2"]
    assert expansion.notes == [
        "of 4 texts of the file texts.json 3 were left out: 1 equal to the query, 1 repeated, 1 with control characters"
    ]


def test_approximate_searches_fuse_too(searcher: Searcher, written: Written):
    expansion = Expander(written(q1=["2", "3"])).expand("1", searcher)
    nearly = Searcher(searcher.store.place, model=searcher.model, exact=False)
    lists = [[r.video_id for r in each.search("1", k=10, expansion=expansion).results] for each in (searcher, nearly)]
    assert lists[0] == lists[1]


def test_what_makes_no_sense_is_refused(searcher: Searcher, written: Written):
    expansion = Expander(written(q1=["2"])).expand("1", searcher)
    with pytest.raises(InputError, match="by words alone"):
        searcher.search("1", by="words", expansion=expansion)
    with pytest.raises(InputError, match="and not moments"):
        searcher.search("1", group_by="moment", expansion=expansion)
    for queries, seconds in ((0, 1.0), (22, 1.0), (3, 0.0), (3, float("nan"))):
        with pytest.raises(InputError):
            Expander(written(), queries=queries, seconds=seconds)
