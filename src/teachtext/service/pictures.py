"""Pictures of videos: made in other processes with limits of time and memory, once however many ask, then kept.

A video may be hostile: its pictures huge, its decoding endless, its stated length a lie. So no thread that answers
requests decodes. One picture of a video is made at a time, the moments of a video are few, and a video that shows no
picture is not tried again for a while.
"""

import asyncio
import math
import time
from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from teachtext.errors import Busy, InputError
from teachtext.files import has_content
from teachtext.processes import BoundedCalls, Lost, cores
from teachtext.service.picture_cache import PictureCache
from teachtext.video.file import open_video
from teachtext.video.frames import thumbnail

# limits of one picture: seconds, and megabytes of memory
_SECONDS, _MEMORY_MB = 20.0, 1500.0
# moments of a video of which there are pictures, at most, and the least distance between two
_MOMENTS, _STEP_S = 500, 1.0
# pictures that are waited for: of one video, and of all
_OF_ONE, _OF_ALL = 8, 200
# videos that show no picture, and seconds for which they are not tried again
_REFUSED, _REFUSED_S = 1000, 300.0


class Moment(NamedTuple):
    """A moment of a video of which there is a picture.

    Attributes:
        path: file of the video.
        content: hash of the file.
        second: seconds from the start.
    """

    path: Path
    content: str
    second: int

    @property
    def name(self) -> str:
        """Name of the picture in the cache."""
        return f"{self.content}-{self.second}.jpg"


def moment_of(path: Path, content: str, duration_s: float | None, at_s: float | None) -> Moment:
    """Return the moment whose picture is shown for a time: a multiple of a second, or of a 500th of the length.

    Args:
        path: file of the video.
        content: hash of the file.
        duration_s: seconds that the file states, if it does.
        at_s: seconds from the start; by default the middle.

    >>> moment_of(Path("a.mp4"), "c", 60.0, 7.9).second, moment_of(Path("a.mp4"), "c", 1e9, 1e9 - 1).second
    (7, 998000000)
    """
    length = duration_s if duration_s and math.isfinite(duration_s) and duration_s > 0 else 0.0
    wanted = length / 2 if at_s is None else min(max(at_s, 0.0), length)
    step = max(_STEP_S, length / _MOMENTS)
    return Moment(path, content, int(wanted // step * step))


class Pictures:
    """Makes pictures of videos, and keeps them. Threads may share it; the processes start with the first picture.

    Args:
        cache: keeps the pictures.
        count: pictures that are made at once.
    """

    def __init__(self, cache: PictureCache, *, count: int = min(2, cores())) -> None:
        self.cache = cache
        self._decode = BoundedCalls(_decode, seconds=_SECONDS, memory_mb=_MEMORY_MB, count=count)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="pictures")
        self._lock = Lock()
        self._closed = False
        self._under_way: dict[Moment, Future[bytes]] = {}
        # by content: the moments that wait for another picture of the same video
        self._waiting: dict[str, deque[Moment]] = {}
        self._refused: OrderedDict[str, tuple[float, InputError]] = OrderedDict()

    async def picture(self, moment: Moment) -> bytes:
        """Return a picture, JPEG, 384 pixels wide.

        Raises:
            InputError: the video shows no picture, or takes too long or too much memory.
            Busy: too many pictures are being made.
        """
        # shielded: others may wait for the same picture
        return await asyncio.shield(asyncio.wrap_future(self._begin(moment)))

    def check_video(self, path: Path, name: str) -> None:
        """Check that a file is a video with pictures; call in a thread that may wait.

        Args:
            path: the file.
            name: what the error calls the file.

        Raises:
            InputError: the file is no video, has no pictures, or takes too long or too much memory to be opened.
        """
        shown = f"'{name[:100]}'"
        try:
            self._decode((path, None))
        except Lost as error:
            raise InputError(f"{shown} {error.reason}", "send a smaller video") from error
        except InputError as error:
            raise InputError(error.problem.replace(str(path), shown), "send a whole video file") from error

    def remove(self, content: str) -> None:
        """Remove all pictures of a video."""
        self.cache.remove(content)

    def close(self) -> None:
        """End the processes, once the pictures that are being made are done."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(cancel_futures=True)
        self._decode.close()
        with self._lock:
            futures, self._under_way = list(self._under_way.values()), {}
        for future in futures:
            future.set_exception(Busy("the service stops", "try again later"))

    def _begin(self, moment: Moment) -> Future[bytes]:
        """Return the future of a picture, which others may wait for too."""
        with self._lock:
            if moment in self._under_way:
                return self._under_way[moment]
            self._raise_if_refused(moment.content)
            if self._closed:
                raise Busy("the service stops", "try again later")
            of_video = self._waiting.get(moment.content)
            if len(self._under_way) >= _OF_ALL or (of_video is not None and len(of_video) >= _OF_ONE):
                raise Busy("too many pictures are being made", "try again in a few seconds")
            future = self._under_way[moment] = Future()
            if of_video is not None:
                of_video.append(moment)
                return future
            self._waiting[moment.content] = deque()
            self._threads.submit(self._make, moment)
        return future

    def _make(self, moment: Moment) -> None:
        """Make a picture, then see to the next one of the same video."""
        picture: bytes | InputError
        try:
            picture = self.cache.read(moment.name) or self._decoded(moment)
        except Exception as error:
            picture = (
                error if isinstance(error, InputError) else InputError(f"no picture was made ({error})", "try again")
            )
        with self._lock:
            future = self._under_way.pop(moment)
            of_video = self._waiting[moment.content]
            if not of_video:
                del self._waiting[moment.content]
            elif not self._closed:
                self._threads.submit(self._make, of_video.popleft())
        if isinstance(picture, bytes):
            future.set_result(picture)
        else:
            future.set_exception(picture)

    def _decoded(self, moment: Moment) -> bytes:
        with self._lock:
            self._raise_if_refused(moment.content)
        try:
            picture = self._decode((moment.path, moment.second))
        except (Lost, InputError) as error:
            shown = f"'{moment.path.name}'"
            problem = f"{shown} {error.reason}" if isinstance(error, Lost) else error.problem
            problem = problem.replace(str(moment.path), shown)
            refusal = InputError(problem, "convert it again")
            with self._lock:
                self._refused[moment.content] = (time.monotonic(), refusal)
                while len(self._refused) > _REFUSED:
                    self._refused.popitem(last=False)
            raise refusal from error
        self.cache.keep(moment.name, picture)
        if not has_content(moment.path, moment.content):
            # removed meanwhile, with the pictures that it had then; another video may have its name by now
            self.cache.remove(moment.content)
        return picture

    def _raise_if_refused(self, content: str) -> None:
        since, refusal = self._refused.get(content, (-math.inf, None))
        if refusal is not None and time.monotonic() - since < _REFUSED_S:
            raise refusal


def _decode(task: tuple[Path, int | None]) -> bytes:
    """Return the picture at a second; without a second only open the file, and return nothing."""
    path, second = task
    try:
        if second is not None:
            return thumbnail(path, second)
        with open_video(path) as file:
            if not file.streams.video:
                raise InputError(f"{path} has no pictures", "send a video")
    except InputError:
        raise
    except Exception as error:
        # a hostile file can trip any library below
        raise InputError(f"{path} cannot be decoded ({type(error).__name__})", "convert it again") from error
    return b""
