"""Entries of an index, and queries, made of random vectors."""

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from teachtext.data.types import FeatureRows
from teachtext.encoders.embedder import QueryVectors, VideoVectors
from teachtext.errors import InputError
from teachtext.search.filters import Filter
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry, Item, Moment, Segment

ODD = ["it's", 'say "hi"', "a\\b", "über/日本.mp4", "'; DROP TABLE x; --", "100%_", "a\nb", "x' OR '1'='1"]
"""Ids and tags that no query language may take for its own."""

SPACES = {"audio": 5, "face": 3, "scene": 8}


def unit(vector: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def make_entry(
    name: str, spaces: Sequence[str] = tuple(SPACES), *, seed: int | None = None, bias: float = 0.0, **facts: Any
) -> Entry:
    random = np.random.default_rng(zlib.crc32(name.encode()) if seed is None else seed)
    facts = {"content": "c0", "made": "m0", "added_s": 1_700_000_000.0, "size": 10, **facts}
    vectors = {space: unit(random.standard_normal(SPACES[space])) for space in sorted(spaces)}
    return Entry.of_clip(Item(id=name, **facts), vectors, bias)


def make_film(name: str, patterns: Sequence[Sequence[str]], *, seed: int = 0, **facts: Any) -> Entry:
    """A video of a segment for each presence pattern, 10 s each."""
    parts = [make_entry(name, spaces, seed=100 * seed + number, **facts) for number, spaces in enumerate(patterns)]
    segments = [
        Segment(10.0 * number, 10.0 * number + 10, part.segments[0].vectors, bias=0.25 * math.sin(seed + number))
        for number, part in enumerate(parts)
    ]
    return Entry(parts[0].item, segments)


def make_query(seed: int, weights: Sequence[float] = (0.2, 0.3, 0.5)) -> QueryVectors:
    random = np.random.default_rng(seed)
    vectors = {space: unit(random.standard_normal(dim)) for space, dim in sorted(SPACES.items())}
    return QueryVectors(vectors, np.array(weights, np.float32))


def heard(text: str, start_s: float = 0.0, expert: str = "speech") -> Moment:
    return Moment(start_s, start_s + 1.5, expert, text)


def fill(store: Store, entries: Sequence[Entry]) -> None:
    with store.writing():
        store.put(entries)
        store.tidy()


def same(stored: Entry, entry: Entry) -> bool:
    return (
        stored.item == entry.item
        and len(stored.segments) == len(entry.segments)
        and all(same_segment(one, other) for one, other in zip(stored.segments, entry.segments, strict=True))
    )


def same_segment(stored: Segment, segment: Segment) -> bool:
    return (
        (stored.start_s, stored.end_s) == (segment.start_s, segment.end_s)
        and stored.vectors.keys() == segment.vectors.keys()
        and all(np.array_equal(stored.vectors[space], segment.vectors[space]) for space in segment.vectors)
        and stored.bias == np.float32(segment.bias)
    )


def filters(ids: Sequence[str]) -> st.SearchStrategy[Filter]:
    """Filters of videos that are up to 130 s long and were added in the 130 s after 1e9."""
    bounds = st.none() | st.floats(0, 130, allow_nan=False)
    dates = bounds.map(lambda value: None if value is None else 1e9 + value)
    return st.builds(
        Filter,
        shortest_s=bounds,
        longest_s=bounds,
        added_from_s=dates,
        added_until_s=dates,
        tags=st.lists(st.sampled_from(["dog", "it's", "cat", *ODD]), max_size=2),
        has_speech=st.none() | st.booleans(),
        ids=st.none() | st.lists(st.sampled_from([*ids, *ODD]), max_size=30),
        without=st.lists(st.sampled_from([*ids, *ODD]), max_size=3),
    )


class Numbered:
    """An embedder whose query is a number; the model has no folder, so it has learned from no videos."""

    experts: Sequence[str] = list(SPACES)
    expert_settings: Mapping[str, Any] = {}
    spaces: Mapping[str, int] = SPACES
    identity: Mapping[str, Any] = {"kind": "classnames", "name": "numbered", "fingerprint": "f"}

    def embed_query(self, text: str) -> QueryVectors:
        return make_query(int(text))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        return [self.embed_query(text) for text in texts]

    def embed_videos(self, files: Mapping[str, FeatureRows], video_ids: Sequence[str]) -> list[VideoVectors]:
        raise NotImplementedError


class Texts:
    """A model whose queries are random, the same for the same text."""

    def __init__(self) -> None:
        self.experts = sorted(SPACES)
        self.expert_settings: dict[str, Any] = {}
        self.spaces = SPACES
        self.identity = {"kind": "trained", "name": "texts", "folder": "/nowhere", "fingerprint": "f"}

    def embed_query(self, text: str) -> QueryVectors:
        if not text.strip():
            raise InputError("the query is empty", "fill it in")
        random = np.random.default_rng(sum(map(ord, text)))
        vectors = {name: unit(random.standard_normal(dim)) for name, dim in SPACES.items()}
        return QueryVectors(vectors, np.array([0.2, 0.3, 0.5], np.float32))

    def embed_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        return [self.embed_query(text) for text in texts]

    def embed_videos(self, files: Any, video_ids: Sequence[str]) -> list[VideoVectors]:
        raise NotImplementedError
