import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.places import places_of, segment_parts
from teachtext.search.types import Entry, Item, Segment
from teachtext.search.vectors import contributions

QUERY = QueryVectors({"a": np.array([1, 0], np.float32), "b": np.array([0, 1], np.float32)}, np.array([0.75, 0.25]))


def unit(cosine: float) -> np.ndarray:
    return np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)


def film(*cosines: float) -> Entry:
    """A film whose segments, 4 s each, have these cosines with the query in space `a`, and no other space."""
    segments = [Segment(4.0 * n, 4.0 * n + 4, {"a": unit(cosine)}) for n, cosine in enumerate(cosines)]
    return Entry(Item(id="r/film.mp4", content="c", made="m", added_s=0, size=1), segments)


def test_neighbours_that_stand_out_are_one_place_and_places_come_best_first():
    places = places_of(QUERY, film(0.1, 0.7, 0.1, 0.1, 0.8, 0.9, 0.1))
    assert [(place.start_s, place.end_s, place.at_s) for place in places] == [(16, 24, 22), (4, 8, 6)]
    assert [place.score for place in places] == pytest.approx([0.9, 0.7])
    assert places[0].why == {"a": pytest.approx(0.9)}


def test_a_clip_is_one_place():
    [place] = places_of(QUERY, film(0.3))
    assert (place.start_s, place.end_s, place.at_s) == (0, 4, 2)


def test_there_are_at_most_so_many_places():
    assert len(places_of(QUERY, film(*[0.9, 0.1, 0.1] * 9), most=3)) == 3


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from(["a", "b", "ab"])), min_size=1, max_size=12)
)
def test_scores_are_those_of_the_segments_and_the_best_place_holds_the_best_segment(drawn):
    segments = [
        Segment(float(n), n + 1.0, {name: unit(cosine) for name, cosine in (("a", x), ("b", y)) if name in spaces})
        for n, (x, y, spaces) in enumerate(drawn)
    ]
    entry = Entry(Item(id="r/film.mp4", content="c", made="m", added_s=0, size=1), segments)
    expected = [contributions(QUERY, segment.vectors) for segment in segments]
    for actual, right in zip(segment_parts(QUERY, entry), expected, strict=True):
        assert actual == pytest.approx(right)
    scores = [sum(parts.values()) for parts in expected]
    places = places_of(QUERY, entry, most=99)
    assert places[0].score == pytest.approx(max(scores))
    assert places[0].start_s <= np.argmax(scores) < places[0].end_s
    assert all(later.score <= earlier.score for earlier, later in itertools.pairwise(places))
    spans = sorted((place.start_s, place.end_s) for place in places)
    assert all(later[0] >= earlier[1] for earlier, later in itertools.pairwise(spans))
