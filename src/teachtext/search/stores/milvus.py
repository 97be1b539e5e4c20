"""The distributed store: Milvus, one collection an index, one partition a presence pattern.

A partition has vector indexes of its own, so that a search within a pattern meets no other. Rows are as wide as all
spaces together, with zeros where a pattern lacks one. What the index is, and how often each pattern has changed, stand
in two rows of the default partition. Rows are found by the hash of their id, for the keys of some releases must not
hold quotes. An entry whose pattern has changed is written to its new partition before it is removed from its old one.
"""

import logging
import os
import re
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from textwrap import shorten
from typing import Any

import numpy as np
from pymilvus import MilvusClient, MilvusException
from pymilvus.exceptions import ErrorCode

from teachtext.errors import InputError, Unavailable
from teachtext.search.stores.base import Block
from teachtext.search.stores.milvus_lock import writer_lock
from teachtext.search.stores.milvus_rows import (
    FACTS,
    PARTITION,
    TEXTS,
    RowLayout,
    among,
    expression,
    item_of,
    packed,
    row_about_index,
    schema_of,
    unpacked,
)
from teachtext.search.types import EVERYTHING, Entry, Filter, Item
from teachtext.search.vectors import Floats, PresencePattern, vectors_of, width

TOKEN = "MILVUS_TOKEN"
_URL = re.compile(r"milvus://(?P<host>[^/:@]+)(:(?P<port>\d{1,5}))?/(?P<name>[A-Za-z_]\w*)", re.ASCII)
_INFO, _STATE = "info", "state"
_DEFAULT = "_default"
_TIMEOUT_S = 60.0
_BATCH = 1000
# asked of the graph at least, of the index by which vectors are searched
_EF = 128
_MOST = 16_384
_AT_ONCE = 8


class MilvusStore:
    """A store in a collection of Milvus (see `teachtext.search.stores.base.Store`).

    Args:
        url: `milvus://host[:port]/collection`. A server that asks for a token gets that of MILVUS_TOKEN.
    """

    def __init__(self, url: str) -> None:
        self.place = url
        match = _URL.fullmatch(url)
        if match is None:
            raise InputError(f"'{url}' names no collection", "write milvus://host:port/name, the name of letters and _")
        self._name = match["name"]
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        with self._told():
            server = f"http://{match['host']}:{match['port'] or 19530}"
            self._client = MilvusClient(uri=server, token=os.environ.get(TOKEN, ""), timeout=10)
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._known: dict[str, PresencePattern] | None = None

    def manifest(self) -> dict[str, Any] | None:
        """Return what the index is; see `Store.manifest`."""
        with self._told():
            return self._told_row(_INFO)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Keep what the index is; see `Store.write_manifest`."""
        with self._told():
            if not self._client.has_collection(self._name, timeout=_TIMEOUT_S):
                schema, index = schema_of(width(tuple(manifest["spaces"]), manifest["spaces"]))
                self._client.create_collection(self._name, schema=schema, index_params=index, timeout=_TIMEOUT_S)
            self._keep_row(_INFO, dict(manifest))

    @cached_property
    def _layout(self) -> RowLayout:
        told = self.manifest()
        if told is None:
            raise InputError(f"{self.place} holds no index", "make one with 'teachtext index'")
        return RowLayout(told["spaces"])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer; see `Store.writing`."""
        with writer_lock(self._client, self._name, self.place, self._told):
            with self._told():
                self._known = self._settle()
            try:
                yield
            finally:
                self._known = None

    def _settle(self) -> dict[str, PresencePattern]:
        """Find out what is where; of an entry that is in two partitions the one written last stays."""
        known: dict[str, PresencePattern] = {}
        written: dict[str, float] = {}
        for pattern in self._patterns():
            older: dict[PresencePattern, list[str]] = {}
            for row in self._rows(pattern, ["id", "written"]):
                name, moment = row["id"], row["written"]
                if name in known:
                    older.setdefault(pattern if moment < written[name] else known[name], []).append(name)
                if moment >= written.get(name, moment):
                    known[name], written[name] = pattern, moment
            for place, names in older.items():
                self._delete(place, names)
        self._changed(self._patterns())
        return known

    def patterns(self) -> Sequence[PresencePattern]:
        """Return the patterns of the partitions; see `Store.patterns`."""
        with self._told():
            return self._patterns()

    def versions(self) -> Mapping[PresencePattern, Hashable]:
        """Return how often each pattern has changed; see `Store.versions`."""
        with self._told():
            told = self._told_row(_STATE, level="Session") or {}
            return {self._layout.pattern(number): count for number, count in told.items()}

    def count(self) -> int:
        """Return how many entries there are; see `Store.count`."""
        with self._told():
            names = [self._layout.partition(pattern) for pattern in self._patterns()]
            found = self._query("", ["count(*)"], names, level="Session") if names else [{"count(*)": 0}]
            return int(found[0]["count(*)"])

    def catalog(self) -> Iterator[Item]:
        """Yield all items; see `Store.catalog`."""
        with self._told():
            for pattern in self._patterns():
                yield from (item_of(row) for row in self._rows(pattern, FACTS))

    def read(self, pattern: PresencePattern) -> Iterator[Block]:
        """Yield all entries of a pattern; see `Store.read`."""
        fields = ["id", "duration_s", "added_s", "has_speech", "tags", "vector"]
        with self._told():
            if pattern in self._patterns():
                for rows in self._pages(pattern, fields):
                    lengths = np.array([row["duration_s"] for row in rows])
                    yield Block(
                        [row["id"] for row in rows],
                        self._layout.narrow([row["vector"] for row in rows], pattern),
                        np.where(lengths < 0, np.nan, lengths),
                        np.array([row["added_s"] for row in rows]),
                        np.array([row["has_speech"] for row in rows], bool),
                        [list(row["tags"]) for row in rows],
                    )

    def get(self, ids: Collection[str]) -> dict[str, Entry]:
        """Return entries by id; see `Store.get`."""
        found: dict[str, Entry] = {}
        written: dict[str, float] = {}
        asked = list(ids)
        with self._told():
            for start in range(0, len(asked), _BATCH):
                some = among(asked[start : start + _BATCH])
                for pattern in self._patterns():
                    names = [self._layout.partition(pattern)]
                    for row in self._query(some, [*FACTS, *TEXTS, "vector"], names, level="Session"):
                        # in two partitions only where a writer is busy, or was killed
                        if row["written"] >= written.get(row["id"], row["written"]):
                            narrow = self._layout.narrow([row["vector"]], pattern)[0]
                            vectors, bias = vectors_of(narrow, pattern, self._layout.spaces)
                            found[row["id"]], written[row["id"]] = Entry(item_of(row), vectors, bias), row["written"]
        return found

    def put(self, entries: Sequence[Entry]) -> None:
        """Add or replace entries; see `Store.put`."""
        assert self._known is not None, "only inside writing()"
        groups: dict[PresencePattern, dict[str, Entry]] = {}
        for entry in {entry.item.id: entry for entry in entries}.values():
            groups.setdefault(entry.pattern, {})[entry.item.id] = entry
        with self._told():
            for pattern, group in groups.items():
                if pattern not in self._patterns():
                    self._client.create_partition(self._name, self._layout.partition(pattern), timeout=_TIMEOUT_S)
                rows = [self._layout.row(entry) for entry in group.values()]
                for start in range(0, len(rows), _BATCH):
                    self._upsert(rows[start : start + _BATCH], self._layout.partition(pattern))
                places: dict[PresencePattern, list[str]] = {}
                for name in group.keys() & self._known.keys():
                    places.setdefault(self._known[name], []).append(name)
                for place in places.keys() - {pattern}:
                    self._delete(place, places[place])
                self._known.update(dict.fromkeys(group, pattern))
                self._changed({pattern, *places})

    def remove(self, ids: Collection[str]) -> None:
        """Remove entries; see `Store.remove`."""
        assert self._known is not None, "only inside writing()"
        places: dict[PresencePattern, list[str]] = {}
        for name in {*ids} & self._known.keys():
            places.setdefault(self._known.pop(name), []).append(name)
        with self._told():
            for place, names in places.items():
                self._delete(place, names)
            self._changed(places)

    def nearest(
        self, asked: Mapping[PresencePattern, Floats], k: int, where: Filter = EVERYTHING
    ) -> Mapping[PresencePattern, tuple[Sequence[str], Floats]]:
        """Find about the nearest entries; see `Store.nearest`."""
        with self._told():
            # the server searches the patterns at once
            found = self._pool.map(lambda pattern: self._search(pattern, asked[pattern], k, where), asked)
            return dict(zip(asked, found, strict=True))

    def _search(self, pattern: PresencePattern, row: Floats, k: int, where: Filter) -> tuple[Sequence[str], Floats]:
        limit = min(k, _MOST)
        found = self._client.search(
            self._name,
            [self._layout.wide(row, pattern)],
            filter=expression(where),
            limit=limit,
            output_fields=["id", "vector"],
            search_params={"metric_type": "IP", "params": {"ef": max(limit, _EF)}},
            partition_names=[self._layout.partition(pattern)],
            consistency_level="Session",
            timeout=_TIMEOUT_S,
        )[0]
        rows = [one["entity"]["vector"] for one in found]
        return [one["entity"]["id"] for one in found], self._layout.narrow(rows, pattern)

    def tidy(self) -> None:
        """Let the server write what it holds in memory, and compact; see `Store.tidy`."""
        with self._told():
            self._client.flush(self._name, timeout=10 * _TIMEOUT_S)
            self._client.compact(self._name, timeout=_TIMEOUT_S)

    def _patterns(self) -> list[PresencePattern]:
        if not self._client.has_collection(self._name, timeout=_TIMEOUT_S):
            return []
        names = self._client.list_partitions(self._name, timeout=_TIMEOUT_S)
        return [self._layout.pattern(name.removeprefix(PARTITION)) for name in sorted(names) if name != _DEFAULT]

    def _query(self, asked: str, fields: list[str], partitions: list[str], *, level: str = "Strong") -> Any:
        return self._client.query(
            self._name,
            filter=asked,
            output_fields=fields,
            partition_names=partitions,
            consistency_level=level,
            timeout=_TIMEOUT_S,
        )

    def _pages(self, pattern: PresencePattern, fields: list[str]) -> Iterator[list[dict[str, Any]]]:
        """Yield all rows of a pattern, some at a time, in order of their keys."""
        last = ""
        while rows := self._client.query(
            self._name,
            filter=f'key > "{last}"',
            output_fields=["key", *fields],
            partition_names=[self._layout.partition(pattern)],
            consistency_level="Strong",
            limit=_BATCH,
            timeout=_TIMEOUT_S,
        ):
            yield sorted(rows, key=lambda row: str(row["key"]))
            last = max(row["key"] for row in rows)

    def _rows(self, pattern: PresencePattern, fields: list[str]) -> Iterator[dict[str, Any]]:
        for rows in self._pages(pattern, fields):
            yield from rows

    def _upsert(self, rows: list[dict[str, Any]], partition: str) -> None:
        self._client.upsert(self._name, rows, partition_name=partition, timeout=_TIMEOUT_S)

    def _delete(self, pattern: PresencePattern, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _BATCH):
            some = among(ids[start : start + _BATCH])
            partition = self._layout.partition(pattern)
            self._client.delete(self._name, filter=some, partition_name=partition, timeout=_TIMEOUT_S)

    def _changed(self, patterns: Collection[PresencePattern]) -> None:
        """Count that patterns have changed."""
        if patterns:
            told = self._told_row(_STATE) or {}
            for pattern in patterns:
                number = self._layout.partition(pattern).removeprefix(PARTITION)
                told[number] = told.get(number, 0) + 1
            self._keep_row(_STATE, told)

    def _told_row(self, key: str, *, level: str = "Strong") -> dict[str, Any] | None:
        try:
            rows = self._query(f'key == "{key}"', TEXTS, [_DEFAULT], level=level)
        except MilvusException as error:
            if error.code != ErrorCode.COLLECTION_NOT_FOUND:
                raise
            return None
        return dict(unpacked(rows[0])) if rows else None

    def _keep_row(self, key: str, told: Mapping[str, Any]) -> None:
        texts = packed(told)
        if texts is None:
            raise InputError(f"{self.place} cannot keep so much about itself", "give a smaller query bank")
        fields = self._client.describe_collection(self._name, timeout=_TIMEOUT_S)["fields"]
        dim = next(int(field["params"]["dim"]) for field in fields if field["name"] == "vector")
        self._upsert([row_about_index(key, texts, dim)], _DEFAULT)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the client raises into one sentence."""
        try:
            yield
        except (MilvusException, OSError, RuntimeError, ValueError) as error:
            told = shorten(str(error), 200, placeholder=" ...")
            mend = "check that the server runs there, then try again"
            raise Unavailable(f"{self.place} cannot be used ({told})", mend) from error
