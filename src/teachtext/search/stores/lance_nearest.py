"""Vector search of LanceDB's tables, by its asynchronous interface, which costs half the time of the other one."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb

from teachtext.search.patterns import Floats

# parts of a vector index that are looked into
_PROBES = 20


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

    def search(self, name: str, row: Floats, k: int, where: str) -> Any:
        """Return ids and vectors of about the k rows of a table whose inner product with `row` is largest.

        Args:
            name: of the table.
            row: (width,).
            k: how many.
            where: which rows are looked at, in SQL; all of them if it is empty.
        """
        return self._run(self._search(name, row, k, where))

    async def _search(self, name: str, row: Floats, k: int, where: str) -> Any:
        if name not in self._tables:
            self._tables[name] = await self._database.open_table(name)
        search = self._tables[name].vector_search(row).column("vector").distance_type("dot").nprobes(_PROBES).limit(k)
        if where:
            search = search.where(where)
        return await search.select(["id", "vector", "_distance"]).to_arrow()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
