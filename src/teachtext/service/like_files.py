"""Files from outside that videos are to be like: taken in, embedded, removed; their vectors are remembered a while."""

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import NamedTuple

import anyio
import numpy as np
from anyio.to_thread import run_sync
from numpy.typing import NDArray

from teachtext.errors import Busy, InputError, NotFound
from teachtext.search.like_file import FileEmbedder, FileVectors
from teachtext.search.searcher import Searcher
from teachtext.service.bodies import TooLarge

MOST_BYTES = 32 * 2**20
"""Largest size of a file."""
_SECONDS, _MEMORY_MB = 60.0, 1500.0
# files that wait or are embedded at once, and files whose vectors are remembered
_WAITING, _REMEMBERED = 8, 200


class LikeFile(NamedTuple):
    """A file from outside.

    Attributes:
        name: its name, as the client sent it.
        vectors: by space, (D,) of unit length.
        notes: what was left out of the file, a sentence each.
    """

    name: str
    vectors: Mapping[str, NDArray[np.float32]]
    notes: Sequence[str]


class LikeFiles:
    """Takes in pictures, sounds and clips that videos are to be like. The files themselves are not kept.

    A file may be hostile. Its size is bounded, and a process of its own decodes it, with limits of time and memory.
    The process starts with the first file, and stays until `close`.

    Args:
        searcher: of the index.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._embedder: FileEmbedder | None = None
        self._lock = Lock()
        self._count = 0
        self._remembered: OrderedDict[str, LikeFile] = OrderedDict()
        self._threads: anyio.CapacityLimiter | None = None

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> str:
        """Take in a file; return the key under which `get` returns it.

        Args:
            name: name of the file, as the client sends it.
            chunks: content of the file.

        Raises:
            TooLarge: more than `MOST_BYTES`.
            Busy: too many files are being looked at.
            InputError: see `FileEmbedder.embed`.
        """
        if self._count >= _WAITING:
            raise Busy("too many files are being looked at", "try again in a few seconds")
        self._count += 1
        try:
            with TemporaryDirectory(prefix="teachtext-like-") as folder:
                path = Path(folder) / "file"
                await self._write(path, chunks)
                # a thread that answers no other requests
                self._threads = self._threads or anyio.CapacityLimiter(_WAITING)
                embedded = await run_sync(self._embed, path, name, limiter=self._threads)
        finally:
            self._count -= 1
        return self._remember(LikeFile(name[:200], *embedded))

    def get(self, key: str) -> LikeFile:
        """Return a file that was received. The last 200 are remembered, until the service stops.

        Raises:
            NotFound: no such file is remembered.
        """
        with self._lock:
            if key not in self._remembered:
                raise NotFound("the file to be like is not remembered any more", "choose the file again")
            self._remembered.move_to_end(key)
            return self._remembered[key]

    def close(self) -> None:
        """End the process that decodes files."""
        if self._embedder is not None:
            self._embedder.close()

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> None:
        size = 0
        async with await anyio.open_file(path, "wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise TooLarge(f"the file is larger than {MOST_BYTES // 2**20} MiB", "send a smaller file")
                await file.write(chunk)

    def _embed(self, path: Path, name: str) -> FileVectors:
        with self._lock:
            self._embedder = self._embedder or FileEmbedder(
                self._searcher.model,
                self._searcher.manifest,
                device=self._searcher.device,
                time_limit=_SECONDS,
                memory_limit=_MEMORY_MB,
            )
        shown = f"'{name[:100]}'"
        try:
            embedded = self._embedder.embed(path)
        except InputError as error:
            raise type(error)(error.problem.replace(str(path), shown), error.mend) from error
        return embedded._replace(notes=[note.replace(str(path), shown) for note in embedded.notes])

    def _remember(self, file: LikeFile) -> str:
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._remembered[key] = file
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return key
