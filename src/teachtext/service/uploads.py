"""Uploads of videos: written to a temporary file, checked, moved to their place, indexed in the background."""

import math
import os
import queue
import re
import threading
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from teachtext.data.video_files import VIDEO_ENDINGS
from teachtext.errors import InputError, NotFound
from teachtext.files import move
from teachtext.search.indexing import index_folder
from teachtext.service.bodies import TooLarge
from teachtext.service.state import Library
from teachtext.video.file import open_video

State = Literal["waiting", "indexing", "done", "failed"]
_REMEMBERED = 1000
_WAITING = 100
# bytes of a name without its ending; file systems take 255 for all
_LONGEST_NAME = 180
# bytes after which the size of all uploads is measured again
_MEASURED_EVERY = 32 * 2**20
_PART = ".part"


@dataclass
class UploadJob:
    """An uploaded video on its way into the index.

    Attributes:
        id: id of the job.
        video: id of the video in the index.
        state: what happens to the video.
        done: finished steps of the indexing that is under way.
        total: all steps of it.
        problem: why the indexing failed.
    """

    id: str
    video: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    problem: str = ""


class Uploads:
    """Takes uploaded videos into an index.

    Args:
        library: the index.
        most_bytes: largest size of a file.
        most_total_bytes: largest size of all uploaded files together.
        workers: processes that extract.
        device: where video experts compute (see `teachtext.devices`).
    """

    def __init__(
        self,
        *,
        library: Library,
        most_bytes: int,
        most_total_bytes: float = math.inf,
        workers: int = 1,
        device: str = "auto",
    ) -> None:
        self.most_bytes = most_bytes
        self._most_total_bytes = most_total_bytes
        self._library = library
        self._workers = workers
        self._device = device
        self._jobs: OrderedDict[str, UploadJob] = OrderedDict()
        self._waiting: queue.Queue[UploadJob | None] = queue.Queue(_WAITING)
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="indexing", daemon=True)

    def start(self) -> None:
        """Index uploads from now on, and those from before a stop. Half-written uploads are removed."""
        if self._library.uploads.is_dir():
            for path in self._library.uploads.glob(f".*{_PART}"):
                path.unlink(missing_ok=True)
            self._waiting.put(UploadJob(uuid.uuid4().hex, ""))
        self._thread.start()

    def stop(self) -> None:
        """Stop once the indexing that is under way has ended."""
        self._stopping = True
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join()

    def job(self, job_id: str) -> UploadJob:
        """Return a job. The last thousand jobs are kept."""
        if job_id not in self._jobs:
            raise NotFound(f"there is no upload '{job_id[:100]}'", "upload the file again if its video is not found")
        return self._jobs[job_id]

    async def receive(self, name: str, chunks: AsyncIterator[bytes]) -> UploadJob:
        """Take in a file, and queue it.

        Args:
            name: file name that the client sends. Unsafe characters are replaced.
            chunks: content of the file.

        Raises:
            TooLarge: more than `most_bytes`, or than there is room for.
            InputError: the name or the content is not of a video, or too many uploads wait.
        """
        from anyio.to_thread import run_sync

        path = self._library.uploads / _safe_name(name)
        self._library.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}{_PART}")
        try:
            await self._write(temporary, chunks)
            await run_sync(_check_video, temporary, name)
            return await run_sync(self._take_in, temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def too_large(self) -> TooLarge:
        """Return the error for a file that is larger than is allowed."""
        return TooLarge(
            f"the file is larger than {self.most_bytes / 2**20:,.3g} MiB", "send a shorter or smaller video"
        )

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> None:
        size = measured = 0
        # private, whatever is usual on this machine
        path.touch(mode=0o600, exist_ok=False)
        with path.open("wb") as file:
            self._check_room(0)
            async for chunk in chunks:
                size += len(chunk)
                if size > self.most_bytes:
                    raise self.too_large()
                if size >= measured + _MEASURED_EVERY:
                    file.flush()
                    self._check_room(len(chunk))
                    measured = size
                file.write(chunk)
            file.flush()
            self._check_room(0)

    def _check_room(self, coming: int) -> None:
        """Raise TooLarge if all uploads, also those under way, and `coming` bytes are more than is allowed."""
        if math.isinf(self._most_total_bytes):
            return
        total = coming + sum(entry.stat().st_size for entry in os.scandir(self._library.uploads) if entry.is_file())
        if total > self._most_total_bytes:
            most = f"{self._most_total_bytes / 2**20:,.3g} MiB"
            raise TooLarge(f"all uploads together may have {most}", "remove an uploaded video first")

    def _take_in(self, temporary: Path, path: Path) -> UploadJob:
        target, number = path, 2
        while target.exists():
            target = path.with_name(f"{path.stem}-{number}{path.suffix}")
            number += 1
        _, root = self._library.searcher.snapshot().manifest.with_root(self._library.uploads)
        job = UploadJob(uuid.uuid4().hex, f"{root}/{target.name}")
        if self._waiting.full():
            raise InputError("too many uploads are waiting to be indexed", "try again later")
        move(temporary, target)
        self._jobs[job.id] = job
        while len(self._jobs) > _REMEMBERED:
            self._jobs.popitem(last=False)
        self._waiting.put(job)
        return job

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None and not self._stopping:
            try:
                self._index(job)
            except Exception as error:
                # any error: the jobs after this one still have to be indexed
                job.state, job.problem = "failed", str(error)

    def _index(self, job: UploadJob) -> None:
        def report(what: str, done: int, total: int, note: str = "") -> None:
            job.done, job.total = done, total

        library, job.state = self._library, "indexing"
        with library.writing:
            result = index_folder(
                library.uploads,
                library.searcher.store,
                library.searcher.model,
                library.features,
                workers=self._workers,
                device=self._device,
                progress=report,
            )
        reasons = {Path(failure.path).name: failure.reason for failure in result.failed}
        name = Path(job.video).name
        if name in reasons:
            job.state, job.problem = "failed", reasons[name]
            (library.uploads / name).unlink(missing_ok=True)
        else:
            job.state = "done"


def _safe_name(name: str) -> str:
    base = re.split(r"[/\\]", name)[-1]
    stem, ending = Path(base).stem, Path(base).suffix.lower()
    if ending not in VIDEO_ENDINGS:
        raise InputError(
            f"'{base[:100]}' has no ending of a video file", "send one of " + ", ".join(sorted(VIDEO_ENDINGS))
        )
    letters = (letter if _is_plain(letter) else "_" for letter in unicodedata.normalize("NFC", stem))
    kept = "".join(letters).encode()[:_LONGEST_NAME].decode(errors="ignore").strip(" .")
    return f"{kept or 'video'}{ending}"


def _is_plain(letter: str) -> bool:
    """Return whether a file name may have a character: letters, marks and digits of any script, and a few others."""
    return letter in "-_ ()." or unicodedata.category(letter)[0] in "LMN"


def _check_video(path: Path, name: str) -> None:
    try:
        with open_video(path) as file:
            if not file.streams.video:
                raise InputError(f"'{name[:100]}' has no pictures", "send a video")
    except InputError as error:
        raise InputError(error.problem.replace(str(path), f"'{name[:100]}'"), "send a whole video file") from error
