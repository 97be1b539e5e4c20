"""Uploads of videos: written to a temporary file, checked, given a free name, queued to be indexed."""

import math
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from teachtext.files import write_error
from teachtext.service.bodies import TooLarge
from teachtext.service.file_names import free_name, safe_name
from teachtext.service.indexing_queue import IndexingJob, IndexingQueue
from teachtext.service.state import Library
from teachtext.unfinished import sync, unfinished_file

Result = TypeVar("Result")
# uploads that are written or checked at once
_THREADS = 4
# bytes that are written at once, and bytes after which the size of all uploads is measured again
_PIECE, _MEASURED_EVERY = 2**20, 32 * 2**20


class Uploads:
    """Takes uploaded videos into an index.

    Args:
        library: the index.
        most_bytes: largest size of a file.
        most_total_bytes: largest size of all uploaded files together.
        workers, device, time_limit: of the indexing, see `IndexingQueue`.

    Attributes:
        queue: what waits to be indexed, with the thread that indexes it.
    """

    def __init__(
        self,
        *,
        library: Library,
        most_bytes: int,
        most_total_bytes: float = math.inf,
        workers: int = 1,
        device: str = "auto",
        time_limit: float | None = None,
    ) -> None:
        self.most_bytes = most_bytes
        self._most_total_bytes = most_total_bytes
        self._library = library
        self.queue = IndexingQueue(library=library, workers=workers, device=device, time_limit=time_limit)
        self._threads: CapacityLimiter | None = None

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> IndexingJob:
        """Take in a file, and queue it.

        Args:
            name: file name that the client sends. Unsafe characters are replaced.
            chunks: content of the file.

        Raises:
            TooLarge: more than `most_bytes`, or than there is room for.
            Busy: too many jobs wait.
            Unwritable: the disk is full or read-only.
            InputError: the name or the content is not of a video.
        """
        file_name, folder = safe_name(name), self._library.uploads
        self.queue.check_room()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with unfinished_file(folder / "upload") as temporary:
                await self._write(temporary, chunks)
                await self._in_thread(self._library.check_video, temporary, name)
                return await self._in_thread(self._take_in, temporary, file_name)
        except OSError as error:
            raise write_error(Path(file_name), error) from error

    async def _in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in a thread that answers no other requests."""
        if self._threads is None:
            self._threads = CapacityLimiter(_THREADS)
        return await run_sync(work, *arguments, limiter=self._threads)

    def too_large(self) -> TooLarge:
        """Return the error for a file that is larger than is allowed."""
        return TooLarge(
            f"the file is larger than {self.most_bytes / 2**20:,.3g} MiB", "send a shorter or smaller video"
        )

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> None:
        """Write a file piece by piece, in another thread, so that a slow disk holds up nobody else."""
        piece, size, measured = bytearray(), 0, 0
        with path.open("wb", buffering=0) as file:
            path.chmod(0o600)
            await self._in_thread(self._check_room, 0)
            async for chunk in chunks:
                size += len(chunk)
                if size > self.most_bytes:
                    raise self.too_large()
                piece += chunk
                if size >= measured + _MEASURED_EVERY:
                    await self._in_thread(self._check_room, len(piece))
                    measured = size
                if len(piece) >= _PIECE:
                    await self._in_thread(_write_all, file.fileno(), bytes(piece))
                    piece.clear()
            await self._in_thread(_write_all, file.fileno(), bytes(piece))
            await self._in_thread(self._check_room, 0)

    def _check_room(self, coming: int) -> None:
        """Raise TooLarge if all uploads, also those under way, and `coming` bytes are more than is allowed."""
        if math.isinf(self._most_total_bytes):
            return
        total = coming + sum(entry.stat().st_size for entry in os.scandir(self._library.uploads) if entry.is_file())
        if total > self._most_total_bytes:
            most = f"{self._most_total_bytes / 2**20:,.3g} MiB"
            raise TooLarge(f"all uploads together may have {most}", "remove an uploaded video first")

    def _take_in(self, temporary: Path, name: str) -> IndexingJob:
        """Give a whole file its name, and queue it. Afterwards the file is never lost."""

        def name_the_file() -> Path:
            sync(temporary)
            path = free_name(temporary, temporary.with_name(name))
            sync(path.parent)
            return path

        return self.queue.add_upload(name_the_file)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
