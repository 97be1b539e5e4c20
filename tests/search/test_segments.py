"""Videos of several segments, in every store: whole or not at all, and ranked by their best segment."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from entries import SPACES, fill, heard, make_entry, make_film, make_query, same

from teachtext.search.ranking import Gallery, RankedSegment, nearly_top_segments
from teachtext.search.stores import open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry
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
    for seed in range(3):
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


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_writer_that_is_killed_leaves_the_film_whole(store: Store, number: int, monkeypatch: pytest.MonkeyPatch):
    before, after = CASES[number]
    old = make_film("film", before, seed=1, content="old", duration_s=9.0) if before else None
    new = make_film("film", after, seed=2, content="new", moments=(heard("word"),)) if after else None
    fill(store, [make_entry("clip"), make_film("other", [SCENE, ALL], seed=5)])

    def change(film: Entry | None) -> None:
        with store.writing():
            store.put([film]) if film else store.remove(["film"])

    for steps in range(30):
        change(old)
        gallery = Gallery(store, SPACES)
        gallery.top(make_query(0), 1)
        killed = was_killed(store, steps, monkeypatch, lambda: change(new))
        # for those who have opened the index before, and who open it now
        check_whole(store, gallery, [old, new])
        check_whole(open_store(store.place), gallery, [old, new])
        if not killed:
            break
        with store.writing():
            pass
        check_whole(store, gallery, [old, new])
    assert not killed and steps > 0
