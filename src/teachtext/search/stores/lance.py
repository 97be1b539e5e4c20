"""The embedded store: LanceDB in a folder, one table for each presence pattern, so that no row holds an empty space.

Every commit of a table is a new version, which is stored whole or not at all.
"""

import json
import os
import shutil
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import lancedb
import numpy as np
from filelock import FileLock, Timeout
from lancedb.index import BTree, IvfRq

from teachtext.errors import Busy, InputError, Unavailable, Unwritable
from teachtext.files import read_json, version_of, write_bytes, write_json
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.stores.base import Block, Nearest, StoreState
from teachtext.search.stores.lance_nearest import NearestRows
from teachtext.search.stores.lance_rows import among, arrow, both, matrix, settled, sql
from teachtext.search.stores.partitioned import PartitionedStore
from teachtext.search.stores.rows import FACTS, PLACE, STAMP, Row, Stamp, make_item
from teachtext.search.types import Item
from teachtext.search.vectors import Floats, PresencePattern, number_of, pattern_of

MANIFEST = "index.json"
_LOCK = ".lock"
_DATABASE, _TABLE = "vectors", "pattern_"
_VERSIONS, _HALF = "_versions", 2**63
# A file beside the tables. Tables that are made anew count their versions from 1 again, but this file differs.
_MADE = ".made"
# the journal (see `partitioned`)
_JOURNAL = ".changing.json"
# A reader may still use a version that was replaced less than this ago.
_KEEP = timedelta(minutes=10)
# rows that are read at once
_BATCH = 8192
# A search over fewer rows altogether is exact anyway. A table with fewer rows is as fast without a vector index.
_INDEXED_FROM, _TABLE_FROM = 20_000, 4096
# bits of a code in a vector index, for each dimension
_BITS = 2
# A vector index is trained again once its table has grown by this factor.
_GROWTH = 2.0
# the library counts rows in 32 bits
_MOST = 2**31 - 1
_FILTERED = ["id", "start_s", "end_s", "duration_s", "added_s", "has_speech", "tags"]


class LanceStore(PartitionedStore):
    """A store in a folder (see `teachtext.search.stores.base.Store`)."""

    _ERRORS = (OSError, RuntimeError, ValueError)
    _MEND = "free some space if the disk is full, or delete the folder and index again: features are kept"

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder
        self._tables: dict[PresencePattern, Any] = {}
        self._made: Hashable = None
        self._opening = Lock()

    def manifest(self) -> dict[str, Any] | None:
        """Return the fields of the manifest; see `Store.manifest`."""
        path = self._folder / MANIFEST
        manifest = read_json(path) if path.exists() else None
        if manifest is not None and not (isinstance(manifest, dict) and isinstance(manifest.get("spaces"), dict)):
            raise InputError(f"{path} does not describe an index", "give the folder of an index, or index again")
        return manifest

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest; see `Store.write_manifest`."""
        write_json(self._folder / MANIFEST, dict(manifest))

    @cached_property
    def _database(self) -> Any:
        # every call reads the last version
        return lancedb.connect(self._folder / _DATABASE, read_consistency_interval=timedelta(0))

    @cached_property
    def _nearest(self) -> NearestRows:
        return NearestRows(self._folder / _DATABASE)

    @contextmanager
    def writing(self, wait_s: float = 0.0) -> Iterator[None]:
        """Be the one writer; see `Store.writing`."""
        lock = FileLock(self._folder / _LOCK)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise Busy(f"another process is writing to {self.place}", "wait until it ends") from error
        except OSError as error:
            raise Unwritable(f"{self.place} cannot be written to ({error.strerror})", "give another folder") from error
        try:
            made = self._folder / _DATABASE / _MADE
            if not made.exists():
                write_bytes(made, b"")
            with self._settled():
                yield
        finally:
            lock.release()

    def _settle(self) -> Any:
        for folder in self._folders():
            if not _is_whole(folder):
                shutil.rmtree(folder)
        return super()._settle()

    def state(self) -> StoreState:
        """Return the version of every table, and of the manifest's file; see `Store.state`."""
        with self._one_sentence():
            versions: dict[PresencePattern, Hashable] = {
                pattern: (_last_commit(self._folder / _DATABASE / f"{self._name(pattern)}.lance"), self._made)
                for pattern in self._tables_now()
            }
            if (journal := _version(self._folder / _JOURNAL)) is not None:
                # a change of one of these patterns changes which rows of the others count
                patterns = [pattern_of(number, self._spaces) for number in self._journal_fields()["patterns"]]
                changing = {pattern: versions[pattern] for pattern in patterns if pattern in versions}
                together = (journal, *changing.values())
                versions |= {pattern: (version, together) for pattern, version in changing.items()}
            return StoreState(_version(self._folder / MANIFEST), versions)

    def _count_rows(self, pattern: PresencePattern, *, first: bool) -> int:
        condition = both("segment = 0" if first else "", self._settled_sql)
        return int(self._tables_now()[pattern].count_rows(condition or None))

    @property
    def _settled_sql(self) -> str:
        """The condition that a row counts."""
        return settled(self._unsettled())

    def catalog(self) -> Iterator[Item]:
        """Yield all items; see `Store.catalog`."""
        with self._one_sentence():
            condition = both("segment = 0", self._settled_sql)
            for table in self._tables_now().values():
                for batch in table.search().where(condition).select(FACTS).to_batches(_BATCH):
                    for columns in batch.to_pylist():
                        yield make_item(columns, ())

    def read(self, pattern: PresencePattern) -> Iterator[Block]:
        """Yield all segments of a pattern; see `Store.read`."""
        with self._one_sentence():
            if table := self._tables_now().get(pattern):
                search = table.search()
                if condition := self._settled_sql:
                    search = search.where(condition)
                for batch in search.select([*_FILTERED, "vector"]).to_batches(_BATCH):
                    yield Block(
                        batch["id"].to_pylist(),
                        matrix(batch["vector"]),
                        batch["start_s"].to_numpy(),
                        batch["end_s"].to_numpy(),
                        batch["duration_s"].to_numpy(zero_copy_only=False).astype(np.float64),
                        batch["added_s"].to_numpy(),
                        batch["has_speech"].to_numpy(zero_copy_only=False).astype(bool),
                        batch["tags"].to_pylist(),
                    )

    def nearest(
        self, queries: Mapping[PresencePattern, Floats], k: int, where: Filter = EVERYTHING
    ) -> Mapping[PresencePattern, Nearest]:
        """Return about the nearest segments; see `Store.nearest`."""
        with self._one_sentence():
            rows_by_table = {self._name(pattern): row for pattern, row in queries.items()}
            condition = both(sql(where), self._settled_sql)
            tables = self._nearest.search(rows_by_table, min(k, _MOST), condition) if rows_by_table else []
        return {
            pattern: Nearest(
                table["id"].to_pylist(),
                matrix(table["vector"].combine_chunks()),
                table["start_s"].to_numpy(),
                table["end_s"].to_numpy(),
            )
            for pattern, table in zip(queries, tables, strict=True)
        }

    def tidy(self) -> None:
        """Compact and bring indexes up to date; see `Store.tidy`."""
        with self._one_sentence():
            total = self.segment_count()
            for table in self._tables_now().values():
                count = table.count_rows()
                large = total >= _INDEXED_FROM and count >= _TABLE_FROM
                indexes = {index.columns[0]: index.name for index in table.list_indices()}
                # the name of a vector index states the number of rows it was trained on
                trained = int(indexes.get("vector", "rows_0").split("_")[1])
                if large and count > _GROWTH * trained:
                    if trained:
                        table.drop_index(indexes["vector"])
                    table.create_index(
                        "vector", config=IvfRq(distance_type="dot", num_bits=_BITS), name=f"rows_{count}"
                    )
                if large and "id" not in indexes:
                    table.create_index("id", config=BTree())
                # Nobody else writes, so files of no version are what a killed writer left.
                table.optimize(cleanup_older_than=_KEEP, delete_unverified=True)

    def _patterns(self) -> Sequence[PresencePattern]:
        return list(self._tables_now())

    def _stamps(self, pattern: PresencePattern, ids: Sequence[str] | None = None) -> Iterator[Stamp]:
        search = self._tables_now()[pattern].search()
        if ids is not None:
            search = search.where(among(ids))
        for batch in search.select(STAMP).to_batches(_BATCH):
            yield from zip(*(batch[name].to_pylist() for name in STAMP), strict=True)

    def _select(self, pattern: PresencePattern, ids: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], Floats]]:
        search = self._tables_now()[pattern].search().where(among(ids))
        for batch in search.select([*FACTS, *PLACE, "moments", "vector"]).to_batches(_BATCH):
            yield from zip(batch.drop_columns(["vector"]).to_pylist(), matrix(batch["vector"]), strict=True)

    def _first_rows(self, pattern: PresencePattern, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        condition = both("segment = 0", among(ids), self._settled_sql)
        rows = self._tables_now()[pattern].search().where(condition).select([*FACTS, "moments"]).to_list()
        return list(rows)

    def _words_of(self, columns: Mapping[str, Any]) -> Any:
        return json.loads(columns["moments"])

    def _write(self, pattern: PresencePattern, rows: Sequence[Row], replaced: Collection[str]) -> None:
        table = self._tables_now().get(pattern)
        if table is None:
            created = self._database.create_table(self._name(pattern), arrow(rows, pattern, self._spaces))
            with self._opening:
                self._tables[pattern] = created
            return
        # a row for a row, which the index of the ids finds
        single = {name for name in replaced if self._is_single(name)}
        single &= {row.entry.item.id for row in rows if len(row.entry.segments) == 1}
        others = [row for row in rows if row.entry.item.id not in single]
        if single:
            data = arrow([row for row in rows if row.entry.item.id in single], pattern, self._spaces)
            table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(data)
        if others and len(single) < len(replaced):
            merge = table.merge_insert(["id", "segment", "written"]).when_not_matched_insert_all()
            condition = among([name for name in replaced if name not in single])
            merge.when_not_matched_by_source_delete(condition).execute(arrow(others, pattern, self._spaces))
        elif others:
            table.add(arrow(others, pattern, self._spaces))

    def _delete(self, pattern: PresencePattern, ids: Sequence[str], *, unless: float | None = None) -> None:
        self._tables_now()[pattern].delete(both(among(ids), "" if unless is None else f"written != {unless!r}"))

    def _journal(self) -> Sequence[str]:
        return list(self._journal_fields()["ids"])

    def _journal_fields(self) -> Mapping[str, Any]:
        """Return the ids of the journal, and the numbers of the patterns that are changed."""
        with suppress(FileNotFoundError, NotADirectoryError):
            fields: Mapping[str, Any] = json.loads((self._folder / _JOURNAL).read_text("utf-8"))
            return fields
        return {"ids": [], "patterns": []}

    def _keep_journal(self, ids: Sequence[str], patterns: Collection[PresencePattern]) -> None:
        if ids:
            numbers = [number_of(pattern, self._spaces) for pattern in patterns]
            write_json(self._folder / _JOURNAL, {"ids": ids, "patterns": numbers})
        else:
            (self._folder / _JOURNAL).unlink(missing_ok=True)

    def _tables_now(self) -> dict[PresencePattern, Any]:
        """Return all tables by pattern.

        Raises:
            Unavailable: an index with videos has lost the folder of its tables.
        """
        with self._opening:
            self._notice_another_index()
            for folder in self._folders():
                pattern = pattern_of(int(folder.stem.removeprefix(_TABLE)), self._spaces)
                if pattern not in self._tables and _is_whole(folder):
                    self._tables[pattern] = self._database.open_table(folder.stem)
            return dict(self._tables)

    def _notice_another_index(self) -> None:
        """Forget the tables of an index that was deleted or made anew."""
        folder = self._folder / _DATABASE
        made = _version(folder / _MADE)
        if made != self._made:
            self._made, self._tables = made, {}
            for name in ("_database", "_spaces"):
                self.__dict__.pop(name, None)
            if "_nearest" in self.__dict__:
                self._nearest.forget()
        if made is None and not folder.is_dir() and (self.manifest() or {}).get("made_by"):
            raise Unavailable(
                f"{self.place} has lost its folder '{_DATABASE}'",
                "put the folder back, or index all its folders again: features are kept",
            )

    def _folders(self) -> Iterator[Path]:
        return (self._folder / _DATABASE).glob(f"{_TABLE}*.lance")

    def _name(self, pattern: PresencePattern) -> str:
        return f"{_TABLE}{number_of(pattern, self._spaces)}"


def _version(path: Path) -> Hashable:
    """Return a value that changes with a file; None where there is no file."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return version_of(path.stat())
    return None


def _is_whole(folder: Path) -> bool:
    """Return whether a table has a first version. A table that is being made, or whose writer was killed, has none."""
    return any((folder / _VERSIONS).glob("*.manifest"))


def _last_commit(folder: Path) -> int:
    """Return the number in the name of a table's last version. The library itself takes ten times as long to tell."""
    with os.scandir(folder / _VERSIONS) as files:
        stems = [file.name.removesuffix(".manifest") for file in files]
    numbers = [int(stem) for stem in stems if stem.isdecimal()]
    # tables of early versions of the library count upwards, others downwards
    return min(numbers) if min(numbers) > _HALF else max(numbers)
