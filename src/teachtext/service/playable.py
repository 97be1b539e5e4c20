"""Videos that a browser cannot play, made into ones it can: on demand, one at a time, kept in a folder of bounded size.

A video may be hostile, so nothing of it is decoded here: the work is done in a process of its own, with limits of time,
memory and size. A file is whole under its name or absent. The folder may be deleted.
"""

import math
import os
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from teachtext.errors import Busy, InputError, Unwritable
from teachtext.files import atomic, has_content, write_error
from teachtext.processes import BoundedCalls, Lost
from teachtext.service.hostile_work import hostile_work
from teachtext.unfinished import remove_leftovers
from teachtext.video.playback import is_playable, write_playable

_NAME = re.compile(r"[0-9a-f]{16}\.mp4")
# limits of one video: seconds to make it, megabytes of memory, bytes of the MP4
_SECONDS, _MEMORY_MB, _MOST_BYTES = 3600.0, 1500.0, 2 * 2**30
# seconds to look at a file, and seconds that a request waits for that
_LOOK_SECONDS, _PATIENCE_S = 10.0, 1.5
_WAITING = 20
# videos of which is remembered whether a browser plays them
_REMEMBERED = 50_000
# seconds for which a video that could not be made is not tried again
_REFUSED_S = 300.0
_PROGRESS_S = 0.5

State = Literal["original", "ready", "waiting", "preparing", "failed"]


class Playback(NamedTuple):
    """How a video can be played.

    Attributes:
        state: `original`: the file itself; `ready`: the MP4 that was made of it; `waiting` and `preparing`: the MP4 is
            not there yet; `failed`: nothing can be played.
        share: part of the MP4 that is done, from 0 to 1.
        problem: why it failed.
    """

    state: State
    share: float = 0.0
    problem: str = ""


class _Job(NamedTuple):
    path: Path
    content: str
    duration_s: float


class Playables:
    """Makes videos playable, and keeps them. Threads may share it; the thread and processes start when needed.

    Args:
        folder: of the files that are made. Other files in the folder are left alone.
        most_bytes: size of all of them. The least recently played ones are removed when there are too many.
    """

    def __init__(self, folder: Path, *, most_bytes: int = 4 * 2**30) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._look = BoundedCalls(is_playable, seconds=_LOOK_SECONDS, memory_mb=_MEMORY_MB)
        self._make = BoundedCalls(_make_playable, seconds=_SECONDS, memory_mb=_MEMORY_MB)
        self._changed = threading.Condition()
        self._closed = False
        self._playbacks: OrderedDict[str, tuple[float, Playback]] = OrderedDict()
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="looks at videos")
        self._looking: dict[str, Future[Playback]] = {}
        self._jobs: deque[_Job] = deque()
        self._current: _Job | None = None
        self._thread: threading.Thread | None = None

    def file(self, content: str) -> Path | None:
        """Return the MP4 of a video, if it is there; None if it is not."""
        path = self._folder / f"{content}.mp4"
        now = time.time_ns()
        try:
            os.utime(path, ns=(now, now))
        except OSError:
            return None
        return path

    def playback(self, path: Path, content: str, duration_s: float | None) -> Playback:
        """Return how a video can be played, and begin to make it playable if need be. Waits a moment at most.

        Args:
            path: file of the video.
            content: hash of the file.
            duration_s: seconds that the file states, if it does.

        Raises:
            Busy: too many videos wait, or the service stops.
        """
        if self.file(content):
            return Playback("ready")
        with self._changed:
            if (playback := self._remembered(content)) is not None:
                return playback
            if content not in self._looking:
                self._check_open()
                self._looking[content] = self._looks.submit(self._see, _Job(path, content, duration_s or 0.0))
            look = self._looking[content]
        try:
            return look.result(_PATIENCE_S)
        except TimeoutError:
            return Playback("waiting")
        except CancelledError as error:
            raise _stopping() from error

    def remove(self, content: str) -> None:
        """Remove the MP4 of a video."""
        with suppress(OSError):
            (self._folder / f"{content}.mp4").unlink()

    def close(self) -> None:
        """Break off what is being made, and end the processes."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()
        self._looks.shutdown(wait=False, cancel_futures=True)
        while self._thread is not None and self._thread.is_alive():
            self._make.kill()
            self._thread.join(0.1)
        self._make.close()
        self._look.kill()
        self._looks.shutdown()
        self._look.close()

    def _see(self, job: _Job) -> Playback:
        """Look at a file, and queue it if an MP4 has to be made of it."""
        playback = None
        try:
            if self._look(job.path):
                playback = Playback("original")
        except (Lost, InputError) as error:
            playback = _failure(job.path, error)
        with self._changed:
            del self._looking[job.content]
            if playback is None:
                return self._queue(job)
            self._remember(job.content, playback)
        return playback

    def _remembered(self, content: str) -> Playback | None:
        """Return how a video plays, if that was looked up lately."""
        since, playback = self._playbacks.get(content, (-math.inf, None))
        if playback and (playback.state == "original" or time.monotonic() - since < _REFUSED_S):
            return playback
        if self._current and self._current.content == content:
            return Playback("preparing", self._share(self._current))
        if any(job.content == content for job in self._jobs):
            return Playback("waiting")
        return None

    def _remember(self, content: str, playback: Playback) -> None:
        self._playbacks[content] = (time.monotonic(), playback)
        while len(self._playbacks) > _REMEMBERED:
            self._playbacks.popitem(last=False)

    def _queue(self, job: _Job) -> Playback:
        self._check_open()
        if len(self._jobs) >= _WAITING:
            raise Busy("too many videos are being prepared", "try again in a few minutes")
        self._jobs.append(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="playable videos", daemon=True)
            self._thread.start()
        self._changed.notify_all()
        return Playback("waiting")

    def _check_open(self) -> None:
        if self._closed:
            raise _stopping()

    def _work(self) -> None:
        remove_leftovers(self._folder)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._jobs)
                if self._closed:
                    return
                job = self._current = self._jobs.popleft()
            problem = self._made(job)
            with self._changed:
                self._current = None
                if problem is not None and not self._closed:
                    self._remember(job.content, problem)

    def _made(self, job: _Job) -> Playback | None:
        """Make the MP4 of a video; return the failure, if it failed."""
        target, progress = self._folder / f"{job.content}.mp4", self._progress_file(job)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make((job.path, target, min(_MOST_BYTES, self._most_bytes), progress))
            if not has_content(job.path, job.content):
                # removed meanwhile, with the MP4 that it had then; another video may have its name by now
                self.remove(job.content)
                return Playback("failed", problem=f"'{job.path.name}' changed meanwhile; index it again")
            self._bound(target)
        except OSError as error:
            return _failure(job.path, write_error(target, error))
        except (Lost, InputError) as error:
            # a process that was killed leaves an unfinished file
            remove_leftovers(self._folder, target.name)
            return _failure(job.path, error)
        finally:
            with suppress(OSError):
                progress.unlink()
        return None

    def _bound(self, kept: Path) -> None:
        """Remove the least recently played files for which there is no room."""
        files = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    status = entry.stat(follow_symlinks=False)
                    files.append((status.st_mtime_ns, entry.name, status.st_size))
        total = sum(size for _, _, size in files)
        for _, name, size in sorted(files):
            if total <= self._most_bytes:
                return
            if name != kept.name:
                total -= size
                with suppress(OSError):
                    (self._folder / name).unlink()

    def _progress_file(self, job: _Job) -> Path:
        return self._folder / f"{job.content}.progress"

    def _share(self, job: _Job) -> float:
        try:
            done_s = float(self._progress_file(job).read_text())
        except (OSError, ValueError):
            return 0.0
        return min(0.99, max(0.0, done_s / job.duration_s)) if job.duration_s > 0 and math.isfinite(done_s) else 0.0


def _stopping() -> Busy:
    return Busy("the service stops", "try again later")


def _failure(path: Path, error: Lost | InputError) -> Playback:
    shown = f"'{path.name}'"
    if isinstance(error, Unwritable):
        return Playback("failed", problem="there is no room to prepare the video")
    reason = f"{shown} {error.reason}" if isinstance(error, Lost) else error.problem
    return Playback("failed", problem=reason.replace(str(path), shown))


def _make_playable(task: tuple[Path, Path, float, Path]) -> None:
    path, target, most_bytes, progress = task
    with hostile_work(target, f"{path} cannot be made playable"), atomic(target, durable=False) as temporary:
        write_playable(path, temporary, most_bytes=most_bytes, progress=_noting(progress))


def _noting(file: Path) -> Callable[[float], None]:
    """Return what writes the seconds that are done to a file, now and then."""
    last = -math.inf

    def note(seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last > _PROGRESS_S:
            last = time.monotonic()
            with suppress(OSError):
                file.write_text(f"{seconds:.1f}")

    return note
