"""The embedded store: LanceDB in a folder, one table a presence pattern, so that rows are no wider than what they hold.

Every commit of a table is a new version that is there whole or not at all. An entry whose pattern has changed is
written to its new table before it is removed from its old one; a kill between the two leaves it in both, and the next
writer removes the one that was written first.
"""

import fcntl
import shutil
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any

import lancedb
import numpy as np
from lancedb.index import BTree, IvfRq

from teachtext.errors import InputError, Unavailable
from teachtext.files import read_json, write_json
from teachtext.search.stores.base import Block
from teachtext.search.stores.lance_nearest import Nearest
from teachtext.search.stores.lance_rows import FACTS, among, arrow, item_of, matrix, sql
from teachtext.search.types import EVERYTHING, Entry, Filter, Item
from teachtext.search.vectors import Floats, PresencePattern, number_of, pattern_of, vectors_of

INFO = "index.json"
_LOCK = ".lock"
_DATABASE, _TABLE = "vectors", "pattern_"
# a reader may still be busy with a version that is older than the last one by less than this
_KEEP = timedelta(minutes=10)
# rows that are read at once, and ids that are asked for at once
_BATCH, _ASKED = 8192, 1000
# with fewer rows altogether everything is looked at anyway; a table with fewer is searched as fast row by row
_INDEXED_FROM, _TABLE_FROM = 20_000, 4096
# of the codes in a vector index, a dimension
_BITS = 2
# the vector index is trained anew once the table has grown so many times
_GROWTH = 2.0
# rows asked for, which the library counts in 32 bits
_MOST = 2**31 - 1
_FILTERED = ["id", "duration_s", "added_s", "has_speech", "tags"]


class LanceStore:
    """A store in a folder (see `teachtext.search.stores.base.Store`)."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder
        self._tables: dict[PresencePattern, Any] = {}
        self._known: dict[str, PresencePattern] | None = None

    def manifest(self) -> dict[str, Any] | None:
        """Return what the index is; see `Store.manifest`."""
        path = self._folder / INFO
        told = read_json(path) if path.exists() else None
        if told is not None and not (isinstance(told, dict) and isinstance(told.get("spaces"), dict)):
            raise InputError(f"{path} does not describe an index", "give the folder of an index, or index again")
        return told

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Keep what the index is; see `Store.write_manifest`."""
        write_json(self._folder / INFO, dict(manifest))

    @cached_property
    def _spaces(self) -> dict[str, int]:
        told = self.manifest()
        if told is None:
            raise InputError(f"{self.place} holds no index", "make one with 'teachtext index'")
        return dict(told["spaces"])

    @cached_property
    def _database(self) -> Any:
        # every call looks for the last version
        return lancedb.connect(self._folder / _DATABASE, read_consistency_interval=timedelta(0))

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self._folder / _DATABASE)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer; see `Store.writing`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / _LOCK).open("w")
        except OSError as error:
            raise InputError(f"{self.place} cannot be written to ({error.strerror})", "give another folder") from error
        with lock:
            try:
                # the kernel lets go of it when the process ends, however it ends
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(f"another process is writing to {self.place}", "wait until it ends") from error
            with self._told():
                self._known = self._settle()
            try:
                yield
            finally:
                self._known = None

    def _settle(self) -> dict[str, PresencePattern]:
        """Find out what is where; of an entry that is in two tables the one written last stays."""
        for folder in (self._folder / _DATABASE).glob(f"{_TABLE}*.lance"):
            if not _is_whole(folder):
                shutil.rmtree(folder)
        known: dict[str, PresencePattern] = {}
        written: dict[str, float] = {}
        for pattern, table in self._open().items():
            older: dict[PresencePattern, list[str]] = {}
            for batch in table.search().select(["id", "written"]).to_batches(_BATCH):
                for name, moment in zip(batch["id"].to_pylist(), batch["written"].to_pylist(), strict=True):
                    if name in known:
                        older.setdefault(pattern if moment < written[name] else known[name], []).append(name)
                    if moment >= written.get(name, moment):
                        known[name], written[name] = pattern, moment
            for place, names in older.items():
                self._tables[place].delete(among(names))
        return known

    def patterns(self) -> Sequence[PresencePattern]:
        """Return the patterns of the tables; see `Store.patterns`."""
        with self._told():
            return list(self._open())

    def versions(self) -> Mapping[PresencePattern, Hashable]:
        """Return the version of each table; see `Store.versions`."""
        with self._told():
            return {pattern: table.version for pattern, table in self._open().items()}

    def count(self) -> int:
        """Return how many entries there are; see `Store.count`."""
        with self._told():
            return sum(table.count_rows() for table in self._open().values())

    def catalog(self) -> Iterator[Item]:
        """Yield all items; see `Store.catalog`."""
        with self._told():
            for table in self._open().values():
                for batch in table.search().select(FACTS).to_batches(_BATCH):
                    for row in batch.to_pylist():
                        yield item_of(row)

    def read(self, pattern: PresencePattern) -> Iterator[Block]:
        """Yield all entries of a pattern; see `Store.read`."""
        with self._told():
            if table := self._open().get(pattern):
                for batch in table.search().select([*_FILTERED, "vector"]).to_batches(_BATCH):
                    yield Block(
                        batch["id"].to_pylist(),
                        matrix(batch["vector"]),
                        batch["duration_s"].to_numpy(zero_copy_only=False).astype(np.float64),
                        batch["added_s"].to_numpy(),
                        batch["has_speech"].to_numpy(zero_copy_only=False).astype(bool),
                        batch["tags"].to_pylist(),
                    )

    def get(self, ids: Collection[str]) -> dict[str, Entry]:
        """Return entries by id; see `Store.get`."""
        found: dict[str, Entry] = {}
        written: dict[str, float] = {}
        asked = list(ids)
        with self._told():
            for start in range(0, len(asked), _ASKED):
                for pattern, table in self._open().items():
                    for row in table.search().where(among(asked[start : start + _ASKED])).to_list():
                        # in two tables only where a writer is busy, or was killed
                        if row["written"] >= written.get(row["id"], row["written"]):
                            vectors, bias = vectors_of(np.array(row["vector"], np.float32), pattern, self._spaces)
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
                self._put(pattern, group)

    def _put(self, pattern: PresencePattern, group: Mapping[str, Entry]) -> None:
        assert self._known is not None
        table = self._open().get(pattern)
        rows = arrow(list(group.values()), pattern, self._spaces)
        before = {name: self._known[name] for name in group if name in self._known}
        if table is None:
            self._tables[pattern] = self._database.create_table(self._name(pattern), rows)
        elif pattern in before.values():
            table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows)
        else:
            table.add(rows)
        for other in {*before.values()} - {pattern}:
            self._tables[other].delete(among([name for name, place in before.items() if place == other]))
        self._known.update(dict.fromkeys(group, pattern))

    def remove(self, ids: Collection[str]) -> None:
        """Remove entries; see `Store.remove`."""
        assert self._known is not None, "only inside writing()"
        places: dict[PresencePattern, list[str]] = {}
        for name in {*ids} & self._known.keys():
            places.setdefault(self._known.pop(name), []).append(name)
        with self._told():
            for pattern, names in places.items():
                self._open()[pattern].delete(among(names))

    def nearest(
        self, asked: Mapping[PresencePattern, Floats], k: int, where: Filter = EVERYTHING
    ) -> Mapping[PresencePattern, tuple[Sequence[str], Floats]]:
        """Find about the nearest entries; see `Store.nearest`."""
        with self._told():
            names = {self._name(pattern): row for pattern, row in asked.items()}
            found = self._nearest.search(names, min(k, _MOST), sql(where)) if names else []
        return {
            pattern: (rows["id"].to_pylist(), matrix(rows["vector"].combine_chunks()))
            for pattern, rows in zip(asked, found, strict=True)
        }

    def tidy(self) -> None:
        """Compact and bring indexes up to date; see `Store.tidy`."""
        with self._told():
            total = self.count()
            for table in self._open().values():
                count = table.count_rows()
                large = total >= _INDEXED_FROM and count >= _TABLE_FROM
                indexes = {index.columns[0]: index.name for index in table.list_indices()}
                # a vector index is named after how many rows it was trained on
                trained = int(indexes.get("vector", "rows_0").split("_")[1])
                if large and count > _GROWTH * trained:
                    if trained:
                        table.drop_index(indexes["vector"])
                    table.create_index(
                        "vector", config=IvfRq(distance_type="dot", num_bits=_BITS), name=f"rows_{count}"
                    )
                if large and "id" not in indexes:
                    table.create_index("id", config=BTree())
                # nobody else writes, so files of no version are what a killed writer left
                table.optimize(cleanup_older_than=_KEEP, delete_unverified=True)

    def _open(self) -> dict[PresencePattern, Any]:
        """Return all tables by pattern."""
        for folder in (self._folder / _DATABASE).glob(f"{_TABLE}*.lance"):
            pattern = pattern_of(int(folder.stem.removeprefix(_TABLE)), self._spaces)
            if pattern not in self._tables and _is_whole(folder):
                self._tables[pattern] = self._database.open_table(folder.stem)
        return self._tables

    def _name(self, pattern: PresencePattern) -> str:
        return f"{_TABLE}{number_of(pattern, self._spaces)}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the library raises into one sentence."""
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            told = shorten(str(error), 200, placeholder=" ...")
            mend = "free some space if the disk is full, or delete the folder and index again: features are kept"
            raise Unavailable(f"{self.place} cannot be used ({told})", mend) from error


def _is_whole(folder: Path) -> bool:
    """Say whether a table has a first version; one that is being made, or whose maker was killed, has not."""
    return any((folder / "_versions").glob("*.manifest"))
