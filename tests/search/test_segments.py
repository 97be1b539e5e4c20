"""Videos of several segments, in every store: whole or not at all, and ranked by their best segment."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import entries
import numpy as np
import pytest
from entries import SPACES, fill, filters, heard, make_entry, make_film, make_query, same, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.all_scores import AllScores
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.gallery import Gallery
from teachtext.search.ranking import RankedSegment, nearly_top, nearly_top_segments
from teachtext.search.stores import open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry, Segment
from teachtext.search.vectors import query_row, row_of

ALL, SCENE, SOUND = ("audio", "face", "scene"), ("scene",), ("audio", "scene")


def segments_of(entries: Sequence[Entry], seed: int, correct: bool = False) -> list[RankedSegment]:
    """All segments, best first, by brute force."""
    ranked = []
    for entry in entries:
        for one in entry.segments:
            row = query_row(make_query(seed), one.pattern, SPACES, correct=correct)
            score = float(row @ row_of(one, SPACES).astype(np.float64))
            ranked.append(RankedSegment(entry.item.id, score, one.start_s, one.end_s))
    return sorted(ranked, key=lambda one: (-round(one.score, 9), one.id, one.start_s))


def videos_of(segments: Sequence[RankedSegment]) -> list[str]:
    return list(dict.fromkeys(segment.id for segment in segments))


def assert_same(ranked: Sequence[RankedSegment], expected: Sequence[RankedSegment]) -> None:
    assert [(one.id, one.start_s, one.end_s) for one in ranked] == [
        (one.id, one.start_s, one.end_s) for one in expected
    ]
    assert np.allclose([one.score for one in ranked], [one.score for one in expected], atol=1e-12)


def test_a_film_comes_back_whole_and_counts_once(store: Store):
    words = tuple(heard(f"word {number}", number) for number in range(30))
    film = make_film("film", [ALL, SCENE, SOUND, SCENE, ALL], duration_s=50.0, tags=("dog",), moments=words)
    clip = make_entry("clip", duration_s=7.5)
    fill(store, [film, clip])
    stored = open_store(store.place).get(["film", "clip", "nobody"])
    assert stored.keys() == {"film", "clip"} and same(stored["film"], film) and same(stored["clip"], clip)
    assert (stored["clip"].segments[0].start_s, stored["clip"].segments[0].end_s) == (0.0, 7.5)
    assert store.count() == 2 and store.segment_count() == 6
    assert sorted(item.id for item in store.catalog()) == ["clip", "film"]
    assert store.items(["film", "nobody"]) == {"film": film.item}
    blocks = [block for pattern in store.patterns() for block in store.read(pattern)]
    places = sorted((start, end) for block in blocks for start, end in zip(block.start_s, block.end_s, strict=True))
    assert places == [(0, 7.5), (0, 10), (10, 20), (20, 30), (30, 40), (40, 50)]
    tags = [(name, list(tags)) for block in blocks for name, tags in zip(block.ids, block.tags, strict=True)]
    assert sorted(tags) == [("clip", []), *[("film", ["dog"])] * 5]


def test_a_film_is_replaced_by_a_shorter_one_and_removed(store: Store):
    fill(store, [make_film("film", [SCENE] * 6), make_film("other", [ALL, SCENE])])
    for patterns in ([SCENE] * 2, [ALL, SCENE, ALL], [SOUND], [SCENE, SOUND]):
        film = make_film("film", patterns, seed=len(patterns), content=str(patterns))
        with store.writing():
            store.put([film])
        assert same(store.get(["film"])["film"], film)
        assert store.count() == 2 and store.segment_count() == len(patterns) + 2
        ranked = nearly_top_segments(store, SPACES, make_query(1), 99)
        assert sum(segment.id == "film" for segment in ranked) == len(patterns)
    with store.writing():
        store.remove(["film"])
    assert store.get(["film"]) == {} and store.count() == 1 and store.segment_count() == 2


def check_whole(store: Store, gallery: Gallery, choices: Sequence[Entry | None]) -> None:
    """Assert that the film is in one of some states, and in the same one however it is read."""
    stored = store.get(["film"]).get("film")
    assert any(stored is one if stored is None or one is None else same(stored, one) for one in choices)
    entries = [make_entry("clip"), make_film("other", [SCENE, ALL], seed=5), *([stored] if stored else [])]
    assert store.count() == len(entries) and store.segment_count() == sum(len(one.segments) for one in entries)
    assert sorted(item.id for item in store.catalog()) == sorted(entry.item.id for entry in entries)
    assert store.items(["film"]) == ({"film": stored.item} if stored else {})
    for seed in range(1 if store.place.startswith("milvus") else 3):
        expected = segments_of(entries, seed)
        assert_same(Gallery(store, SPACES).top_segments(make_query(seed), 99), expected)
        assert_same(gallery.top_segments(make_query(seed), 99), expected)
        assert_same(nearly_top_segments(store, SPACES, make_query(seed), 99), expected)


class Killed(Exception):
    """The writer was killed here."""


def was_killed(store: Store, steps: int, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]) -> bool:
    """Do the work of a writer, which is killed once it has changed the store so often; return whether it was."""
    left = iter(range(steps))

    def counted(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*arguments: Any, **options: Any) -> None:
            if next(left, None) is None:
                raise Killed
            change(*arguments, **options)

        return changed

    with monkeypatch.context() as patched:
        for name in ("_write", "_delete", "_keep_journal", "_note_change"):
            patched.setattr(store, name, counted(getattr(store, name)))
        try:
            work()
        except Killed:
            return True
    return False


# the presence patterns of a film before and after; no film
CASES = [
    (None, [SCENE] * 2),
    (None, [SCENE, ALL]),
    ([SCENE], [ALL]),
    ([SCENE], [SCENE] * 3),
    ([SCENE], [SCENE, ALL]),
    ([SCENE] * 3, [SCENE]),
    ([SCENE] * 3, [SCENE] * 2),
    ([SCENE] * 3, [ALL, SOUND, SCENE]),
    ([SCENE, ALL, SCENE], [SCENE, ALL]),
    ([SCENE, ALL, SCENE], [SCENE]),
    ([SCENE, ALL], [SOUND, SOUND]),
    ([SCENE, ALL, SCENE], None),
    ([SCENE] * 2, None),
]
ON_A_SERVER = (7, 11)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_writer_that_is_killed_leaves_the_film_whole(store: Store, number: int, monkeypatch: pytest.MonkeyPatch):
    before, after = CASES[number]
    is_server = store.place.startswith("milvus")
    if is_server and number not in ON_A_SERVER:
        pytest.skip("a server takes its time")
    old = make_film("film", before, seed=1, content="old", duration_s=9.0) if before else None
    new = make_film("film", after, seed=2, content="new", moments=(heard("word"),)) if after else None
    fill(store, [make_entry("clip"), make_film("other", [SCENE, ALL], seed=5)])

    def change(film: Entry | None) -> None:
        with store.writing():
            store.put([film]) if film else store.remove(["film"])

    for steps in range(0, 30, 3 if is_server else 1):
        change(old)
        gallery = Gallery(store, SPACES)
        gallery.top(make_query(0), 1)
        killed = was_killed(store, steps, monkeypatch, lambda: change(new))
        # for those who opened the index before, and those who open it now
        check_whole(open_store(store.place), gallery, [old, new])
        if not killed:
            break
        with store.writing():
            pass
        check_whole(store, gallery, [old, new])
    assert not killed and steps > 0


WRITER = """
import random, sys
sys.path.append(sys.argv[1])
from entries import make_film
from teachtext.search.stores import open_store
random.seed(int(sys.argv[3]))
store = open_store(sys.argv[2])
patterns = [("audio", "face", "scene"), ("scene",), ("audio", "scene")]
number = 0
with store.writing(wait_s=60):
    print("writing", flush=True)
    while True:
        number += 1
        chosen = [random.choice(patterns[: random.randint(1, 3)]) for _ in range(random.randint(1, 5))]
        store.put([make_film(name, chosen, seed=number, content=str(number)) for name in ("film", "second")])
"""


@pytest.mark.server
@pytest.mark.slow
def test_a_process_that_is_killed_while_it_writes_leaves_films_whole(tmp_path: Path):
    pytest.importorskip("lancedb")
    store = open_store(tmp_path / "index")
    store.write_manifest({"spaces": SPACES})
    fill(store, [make_entry("clip")])
    rng, versions = random.Random(0), set[str]()
    for turn in range(6):
        arguments = [str(Path(entries.__file__).parent), store.place, str(turn)]
        process = subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        time.sleep(rng.uniform(0.1, 1.0))
        process.kill()
        process.communicate()
        for _ in range(2):
            stored = store.get(["film", "second"])
            for entry in stored.values():
                expected = make_film(
                    entry.item.id,
                    [segment.pattern for segment in entry.segments],
                    seed=int(entry.item.content),
                    content=entry.item.content,
                )
                assert same(entry, expected), "all segments are of one version"
                versions.add(entry.item.content)
            every = [make_entry("clip"), *stored.values()]
            assert store.count() == len(every) and store.segment_count() == sum(len(one.segments) for one in every)
            expected_segments = segments_of(every, 0)
            assert_same(Gallery(store, SPACES).top_segments(make_query(0), 99), expected_segments)
            assert_same(nearly_top_segments(store, SPACES, make_query(0), 99), expected_segments)
            with store.writing():
                pass
    assert len(versions) > 1


NAMES = [f"v{number}" for number in range(12)]
PATTERNS = [ALL, SCENE, SOUND, ("face",)]


@st.composite
def films(draw: st.DrawFn) -> Entry:
    number = draw(st.integers(0, len(NAMES) - 1))
    return make_film(
        NAMES[number],
        draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=6)),
        seed=draw(st.integers(0, 1000)),
        duration_s=draw(st.none() | st.floats(0, 130)),
        added_s=1e9 + draw(st.integers(0, 130)),
        tags=tuple(draw(st.lists(st.sampled_from(["dog", "it's"]), unique=True))),
        moments=(heard("word"),) if draw(st.booleans()) else (),
    )


@pytest.mark.slow
def test_films_that_come_change_and_go_are_ranked_as_brute_force_ranks_them(store: Store):
    there: dict[str, Entry] = {}
    gallery = Gallery(store, SPACES)
    # a server takes its time
    examples = 3 if store.place.startswith("milvus") else 40

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        coming=st.lists(films(), max_size=8),
        leaving=st.lists(st.sampled_from(NAMES), max_size=3),
        where=filters(NAMES),
        k=st.integers(1, 15),
        seed=st.integers(0, 99),
        correct=st.booleans(),
    )
    def check(coming: list[Entry], leaving: list[str], where: Filter, k: int, seed: int, correct: bool) -> None:
        with store.writing():
            store.put(coming)
            store.remove(leaving)
        there.update({film.item.id: film for film in coming})
        for name in leaving:
            there.pop(name, None)
        stored = store.get(NAMES)
        assert stored.keys() == there.keys() and all(same(stored[name], there[name]) for name in there)
        assert store.count() == len(there)
        assert store.segment_count() == sum(len(film.segments) for film in there.values())
        assert {item.id: item for item in store.catalog()}.keys() == there.keys()
        for condition in (EVERYTHING, where):
            admitted = [film for film in there.values() if condition.admits(film.item)]
            expected = segments_of(admitted, seed, correct)
            options = {"where": condition, "correct": correct}
            query = make_query(seed)
            assert [video.id for video in gallery.top(query, k, **options)] == videos_of(expected)[:k]
            assert_same(gallery.top_segments(query, k, **options), expected[:k])
            # these tables are searched whole
            assert [video.id for video in nearly_top(store, SPACES, query, k, **options)] == videos_of(expected)[:k]
            assert_same(nearly_top_segments(store, SPACES, query, k, **options), expected[:k])
        if there and not correct:
            every = AllScores(store, SPACES, [])
            scores = {name: max(one.score for one in segments_of([film], seed)) for name, film in there.items()}
            assert np.allclose(every.of([make_query(seed)])[0], [scores[name] for name in every.ids], atol=1e-8)

    check()


def near(query: QueryVectors, spaces: Sequence[str], random: np.random.Generator, noise: float) -> dict[str, Any]:
    return {name: unit(query.vectors[name] + noise * random.standard_normal(SPACES[name])) for name in spaces}


@pytest.mark.slow
def test_a_film_that_fills_the_candidates_hides_no_other_video(store: Store, monkeypatch: pytest.MonkeyPatch):
    """A camera that stands still: its segments are all alike. So many films are asked for as there are, and more."""
    if store.place.startswith("milvus"):
        from teachtext.search.stores import milvus

        # what a server returns at once
        monkeypatch.setattr(milvus, "_MOST", 64)
    query, random = make_query(0), np.random.default_rng(0)
    still = [Segment(n, n + 1, near(query, PATTERNS[n % 3], random, 0.05)) for n in range(500)]
    others = [
        Entry(
            make_entry(f"v{number}", tags=("dog",) if number < 3 else ()).item,
            [Segment(n, n + 1, near(query, PATTERNS[n % 2], random, 0.5)) for n in range(3)],
        )
        for number in range(30)
    ]
    entries = [Entry(make_entry("still").item, still), *others]
    fill(store, entries)
    expected = videos_of(segments_of(entries, 0))
    for k in (1, 2, 10, 31, 40):
        assert [video.id for video in nearly_top(store, SPACES, query, k)] == expected[:k]
        assert [video.id for video in Gallery(store, SPACES).top(query, k)] == expected[:k]
    dogs = [name for name in expected if name in ("v0", "v1", "v2")]
    assert [video.id for video in nearly_top(store, SPACES, query, 10, where=Filter(tags=["dog"]))] == dogs
    some = Filter(ids=["still", "v7", "nobody"])
    assert [video.id for video in nearly_top(store, SPACES, query, 5, where=some)] == ["still", "v7"]


@pytest.mark.slow
def test_a_vector_index_gives_as_many_videos_as_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lancedb = pytest.importorskip("lancedb")
    from teachtext.search.stores import lance, lance_nearest

    monkeypatch.setattr(lance, "_INDEXED_FROM", 3000)
    monkeypatch.setattr(lance, "_TABLE_FROM", 1000)
    # a search looks at few of the partitions
    monkeypatch.setattr(lance_nearest, "_PROBES", 1)
    store = open_store(tmp_path / "index")
    store.write_manifest({"spaces": SPACES})
    entries = [
        make_film(f"v{number:03}", [SCENE if number % 3 else ALL] * 20, seed=number, tags=("dog",) * (number % 50 == 0))
        for number in range(300)
    ]
    fill(store, entries)
    tables = [lancedb.connect(tmp_path / "index" / "vectors").open_table(f"pattern_{number}") for number in (4, 7)]
    assert all("IvfRq" in {index.index_type for index in table.list_indices()} for table in tables)
    agreeing = 0
    for seed in range(10):
        expected = videos_of(segments_of(entries, seed))
        for k in (10, 100, 300, 400):
            ranked = [video.id for video in nearly_top(store, SPACES, make_query(seed), k)]
            assert len(ranked) == len(set(ranked)) == min(k, 300)
        agreeing += len({*expected[:100]} & {video.id for video in nearly_top(store, SPACES, make_query(seed), 100)})
        for k in (3, 10):
            dogs = [video.id for video in nearly_top(store, SPACES, make_query(seed), k, where=Filter(tags=["dog"]))]
            assert dogs == [name for name in expected if int(name[1:]) % 50 == 0][:k]
    assert agreeing >= 800
