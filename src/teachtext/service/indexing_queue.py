"""Videos and folders that wait to be indexed, and the thread that indexes them.

What was accepted is indexed sooner or later. If another process holds the index, or the disk is full, a job waits
and is tried again.
"""

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from teachtext.errors import Busy, InputError, NotFound, Unavailable
from teachtext.search.indexing import Indexed, index_folder
from teachtext.service.state import Library
from teachtext.unfinished import remove_leftovers

_logger = logging.getLogger(__name__)

State = Literal["waiting", "indexing", "done", "failed"]
_REMEMBERED = 1000
_WAITING = 100
# A file that could not be indexed is tried once more: the machine may have been short of memory or time.
_ATTEMPTS = 2
# seconds between two runs, in which other writers of the index get their turn
_PAUSE_S = 0.3
# seconds until what could not be indexed is tried again: at first, and at most
_SOON_S, _LATE_S = 1.0, 30.0
# seconds that a job waits for another writer before it says so
_LOCK_S = 2.0


@dataclass
class IndexingJob:
    """An uploaded video, or a folder of videos, on its way into the index.

    Attributes:
        id: id of the job.
        video: id of the video in the index; empty for a folder.
        state: what happens to the video.
        done: finished steps of the indexing that is under way.
        total: all steps of it.
        problem: why the indexing failed, or has to wait.
        attempts: how often the indexing failed.
        folder: the folder; None for an uploaded video.
    """

    id: str
    video: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    problem: str = ""
    attempts: int = 0
    folder: Path | None = None


class IndexingQueue:
    """Indexes uploaded videos and folders of the server in the background, one run after the other.

    Args:
        library: the index.
        workers: processes that extract.
        device: where video experts compute (see `teachtext.devices`).
        time_limit: seconds that the extraction of one video may take (see `teachtext.extraction.extract`).
    """

    def __init__(
        self, *, library: Library, workers: int = 1, device: str = "auto", time_limit: float | None = None
    ) -> None:
        self._library = library
        self._workers = workers
        self._device = device
        self._time_limit = time_limit
        self._jobs: OrderedDict[str, IndexingJob] = OrderedDict()
        # guards what follows; notified when there is work, and at the stop
        self._changed = threading.Condition()
        self._waiting: list[IndexingJob] = []
        self._is_due = False
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="indexing", daemon=True)

    def start(self) -> None:
        """Index uploads from now on, and those from before a stop. What killed services left half is removed."""
        if self._library.uploads.is_dir():
            remove_leftovers(self._library.uploads)
            self._is_due = True
        self._thread.start()

    def stop_soon(self) -> None:
        """Let the indexing that is under way stop after the next video. The next service goes on there."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def stop(self, within_s: float | None = None) -> None:
        """Stop, and wait for the indexing that is under way.

        Args:
            within_s: seconds to wait at most. The indexing is broken off with the process then, as by a kill.
        """
        self.stop_soon()
        self._thread.join(within_s)
        if self._thread.is_alive():
            _logger.warning("a video is still being indexed; the next start of the service indexes it again")

    def job(self, job_id: str) -> IndexingJob:
        """Return a job. The last thousand jobs are kept."""
        if job_id not in self._jobs:
            raise NotFound(f"there is no upload '{job_id[:100]}'", "upload the file again if its video is not found")
        return self._jobs[job_id]

    def jobs(self) -> list[IndexingJob]:
        """Return the jobs that are remembered, the newest first."""
        with self._changed:
            return list(self._jobs.values())[::-1]

    def check_room(self) -> None:
        """Raise Busy if too many jobs wait."""
        if len(self._waiting) >= _WAITING:
            raise Busy("too many videos are waiting to be indexed", "try again later")

    def add_upload(self, place: Callable[[], Path]) -> IndexingJob:
        """Queue an uploaded video.

        Args:
            place: gives the file its name in the folder of uploads, and returns its path; called if there is room.

        Raises:
            Busy: too many jobs wait.
        """
        with self._changed:
            self.check_room()
            root = self._root()
            return self._queue(IndexingJob(uuid.uuid4().hex, f"{root}/{place().name}"))

    def look_at(self, folder: Path) -> IndexingJob:
        """Queue a folder of the server: its new and changed videos are indexed. A folder waits once.

        Raises:
            Busy: too many jobs wait.
        """
        with self._changed:
            waiting = next((job for job in self._waiting if job.folder == folder), None)
            if waiting is not None:
                return waiting
            self.check_room()
            return self._queue(IndexingJob(uuid.uuid4().hex, "", folder=folder))

    def _queue(self, job: IndexingJob) -> IndexingJob:
        """Remember a job, and wake the indexing; inside `_changed`."""
        self._jobs[job.id] = job
        while len(self._jobs) > _REMEMBERED:
            self._jobs.popitem(last=False)
        self._waiting.append(job)
        self._changed.notify_all()
        return job

    def _root(self) -> str:
        """Return what the ids of uploaded videos begin with."""
        return self._library.searcher.snapshot().manifest.with_root(self._library.uploads)[1]

    def _work(self) -> None:
        """Index what waits, again and again, until the service stops."""
        pause_s = _PAUSE_S
        while (jobs := self._next_jobs(pause_s)) is not None:
            try:
                self._index(jobs)
                pause_s = _PAUSE_S
            except Exception as error:
                # any error: what was accepted has to be indexed at last
                self._put_back([job for job in jobs if job.state not in ("done", "failed")], str(error))
                pause_s = _SOON_S if isinstance(error, Busy) else min(_LATE_S, max(_SOON_S, 2 * pause_s))

    def _next_jobs(self, pause_s: float) -> list[IndexingJob] | None:
        """Return all waiting jobs once there is work, at least some seconds after the last; None at the stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, timeout=pause_s)
            self._changed.wait_for(lambda: self._stopping or self._is_due or self._waiting)
            jobs, self._waiting, self._is_due = self._waiting, [], False
        return None if self._stopping else jobs

    def _put_back(self, jobs: Sequence[IndexingJob], problem: str) -> None:
        """Let jobs wait for another attempt, before those that came meanwhile."""
        for job in jobs:
            job.state, job.problem = "waiting", problem
        with self._changed:
            self._waiting[:0] = jobs
            self._is_due = True

    def _index(self, jobs: Sequence[IndexingJob]) -> None:
        """Bring the index up to date with the folder of uploads and with folders that are waited for."""
        # an index that was deleted or has lost its tables is not begun anew with the uploads alone
        self._library.searcher.snapshot()
        self._index_uploads([job for job in jobs if job.folder is None])
        for job in jobs:
            if job.folder is not None:
                self._index_folder(job, job.folder)

    def _index_folder(self, job: IndexingJob, folder: Path) -> None:
        """Bring the index up to date with a folder of the server."""
        try:
            failed = self._bring_up_to_date(folder, [job]).failed
        except (Busy, Unavailable):
            raise
        except InputError as error:
            job.state, job.problem = "failed", str(error)
            return
        job.problem = f"{len(failed):,} of the folder's files cannot be used, the first: {failed[0]}" if failed else ""
        job.state = "done"

    def _bring_up_to_date(self, folder: Path, jobs: Sequence[IndexingJob]) -> Indexed:
        """Bring the index up to date with a folder, and say in the jobs how far the work is."""

        def report(what: str, done: int, total: int, note: str = "") -> None:
            if self._stopping:
                raise _Stopped
            for job in jobs:
                job.state, job.done, job.total = "indexing", done, total

        library = self._library
        with library.writing:
            return index_folder(
                folder,
                library.searcher.store,
                library.searcher.model,
                library.features,
                workers=self._workers,
                device=self._device,
                time_limit=self._time_limit,
                wait_s=_LOCK_S,
                progress=report,
            )

    def _index_uploads(self, jobs: Sequence[IndexingJob]) -> None:
        """Bring the index up to date with the folder of uploads, and settle their jobs."""
        reasons: dict[str, str] = {}
        if self._library.uploads.is_dir():
            result = self._bring_up_to_date(self._library.uploads, jobs)
            reasons = {failure.id: failure.reason for failure in result.failed}
        root = self._root()
        again = []
        for job in jobs:
            # the folder may have got another name, if one of that name was indexed meanwhile
            job.video = f"{root}/{job.video.partition('/')[2]}"
            again += self._settle(job, reasons)
        if again:
            self._put_back(again, "")

    def _settle(self, job: IndexingJob, reasons: dict[str, str]) -> list[IndexingJob]:
        """Note what became of a job; return the job if it is to be tried again."""
        path = self._library.uploads / job.video.partition("/")[2]
        if not path.exists():
            job.state, job.problem = "failed", "the video was removed before it was indexed"
        elif job.video not in reasons:
            job.state, job.problem = "done", ""
        else:
            job.attempts += 1
            if job.attempts < _ATTEMPTS:
                return [job]
            job.state, job.problem = "failed", reasons[job.video].replace(f"{path.parent.resolve()}/", "")
            with suppress(OSError):
                path.unlink()
        return []


class _Stopped(Exception):
    """Ends an indexing between two videos."""
