"""Vector search of LanceDB's tables, by its asynchronous interface, which costs half the time of the other one."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb

from teachtext.search.vectors import Floats

# parts of a vector index that are looked into
_PROBES = 30


class Nearest:
    """Vector search in the tables of a database. May be shared by threads, whose searches then run at once.

    Args:
        folder: of the database.
    """

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        # every search looks at the last version
        self._database = self._run(lancedb.connect_async(folder, read_consistency_interval=timedelta(0)))
        self._tables: dict[str, Any] = {}

    def search(self, asked: Mapping[str, Floats], k: int, where: str) -> list[Any]:
        """Return of each table ids and vectors of about the k rows whose inner product with its row is largest.

        Args:
            asked: by the name of a table, (width,).
            k: how many of each.
            where: which rows are looked at, in SQL; all of them if it is empty.
        """
        return list(self._run(self._search_all(asked, k, where)))

    async def _search_all(self, asked: Mapping[str, Floats], k: int, where: str) -> list[Any]:
        return await asyncio.gather(*(self._search(name, row, k, where) for name, row in asked.items()))

    async def _search(self, name: str, row: Floats, k: int, where: str) -> Any:
        if name not in self._tables:
            self._tables[name] = await self._database.open_table(name)
        search = self._tables[name].vector_search(row).column("vector").distance_type("dot").nprobes(_PROBES).limit(k)
        if where:
            search = search.where(where)
        return await search.select(["id", "vector", "_distance"]).to_arrow()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
