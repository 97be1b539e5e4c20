"""Rows of LanceDB's tables, and conditions on them in SQL."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from teachtext.search.filters import Filter
from teachtext.search.types import Entry
from teachtext.search.vectors import Floats, PresencePattern, row_of, width


def arrow(entries: Sequence[Entry], pattern: PresencePattern, spaces: Mapping[str, int]) -> pa.Table:
    """Return entries of one pattern as rows of its table."""
    items = [entry.item for entry in entries]
    rows = np.stack([row_of(entry, spaces) for entry in entries])
    columns = {
        "id": pa.array([item.id for item in items], pa.string()),
        "content": pa.array([item.content for item in items], pa.string()),
        "made": pa.array([item.made for item in items], pa.string()),
        "written": pa.array([time.time()] * len(items), pa.float64()),
        "added_s": pa.array([item.added_s for item in items], pa.float64()),
        "size": pa.array([item.size for item in items], pa.int64()),
        "duration_s": pa.array([item.duration_s for item in items], pa.float64()),
        "tags": pa.array([list(item.tags) for item in items], pa.list_(pa.string())),
        "has_speech": pa.array([item.has_speech for item in items], pa.bool_()),
        "moments": pa.array([json.dumps(item.moments, ensure_ascii=False) for item in items], pa.string()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), width(pattern, spaces)),
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
    return " AND ".join(conditions)


def among(ids: Collection[str]) -> str:
    """Return the condition that a row has one of some ids, in SQL."""
    return f"id IN ({', '.join(map(_quoted, ids))})" if ids else "false"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
