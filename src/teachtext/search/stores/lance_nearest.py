"""Vector search in LanceDB's tables. The asynchronous interface takes half the time of the synchronous one."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb

from teachtext.search.vectors import Floats

# partitions of a vector index that are searched
_PROBES = 30


class NearestRows:
    """Vector search in the tables of a database. May be shared by threads, whose searches run in parallel.

    Args:
        folder: folder of the database.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.forget()

    def forget(self) -> None:
        """Open the database and its tables again: other tables have taken their place."""
        # every search reads the last version
        self._database = self._run(lancedb.connect_async(self._folder, read_consistency_interval=timedelta(0)))
        self._tables: dict[str, Any] = {}

    def search(self, rows: Mapping[str, Floats], k: int, where: str) -> list[Any]:
        """Return, for each table, about the k rows with the largest inner product with a query row.

        Args:
            rows: query row (width,) by the name of a table.
            k: so many rows of each table; fewer only where the table has no more that meet the condition.
            where: condition on the rows in SQL; empty for all rows.
        """
        return list(self._run(self._search_all(rows, k, where)))

    async def _search_all(self, rows: Mapping[str, Floats], k: int, where: str) -> list[Any]:
        return await asyncio.gather(*(self._search(name, row, k, where) for name, row in rows.items()))

    async def _search(self, name: str, row: Floats, k: int, where: str) -> Any:
        if name not in self._tables:
            self._tables[name] = await self._database.open_table(name)
        search = self._tables[name].vector_search(row).column("vector").distance_type("dot").nprobes(_PROBES).limit(k)
        if where:
            search = search.where(where)
        search = search.select(["id", "start_s", "end_s", "vector", "_distance"])
        near = await search.to_arrow()
        # The partitions that were searched may have fewer rows than the table.
        if len(near) < k and len(near) < await self._tables[name].count_rows(where or None):
            near = await search.bypass_vector_index().to_arrow()
        return near

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
