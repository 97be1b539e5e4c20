"""The gallery finds what `models.similarity` ranks highest, over any presence patterns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from entries import make_entry
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytest.importorskip("torch")
import torch

from teachtext.encoders.embedder import QueryVectors
from teachtext.models.similarity import TextEmbedding, VideoEmbedding, similarity
from teachtext.search.all_scores import AllScores
from teachtext.search.filters import Filter
from teachtext.search.gallery import Asked, Gallery
from teachtext.search.ranking import RankedSegment
from teachtext.search.stores.base import Block, Store
from teachtext.search.types import Entry, Item, Segment
from teachtext.search.vectors import contributions, row_of, vectors_of, width

DIMS = {"audio": 3, "face": 2, "scene": 4}


class Memory:
    """What a gallery reads of a store."""

    def __init__(self, entries: Sequence[Entry], spaces: Mapping[str, int]) -> None:
        self.spaces = spaces
        self.entries = {entry.item.id: entry for entry in entries}
        self.version = 0

    def versions(self) -> dict[tuple[str, ...], int]:
        return {segment.pattern: self.version for entry in self.entries.values() for segment in entry.segments}

    def patterns(self) -> list[tuple[str, ...]]:
        return list(self.versions())

    def read(self, pattern: tuple[str, ...]) -> Iterator[Block]:
        for entry in self.entries.values():
            for segment in entry.segments:
                if segment.pattern == pattern:
                    yield block_of([entry], [segment], self.spaces)


def block_of(entries: Sequence[Entry], segments: Sequence[Segment], spaces: Mapping[str, int]) -> Block:
    """A block of segments, and of their videos."""
    zeros = np.zeros(len(entries))
    rows = np.stack([row_of(segment, spaces) for segment in segments])
    times = np.array([(segment.start_s, segment.end_s) for segment in segments]).T
    return Block([one.item.id for one in entries], rows, *times, zeros, zeros, zeros > 0, [()] * len(entries))


def item_of(name: str) -> Item:
    return Item(id=name, content="", made="", added_s=0.0, size=0)


def entry(name: str, vectors: Mapping[str, np.ndarray], bias: float = 0.0) -> Entry:
    return Entry.of_clip(item_of(name), vectors, bias)


# few values, so that there are ties, of equal vectors and of different ones
value = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]) | st.floats(-1, 1, width=32)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Entry], QueryVectors]:
    def vector(dim: int) -> np.ndarray:
        one = draw(arrays.arrays(np.float32, dim, elements=value))
        norm = np.linalg.norm(one)
        return np.asarray(one / norm if norm > 1e-3 else np.eye(dim)[0], np.float32)

    entries = []
    for number in range(draw(st.integers(1, 12))):
        if entries and draw(st.booleans()):
            vectors = entries[draw(st.integers(0, len(entries) - 1))].segments[0].vectors
        else:
            names = draw(st.sets(st.sampled_from(sorted(DIMS)), min_size=1))
            vectors = {name: vector(DIMS[name]) for name in names}
        entries.append(entry(f"{draw(st.sampled_from('ab'))}{number}", vectors, draw(value)))
    weights = draw(arrays.arrays(np.float32, 3, elements=st.sampled_from([0.0, 1e-30, 1e-8, 0.25, 1.0])))
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(3, 1 / 3, np.float32)
    return entries, QueryVectors({name: vector(dim) for name, dim in DIMS.items()}, weights)


def brute_force(entries: Sequence[Entry], query: QueryVectors) -> np.ndarray:
    """`models.similarity` in double precision, (videos,)."""
    names = sorted(DIMS)
    text = TextEmbedding(
        {name: torch.from_numpy(query.vectors[name])[None].double() for name in names},
        torch.from_numpy(query.weights)[None].double(),
    )
    filler = {name: np.full(dim, 7, np.float32) for name, dim in DIMS.items()}
    vectors = [{**filler, **one.segments[0].vectors} for one in entries]
    video = VideoEmbedding(
        {name: torch.from_numpy(np.stack([of_video[name] for of_video in vectors])).double() for name in names},
        torch.tensor([[name in one.spaces for name in names] for one in entries]),
    )
    return similarity(text, video)[0].numpy()


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(world=worlds(), k=st.integers(1, 15), correct=st.booleans())
def test_the_best_are_those_of_brute_force_ties_by_id(
    world: tuple[list[Entry], QueryVectors], k: int, correct: bool
) -> None:
    entries, query = world
    truth = brute_force(entries, query)
    if correct:
        truth += np.array([one.segments[0].bias for one in entries], np.float32)
    order = sorted(range(len(entries)), key=lambda row: (-round(float(truth[row]), 9), entries[row].item.id))
    hits = Gallery(Memory(entries, DIMS), DIMS).top(query, k, correct=correct)
    assert [hit.id for hit in hits] == [entries[row].item.id for row in order[:k]]
    assert np.allclose([hit.score for hit in hits], truth[order[:k]], atol=1e-12)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(world=worlds(), k=st.integers(1, 15), correct=st.booleans(), data=st.data())
def test_a_film_has_the_score_of_its_best_segment(
    world: tuple[list[Entry], QueryVectors], k: int, correct: bool, data: st.DataObject
) -> None:
    """The clips of a world become the segments of films."""
    clips, query = world
    of_segments = brute_force(clips, query)
    if correct:
        of_segments += np.array([clip.segments[0].bias for clip in clips], np.float32)
    films: dict[str, list[Segment]] = {}
    ranked = []
    for clip, score in zip(clips, of_segments.tolist(), strict=True):
        name = f"film {data.draw(st.integers(0, 5))}"
        segments = films.setdefault(name, [])
        segments.append(replace(clip.segments[0], start_s=2.0 * len(segments), end_s=2.0 * len(segments) + 2))
        ranked.append(RankedSegment(name, score, segments[-1].start_s, segments[-1].end_s))
    ranked.sort(key=lambda segment: (-round(segment.score, 9), segment.id, segment.start_s))
    entries = [Entry(item_of(name), segments) for name, segments in films.items()]
    gallery = Gallery(Memory(entries, DIMS), DIMS)
    names = list(dict.fromkeys(segment.id for segment in ranked))
    assert [video.id for video in gallery.top(query, k, correct=correct)] == names[:k]
    best = gallery.top_segments(query, k, correct=correct)
    assert [segment._replace(score=0) for segment in best] == [segment._replace(score=0) for segment in ranked[:k]]
    scores = [segment.score for segment in ranked[:k]]
    assert np.allclose([segment.score for segment in best], scores, atol=1e-12)
    if not correct:
        every = AllScores(Memory(entries, DIMS), DIMS, [])
        expected = [max(segment.score for segment in ranked if segment.id == name) for name in every.ids]
        assert np.allclose(every.of([query]), [expected], atol=1e-8)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(world=worlds())
def test_contributions_sum_to_the_score(world: tuple[list[Entry], QueryVectors]) -> None:
    entries, query = world
    for one, score in zip(entries, brute_force(entries, query), strict=True):
        parts = contributions(query, one.segments[0].vectors)
        assert parts.keys() == set(one.spaces)
        assert sum(parts.values()) == pytest.approx(score, abs=1e-12)


@pytest.mark.slow
@settings(deadline=None)
@given(world=worlds())
def test_a_row_gives_back_its_vectors_and_bias(world: tuple[list[Entry], QueryVectors]) -> None:
    for one in (entry.segments[0] for entry in world[0]):
        row = row_of(one, DIMS)
        assert len(row) == width(one.pattern, DIMS) and len(row) % 8 == 0
        vectors, bias = vectors_of(row, one.pattern, DIMS)
        assert bias == np.float32(one.bias) and vectors.keys() == one.vectors.keys()
        assert all(np.array_equal(vectors[name], one.vectors[name]) for name in vectors)


@pytest.mark.slow
def test_a_large_gallery_is_ranked_as_exactly_as_a_small_one():
    spaces = {"audio": 5, "face": 3, "scene": 8}
    random = np.random.default_rng(0)
    entries = [make_entry(f"v{number:05}", seed=int(random.integers(0, 4000))) for number in range(9000)]
    store = Memory(entries, spaces)
    block = block_of(entries, [one.segments[0] for one in entries], spaces)
    store.read = lambda pattern: iter([block])
    query = QueryVectors(entries[5].segments[0].vectors, np.full(3, 1 / 3, np.float32))
    hits = Gallery(store, spaces).top(query, 20)
    scores = {one.item.id: sum(contributions(query, one.segments[0].vectors).values()) for one in entries}
    wanted = sorted(scores, key=lambda name: (-round(scores[name], 9), name))[:20]
    assert [hit.id for hit in hits] == wanted
    assert hits[0].score == hits[1].score, "equal vectors have equal scores, wherever they stand"


def test_it_is_read_again_only_where_it_has_changed():
    first, second = make_entry("a", ["scene"]), make_entry("b", ["face"])
    store = Memory([first, second], {"audio": 5, "face": 3, "scene": 8})
    read: list[tuple[str, ...]] = []
    plain = store.read
    store.read = lambda pattern: read.append(pattern) or plain(pattern)
    store.versions = lambda: {("scene",): 1, ("face",): store.version}
    gallery = Gallery(store, store.spaces)
    query = QueryVectors(make_entry("q").segments[0].vectors, np.full(3, 1 / 3, np.float32))
    for _ in range(3):
        assert {hit.id for hit in gallery.top(query, 5)} == {"a", "b"}
    assert sorted(read) == [("face",), ("scene",)]
    del store.entries["b"]
    store.version = 1
    assert [hit.id for hit in gallery.top(query, 5)] == ["a"]
    assert read[2:] == [("face",)]


def test_an_empty_gallery_finds_nothing():
    assert Gallery(Memory([], DIMS), DIMS).top(QueryVectors({}, np.zeros(0, np.float32)), 3) == []


def test_scores_that_are_equal_but_for_rounding_go_by_id():
    """One cosine in every space gives one score in every pattern, whatever the weights, but not bit for bit."""
    spaces = {"audio": 4, "face": 4, "scene": 4}
    asked = np.full(4, 0.5, np.float32)
    vector = np.array([0.1, 0.7, 0.1, 0.7], np.float32)
    vector /= np.linalg.norm(vector)
    patterns = [("scene",), ("audio", "face", "scene"), ("face",), ("audio", "scene"), ("audio", "face")]
    entries = [entry(f"v{(7 * number) % 20:02}", dict.fromkeys(patterns[number % 5], vector)) for number in range(20)]
    query = QueryVectors(dict.fromkeys(spaces, asked), np.array([0.13, 0.29, 0.58], np.float32))
    hits = Gallery(Memory(entries, spaces), spaces).top(query, 20)
    assert len({hit.score for hit in hits}) > 1
    assert [hit.id for hit in hits] == [f"v{number:02}" for number in range(20)]


def test_queries_at_once_have_the_videos_of_single_queries(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(5)
    entries = [make_entry(f"v/{number:03}", seed=number, bias=number % 3 - 1.0) for number in range(200)]
    spaces = {name: len(vector) for name, vector in entries[0].segments[0].vectors.items()}
    gallery = Gallery(Memory(entries, spaces), spaces)
    asked = [
        Asked(
            QueryVectors(
                {name: random.standard_normal(dim).astype(np.float32) for name, dim in spaces.items()},
                np.full(len(spaces), 1 / len(spaces), np.float32),
            ),
            k,
            where,
        )
        for k in (1, 7, 500)
        for where in (Filter(), Filter(without=["v/007"]), Filter(ids=["v/011", "v/012"]))
    ]
    for most in (10**6, 400):
        # with few scores at once the queries are compared in groups
        monkeypatch.setattr("teachtext.search.gallery._SCORES", most)
        for correct in (False, True):
            tops = gallery.top_all(asked, correct=correct)
            assert tops == [gallery.top(each.query, each.k, where=each.where, correct=correct) for each in asked]
    assert gallery.top_all([]) == []


def test_nearly_the_best_are_found_by_short_rows_with_exact_scores():
    """Vectors with a few strong directions, of videos with one or two segments, in a large and in a small pattern."""
    random = np.random.default_rng(0)
    spaces = {"audio": 64, "scene": 96}
    views = {name: random.standard_normal((30, dim)) for name, dim in spaces.items()}

    def vectors(names: Sequence[str]) -> dict[str, np.ndarray]:
        latent = random.standard_normal(30)
        noisy = {name: latent @ views[name] + random.standard_normal(spaces[name]) for name in names}
        return {name: np.asarray(one / np.linalg.norm(one), np.float32) for name, one in noisy.items()}

    def block(names: Sequence[str], count: int) -> Block:
        segments = [Segment(0.0, 1.0, vectors(names), float(random.normal(-0.3, 0.05))) for _ in range(count)]
        ids = [f"v{number // 2 if number < 200 else number:04}" for number in range(count)]
        return block_of([Entry(item_of(name), segments[:1]) for name in ids], segments, spaces)

    blocks = {("audio", "scene"): block(["audio", "scene"], 4500), ("scene",): block(["scene"], 300)}
    store = SimpleNamespace(versions=lambda: dict.fromkeys(blocks, 0), read=lambda pattern: iter([blocks[pattern]]))
    gallery = Gallery(cast(Store, store), spaces)
    asked = [
        Asked(QueryVectors(vectors(["audio", "scene"]), np.array([0.4, 0.6], np.float32)), k, where)
        for k in (10, 60)
        for where in (Filter(), Filter(ids=[f"v{number:04}" for number in range(0, 4500, 3)]), Filter(ids=["v0007"]))
        for _ in range(5)
    ]
    for correct in (False, True):
        common = 0
        for nearly, exact in zip(
            gallery.top_all(asked, correct=correct, nearly=True), gallery.top_all(asked, correct=correct), strict=True
        ):
            assert len(nearly) == len(exact)
            common += len({*nearly} & {*exact})
        assert common >= 0.98 * sum(map(len, gallery.top_all(asked, correct=correct)))
