"""Rows of LanceDB's tables, and conditions on them in SQL."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from teachtext.search.filters import Filter
from teachtext.search.stores.rows import Row, texts_of
from teachtext.search.vectors import Floats, PresencePattern, row_of, width


def arrow(rows: Sequence[Row], pattern: PresencePattern, spaces: Mapping[str, int]) -> pa.Table:
    """Return segments of one pattern as rows of its table. The words of a video stand in its first row alone."""
    items = [row.entry.item for row in rows]
    segments = [row.segment for row in rows]
    moments = [json.dumps(texts_of(row), ensure_ascii=False) for row in rows]
    vectors = np.stack([row_of(segment, spaces) for segment in segments])
    columns = {
        "id": pa.array([item.id for item in items], pa.string()),
        "segment": pa.array([row.number for row in rows], pa.int32()),
        "segments": pa.array([len(row.entry.segments) for row in rows], pa.int32()),
        "start_s": pa.array([segment.start_s for segment in segments], pa.float64()),
        "end_s": pa.array([segment.end_s for segment in segments], pa.float64()),
        "content": pa.array([item.content for item in items], pa.string()),
        "made": pa.array([item.made for item in items], pa.string()),
        "written": pa.array([row.written for row in rows], pa.float64()),
        "added_s": pa.array([item.added_s for item in items], pa.float64()),
        "size": pa.array([item.size for item in items], pa.int64()),
        "duration_s": pa.array([item.duration_s for item in items], pa.float64()),
        "tags": pa.array([list(item.tags) for item in items], pa.list_(pa.string())),
        "has_speech": pa.array([item.has_speech for item in items], pa.bool_()),
        "moments": pa.array(moments, pa.string()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width(pattern, spaces)),
    }
    return pa.table(columns)


def matrix(column: Any) -> Floats:
    """Return the vectors of a column, (n, width)."""
    return np.asarray(column.flatten().to_numpy(), np.float32).reshape(-1, column.type.list_size)


def sql(where: Filter) -> str:
    """Return a filter as a condition in SQL; empty if it admits everything."""
    conditions = [f"{name} {sign} {bound!r}" for name, sign, bound in where.bounds]
    conditions += [f"array_has(tags, {_quoted(tag)})" for tag in where.tags]
    if where.has_speech is not None:
        conditions.append(f"has_speech = {where.has_speech}")
    if where.ids is not None:
        conditions.append(among(where.ids))
    if where.without:
        conditions.append(f"NOT {among(where.without)}")
    return both(*conditions)


def settled(unsettled: Mapping[float | None, Collection[str]]) -> str:
    """Return the condition that a row counts, in SQL; empty if all rows do.

    Args:
        unsettled: ids of videos by the time of writing of those of their rows that count (see `partitioned`).
    """
    if not unsettled:
        return ""
    conditions = [f"NOT {among([name for names in unsettled.values() for name in names])}"]
    conditions += [f"(written = {time!r} AND {among(names)})" for time, names in unsettled.items() if time is not None]
    return f"({' OR '.join(conditions)})"


def both(*conditions: str) -> str:
    """Return the condition that all conditions hold, of which some may be empty."""
    return " AND ".join(filter(None, conditions))


def among(ids: Collection[str]) -> str:
    """Return the condition that a row has one of some ids, in SQL."""
    return f"id IN ({', '.join(map(_quoted, ids))})" if ids else "false"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
