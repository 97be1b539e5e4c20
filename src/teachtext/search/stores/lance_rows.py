"""What LanceDB keeps of an entry, and how it is asked for some."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from teachtext.search.types import Entry, Filter, Item, Moment
from teachtext.search.vectors import Floats, PresencePattern, row_of, width

FACTS = ["id", "content", "made", "written", "added_s", "size", "duration_s", "tags"]


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


def item_of(row: Mapping[str, Any]) -> Item:
    """Return the item of a row, with its moments if they were read."""
    return Item(
        id=row["id"],
        content=row["content"],
        made=row["made"],
        added_s=row["added_s"],
        size=row["size"],
        duration_s=row["duration_s"],
        tags=tuple(row["tags"]),
        moments=tuple(Moment(*told) for told in json.loads(row.get("moments", "[]"))),
    )


def matrix(column: Any) -> Floats:
    """Return the vectors of a column, (n, width)."""
    return np.asarray(column.flatten().to_numpy(), np.float32).reshape(-1, column.type.list_size)


def sql(where: Filter) -> str:
    """Return a filter in SQL."""
    told = [
        *([f"duration_s >= {where.shortest_s!r}"] if where.shortest_s is not None else []),
        *([f"duration_s <= {where.longest_s!r}"] if where.longest_s is not None else []),
        *([f"added_s >= {where.added_from_s!r}"] if where.added_from_s is not None else []),
        *([f"added_s <= {where.added_until_s!r}"] if where.added_until_s is not None else []),
        *(f"array_has(tags, {_quoted(tag)})" for tag in where.tags),
        *([f"has_speech = {where.has_speech}"] if where.has_speech is not None else []),
        *([among(where.ids)] if where.ids is not None else []),
    ]
    return " AND ".join(told)


def among(ids: Collection[str]) -> str:
    """Return what the rows of some ids have in common, in SQL."""
    return f"id IN ({', '.join(map(_quoted, ids))})" if ids else "false"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
