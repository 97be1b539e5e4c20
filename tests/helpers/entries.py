"""Entries of an index, and queries, made of random vectors."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.types import Entry, Item, Moment

SPACES = {"audio": 5, "face": 3, "scene": 8}


def unit(vector: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def make_entry(
    name: str, spaces: Sequence[str] = tuple(SPACES), *, seed: int | None = None, bias: float = 0.0, **facts: Any
) -> Entry:
    random = np.random.default_rng(zlib.crc32(name.encode()) if seed is None else seed)
    facts = {"content": "c0", "made": "m0", "added_s": 1_700_000_000.0, "size": 10, **facts}
    vectors = {space: unit(random.standard_normal(SPACES[space])) for space in sorted(spaces)}
    return Entry(Item(id=name, **facts), vectors, bias)


def make_query(seed: int, weights: Sequence[float] = (0.2, 0.3, 0.5)) -> QueryVectors:
    random = np.random.default_rng(seed)
    vectors = {space: unit(random.standard_normal(dim)) for space, dim in sorted(SPACES.items())}
    return QueryVectors(vectors, np.array(weights, np.float32))


def heard(text: str, start_s: float = 0.0, expert: str = "speech") -> Moment:
    return Moment(start_s, start_s + 1.5, expert, text)
