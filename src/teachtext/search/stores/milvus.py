"""The distributed store: Milvus, one collection for an index, one partition for each presence pattern.

A partition has vector indexes of its own, so that a search within a pattern reads no other pattern. Rows are as wide as
all spaces together, with zeros where a pattern lacks a space. Rows of the default partition hold the manifest, the
journal (see `teachtext.search.stores.partitioned`), and how often the manifest and every pattern have changed. Videos
are looked up by the hash of their id: some releases allow no quotes in a condition.
"""

import logging
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from pymilvus import MilvusClient, MilvusException
from pymilvus.exceptions import ErrorCode

from teachtext.errors import InputError
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.stores.base import Block, Nearest, StoreState
from teachtext.search.stores.milvus_lock import writer_lock
from teachtext.search.stores.milvus_rows import (
    PARTITION,
    TEXTS,
    RowLayout,
    among,
    both,
    expression,
    packed,
    row_about_index,
    schema_of,
    settled,
    unpacked,
    written,
)
from teachtext.search.stores.partitioned import PartitionedStore
from teachtext.search.stores.rows import FACTS, PLACE, STAMP, Row, Stamp, Stored, make_item
from teachtext.search.types import Item
from teachtext.search.vectors import Floats, PresencePattern, width

TOKEN = "MILVUS_TOKEN"
_URL = re.compile(r"milvus://(?P<host>[^/:@]+)(:(?P<port>\d{1,5}))?/(?P<name>[A-Za-z_]\w*)", re.ASCII)
# keys of the rows about the index; within the second, the key of the manifest's version
_MANIFEST, _STATE, _JOURNAL, _MANIFEST_VERSION = "info", "state", "journal", "manifest"
_DEFAULT = "_default"
_TIMEOUT_S = 60.0
_BATCH = 1000
# candidates of the HNSW graph, at least
_EF = 128
_MOST = 16_384
_AT_ONCE = 8


class MilvusStore(PartitionedStore):
    """A store in a collection of Milvus (see `teachtext.search.stores.base.Store`).

    Args:
        url: `milvus://host[:port]/collection`. A server that requires a token gets the value of MILVUS_TOKEN.
    """

    _ERRORS = (MilvusException, OSError, RuntimeError, ValueError)
    _MEND = "check that the server runs there, then try again"

    def __init__(self, url: str) -> None:
        self.place = url
        match = _URL.fullmatch(url)
        if match is None:
            raise InputError(f"'{url}' names no collection", "write milvus://host:port/name, the name of letters and _")
        self._name = match["name"]
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        with self._one_sentence():
            server = f"http://{match['host']}:{match['port'] or 19530}"
            self._client = MilvusClient(uri=server, token=os.environ.get(TOKEN, ""), timeout=10)
        self._pool = ThreadPoolExecutor(_AT_ONCE)

    def manifest(self) -> dict[str, Any] | None:
        """Return the fields of the manifest; see `Store.manifest`."""
        with self._one_sentence():
            return self._row_about_index(_MANIFEST)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest; see `Store.write_manifest`."""
        with self._one_sentence():
            if not self._client.has_collection(self._name, timeout=_TIMEOUT_S):
                schema, index = schema_of(width(tuple(manifest["spaces"]), manifest["spaces"]))
                self._client.create_collection(self._name, schema=schema, index_params=index, timeout=_TIMEOUT_S)
            self._keep_row_about_index(_MANIFEST, dict(manifest))
            self._count_changes([_MANIFEST_VERSION])

    @cached_property
    def _layout(self) -> RowLayout:
        return RowLayout(self._spaces)

    @contextmanager
    def writing(self, wait_s: float = 0.0) -> Iterator[None]:
        """Be the one writer; see `Store.writing`."""
        lock = writer_lock(self._client, self._name, self.place, self._one_sentence, wait_s=wait_s)
        with lock, self._settled():
            yield

    def _settle(self) -> dict[str, Stored]:
        stored = super()._settle()
        self._note_change(self._patterns())
        return stored

    def state(self) -> StoreState:
        """Return how often the manifest and each pattern have changed; see `Store.state`."""
        with self._one_sentence():
            counts = self._row_about_index(_STATE, level="Session") or {}
            manifest = counts.pop(_MANIFEST_VERSION, None)
            return StoreState(manifest, {self._layout.pattern(number): count for number, count in counts.items()})

    def catalog(self) -> Iterator[Item]:
        """Yield all items; see `Store.catalog`."""
        with self._one_sentence():
            condition = both("segment == 0", self._settled_rows)
            for pattern in self._patterns():
                for rows in self._pages(pattern, FACTS, condition):
                    yield from (make_item(row, ()) for row in rows)

    def read(self, pattern: PresencePattern) -> Iterator[Block]:
        """Yield all segments of a pattern; see `Store.read`."""
        with self._one_sentence():
            if pattern in self._patterns():
                fields = ["id", "start_s", "end_s", "duration_s", "added_s", "has_speech", "tags", "vector"]
                for rows in self._pages(pattern, fields, self._settled_rows):
                    duration_s = np.array([row["duration_s"] for row in rows])
                    yield Block(
                        [row["id"] for row in rows],
                        self._layout.narrow([row["vector"] for row in rows], pattern),
                        np.array([row["start_s"] for row in rows], np.float64),
                        np.array([row["end_s"] for row in rows], np.float64),
                        np.where(duration_s < 0, np.nan, duration_s),
                        np.array([row["added_s"] for row in rows]),
                        np.array([row["has_speech"] for row in rows], bool),
                        [list(row["tags"]) for row in rows],
                    )

    def nearest(
        self, queries: Mapping[PresencePattern, Floats], k: int, where: Filter = EVERYTHING
    ) -> Mapping[PresencePattern, Nearest]:
        """Return about the nearest segments; see `Store.nearest`."""

        def search(condition: str) -> Mapping[PresencePattern, Nearest]:
            # the server searches the patterns in parallel
            results = self._pool.map(lambda pattern: self._search(pattern, queries[pattern], k, condition), queries)
            return dict(zip(queries, results, strict=True))

        with self._one_sentence():
            # meanwhile, for there is rarely a journal
            rows_that_count = self._pool.submit(lambda: self._settled_rows)
            results = search(expression(where))
            condition = rows_that_count.result()
            return search(both(expression(where), condition)) if condition else results

    def _search(self, pattern: PresencePattern, row: Floats, k: int, condition: str) -> Nearest:
        limit = min(k, _MOST)
        fields = ["id", "start_s", "end_s", "vector"]
        hits = self._client.search(
            self._name,
            [self._layout.wide(row, pattern)],
            filter=condition,
            limit=limit,
            output_fields=fields,
            search_params={"metric_type": "IP", "params": {"ef": max(limit, _EF)}},
            partition_names=[self._layout.partition(pattern)],
            consistency_level="Session",
            timeout=_TIMEOUT_S,
        )[0]
        near = self._near([hit["entity"] for hit in hits], pattern)
        if len(near.ids) == k or len(near.ids) == self._count(condition, pattern):
            return near
        # The server returns no more rows of one search, or its graph has not reached all rows.
        near = self._near([], pattern)
        for rows in self._pages(pattern, fields, condition):
            near = _best(near, self._near(rows, pattern), row, k)
        return near

    def _near(self, rows: Sequence[Mapping[str, Any]], pattern: PresencePattern) -> Nearest:
        return Nearest(
            [row["id"] for row in rows],
            self._layout.narrow([row["vector"] for row in rows], pattern),
            np.array([row["start_s"] for row in rows], np.float64),
            np.array([row["end_s"] for row in rows], np.float64),
        )

    def tidy(self) -> None:
        """Let the server write what it holds in memory, and compact; see `Store.tidy`."""
        with self._one_sentence():
            self._client.flush(self._name, timeout=10 * _TIMEOUT_S)
            self._client.compact(self._name, timeout=_TIMEOUT_S)

    def _patterns(self) -> Sequence[PresencePattern]:
        if not self._client.has_collection(self._name, timeout=_TIMEOUT_S):
            return []
        names = self._client.list_partitions(self._name, timeout=_TIMEOUT_S)
        return [self._layout.pattern(name.removeprefix(PARTITION)) for name in sorted(names) if name != _DEFAULT]

    @property
    def _settled_rows(self) -> str:
        """The condition that a row counts."""
        return settled(self._unsettled())

    def _count_rows(self, pattern: PresencePattern, *, first: bool) -> int:
        return self._count(both("segment == 0" if first else "", self._settled_rows), pattern)

    def _count(self, condition: str, pattern: PresencePattern) -> int:
        rows = self._query(condition, ["count(*)"], [self._layout.partition(pattern)], level="Session")
        return int(rows[0]["count(*)"])

    def _stamps(self, pattern: PresencePattern, ids: Sequence[str] | None = None) -> Iterator[Stamp]:
        for rows in self._pages(pattern, STAMP, "" if ids is None else among(ids)):
            yield from ((row["id"], row["written"], row["segments"]) for row in rows)

    def _select(self, pattern: PresencePattern, ids: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], Floats]]:
        for rows in self._pages(pattern, [*FACTS, *PLACE, *TEXTS, "vector"], among(ids), level="Session"):
            yield from zip(rows, self._layout.narrow([row["vector"] for row in rows], pattern), strict=True)

    def _first_rows(self, pattern: PresencePattern, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        condition = both("segment == 0", among(ids), self._settled_rows)
        for rows in self._pages(pattern, [*FACTS, *TEXTS], condition, level="Session"):
            yield from rows

    def _words_of(self, columns: Mapping[str, Any]) -> Any:
        return unpacked(columns)

    def _is_one_commit(self, before: Stored, after: Stored) -> bool:
        return super()._is_one_commit(before, after) and before.segments == after.segments == 1

    def _write(self, pattern: PresencePattern, rows: Sequence[Row], replaced: Collection[str]) -> None:
        # a row that replaces another has its key
        partition = self._layout.partition(pattern)
        if pattern not in self._patterns():
            self._client.create_partition(self._name, partition, timeout=_TIMEOUT_S)
            self._note_change([pattern])
        for start in range(0, len(rows), _BATCH):
            self._upsert([self._layout.row(row) for row in rows[start : start + _BATCH]], partition)

    def _delete(self, pattern: PresencePattern, ids: Sequence[str], *, unless: float | None = None) -> None:
        partition = self._layout.partition(pattern)
        for start in range(0, len(ids), _BATCH):
            condition = both(among(ids[start : start + _BATCH]), "" if unless is None else written(unless, "!="))
            self._client.delete(self._name, filter=condition, partition_name=partition, timeout=_TIMEOUT_S)

    def _journal(self) -> Sequence[str]:
        ids: Sequence[str] = (self._row_about_index(_JOURNAL, level="Session") or {}).get("ids", [])
        return ids

    def _keep_journal(self, ids: Sequence[str], patterns: Collection[PresencePattern]) -> None:
        # the patterns get new versions afterwards
        self._keep_row_about_index(_JOURNAL, {"ids": ids})

    def _note_change(self, patterns: Collection[PresencePattern]) -> None:
        self._count_changes([self._layout.partition(pattern).removeprefix(PARTITION) for pattern in patterns])

    def _count_changes(self, keys: Collection[str]) -> None:
        if keys:
            counts = self._row_about_index(_STATE) or {}
            # A collection that is made anew begins with other numbers than the one before.
            start = time.time_ns() // 1_000_000
            self._keep_row_about_index(_STATE, counts | {key: counts.get(key, start) + 1 for key in keys})

    def _query(self, condition: str, fields: list[str], partitions: list[str], *, level: str = "Strong") -> Any:
        return self._client.query(
            self._name,
            filter=condition,
            output_fields=fields,
            partition_names=partitions,
            consistency_level=level,
            timeout=_TIMEOUT_S,
        )

    def _pages(
        self, pattern: PresencePattern, fields: list[str], condition: str = "", *, level: str = "Strong"
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield all rows of a pattern that meet a condition, a page at a time, in order of their keys.

        At level `Strong` a page that is not full is not taken for the last one.
        """
        last = ""
        while rows := self._client.query(
            self._name,
            filter=both(f'key > "{last}"', condition),
            output_fields=["key", *fields],
            partition_names=[self._layout.partition(pattern)],
            consistency_level=level,
            limit=_BATCH,
            timeout=_TIMEOUT_S,
        ):
            yield sorted(rows, key=lambda row: str(row["key"]))
            if len(rows) < _BATCH and level != "Strong":
                break
            last = max(row["key"] for row in rows)

    def _upsert(self, rows: list[dict[str, Any]], partition: str) -> None:
        self._client.upsert(self._name, rows, partition_name=partition, timeout=_TIMEOUT_S)

    def _row_about_index(self, key: str, *, level: str = "Strong") -> dict[str, Any] | None:
        try:
            rows = self._query(f'key == "{key}"', TEXTS, [_DEFAULT], level=level)
        except MilvusException as error:
            if error.code != ErrorCode.COLLECTION_NOT_FOUND:
                raise
            return None
        return dict(unpacked(rows[0])) if rows else None

    def _keep_row_about_index(self, key: str, value: Mapping[str, Any]) -> None:
        texts = packed(value)
        if texts is None:
            raise InputError(f"{self.place} cannot keep so large a manifest", "give a smaller query bank")
        fields = self._client.describe_collection(self._name, timeout=_TIMEOUT_S)["fields"]
        dim = next(int(field["params"]["dim"]) for field in fields if field["name"] == "vector")
        self._upsert([row_about_index(key, texts, dim)], _DEFAULT)


def _best(near: Nearest, more: Nearest, row: Floats, k: int) -> Nearest:
    """Return the k segments of two lots with the largest inner product with a query row."""
    rows = np.concatenate([near.rows, more.rows])
    ids, start_s, end_s = [*near.ids, *more.ids], *map(np.concatenate, zip(near[2:], more[2:], strict=True))
    best = np.argsort(-(rows @ row), kind="stable")[:k]
    return Nearest([ids[number] for number in best], rows[best], start_s[best], end_s[best])
