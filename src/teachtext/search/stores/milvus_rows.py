"""Rows of Milvus, and conditions on them in its language."""

import base64
import hashlib
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient

from teachtext.search.filters import Filter
from teachtext.search.stores.rows import Row, texts_of
from teachtext.search.types import Moment
from teachtext.search.vectors import Floats, PresencePattern, number_of, pattern_of, row_of, vectors_of, width

PARTITION = "pattern_"
# longest text of a field, and number of fields over which a longer text is spread
_LONGEST, _PARTS = 65_000, 4
TEXTS = [f"text_{number}" for number in range(_PARTS)]


def schema_of(dim: int) -> tuple[Any, Any]:
    """Return the schema of a collection and its vector index.

    Args:
        dim: width of a row with all spaces.
    """
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("video", DataType.VARCHAR, max_length=64)
    for name in ("id", "content", "made", *TEXTS):
        schema.add_field(name, DataType.VARCHAR, max_length=65_535)
    for name in ("written", "added_s", "duration_s", "start_s", "end_s"):
        schema.add_field(name, DataType.DOUBLE)
    for name in ("size", "segment", "segments"):
        schema.add_field(name, DataType.INT64)
    schema.add_field("has_speech", DataType.BOOL)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=1000, max_length=1000)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    index = MilvusClient.prepare_index_params()
    index.add_index("video", index_type="Trie")
    index.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 200})
    return schema, index


class RowLayout:
    """Conversion of segments to rows that are as wide as all spaces, and back.

    Args:
        spaces: dimension by space.
    """

    def __init__(self, spaces: Mapping[str, int]) -> None:
        self.spaces = dict(spaces)
        self._columns: dict[str, slice] = {}
        self._bias = 0
        for name in sorted(spaces):
            self._columns[name] = slice(self._bias, self._bias + spaces[name])
            self._bias += spaces[name]
        self._width = width(tuple(spaces), spaces)

    def partition(self, pattern: PresencePattern) -> str:
        """Return the name of a pattern's partition."""
        return f"{PARTITION}{number_of(pattern, self.spaces)}"

    def pattern(self, number: str) -> PresencePattern:
        """Return the pattern whose partition has a number."""
        return pattern_of(int(number), self.spaces)

    def row(self, row: Row) -> dict[str, Any]:
        """Return a segment by column. The words of a video stand in its first row alone."""
        item, segment = row.entry.item, row.segment
        return {
            "key": _key(row),
            "video": hash_of(item.id),
            "id": item.id,
            "segment": row.number,
            "segments": len(row.entry.segments),
            "start_s": segment.start_s,
            "end_s": segment.end_s,
            "content": item.content,
            "made": item.made,
            "written": row.written,
            "added_s": item.added_s,
            "size": item.size,
            "duration_s": -1.0 if item.duration_s is None else item.duration_s,
            "tags": list(item.tags),
            "has_speech": item.has_speech,
            "vector": self.wide(row_of(segment, self.spaces), segment.pattern),
            **_packed_moments(texts_of(row)),
        }

    def wide(self, row: Floats, pattern: PresencePattern) -> Floats:
        """Return a row of a pattern as wide as all spaces."""
        wide = np.zeros(self._width, np.float32)
        vectors, wide[self._bias] = vectors_of(row, pattern, self.spaces)
        for name, vector in vectors.items():
            wide[self._columns[name]] = vector
        return wide

    def narrow(self, rows: Sequence[Sequence[float]], pattern: PresencePattern) -> Floats:
        """Return rows of a pattern, (n, width), from rows as wide as all spaces."""
        wide = np.array(rows, np.float32).reshape(-1, self._width)
        narrow = np.zeros((len(wide), width(pattern, self.spaces)), np.float32)
        kept = [wide[:, self._columns[name]] for name in pattern]
        joined = np.concatenate([*kept, wide[:, self._bias : self._bias + 1]], axis=1)
        narrow[:, : joined.shape[1]] = joined
        return narrow


def row_about_index(key: str, texts: Mapping[str, str], dim: int) -> dict[str, Any]:
    """Return a row that holds texts, and no entry."""
    empty = {
        **dict.fromkeys(("video", "id", "content", "made"), ""),
        **dict.fromkeys(("written", "added_s", "start_s", "end_s"), 0.0),
        **dict.fromkeys(("size", "segment", "segments"), 0),
    }
    return {
        "key": key,
        **empty,
        "duration_s": -1.0,
        "tags": [],
        "has_speech": False,
        "vector": np.zeros(dim, np.float32),
        **texts,
    }


def packed(value: Any) -> dict[str, str] | None:
    """Return a JSON-able value, compressed, by text field; None if the value is too large."""
    text = base64.b85encode(zlib.compress(json.dumps(value, ensure_ascii=False).encode())).decode()
    if len(text) > _LONGEST * _PARTS:
        return None
    return {name: text[n * _LONGEST : (n + 1) * _LONGEST] for n, name in enumerate(TEXTS)}


def _packed_moments(moments: Sequence[Moment]) -> dict[str, str]:
    """Return moments by text field. Of a video of many hours, the last moments are dropped if they do not fit."""
    kept = list(moments)
    while (texts := packed(kept)) is None:
        kept = kept[: len(kept) * 9 // 10]
    return texts


def unpacked(row: Mapping[str, Any]) -> Any:
    """Return the value that `packed` has spread over the text fields."""
    text = "".join(row[name] for name in TEXTS)
    return json.loads(zlib.decompress(base64.b85decode(text)))


def expression(where: Filter) -> str:
    """Return a filter as a condition in the language of Milvus; empty if it admits everything."""
    conditions = [f"{name} {sign} {bound!r}" for name, sign, bound in where.bounds]
    if where.shortest_s is not None or where.longest_s is not None:
        # an unknown length is stored as a negative number
        conditions.append("duration_s >= 0.0")
    conditions += [f"array_contains(tags, {json.dumps(tag, ensure_ascii=False)})" for tag in where.tags]
    if where.has_speech is not None:
        conditions.append(f"has_speech == {str(where.has_speech).lower()}")
    if where.ids is not None:
        conditions.append(among(where.ids))
    if where.without:
        conditions.append(f"not ({among(where.without)})")
    return both(*conditions)


def settled(unsettled: Mapping[float | None, Collection[str]]) -> str:
    """Return the condition that a row counts, in the language of Milvus; empty if all rows do.

    Args:
        unsettled: ids of videos by the time of writing of those of their rows that count (see `partitioned`).
    """
    if not unsettled:
        return ""
    conditions = [f"not ({among([name for names in unsettled.values() for name in names])})"]
    conditions += [f"({both(written(time), among(names))})" for time, names in unsettled.items() if time is not None]
    return f"({' or '.join(conditions)})"


def written(time: float, sign: str = "==") -> str:
    """Return the condition that a row was written at a time, in the language of Milvus."""
    return f"written {sign} {time!r}"


def both(*conditions: str) -> str:
    """Return the condition that all conditions hold, of which some may be empty."""
    return " and ".join(filter(None, conditions))


def among(ids: Collection[str]) -> str:
    """Return the condition that a row is of one of some videos, in the language of Milvus."""
    return f"video in {json.dumps([hash_of(name) for name in ids])}"


def hash_of(item_id: str) -> str:
    """Return the hash of an id."""
    return hashlib.sha256(item_id.encode()).hexdigest()[:32]


def _key(row: Row) -> str:
    """Return the key of a row.

    The row of a single segment has one key for good, so that another such row takes its place at once. Rows of several
    segments have new keys each time they are written.
    """
    video = hash_of(row.entry.item.id)
    return video if len(row.entry.segments) == 1 else f"{video}-{row.written.hex()}-{row.number}"
