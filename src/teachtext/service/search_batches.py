"""Searches of many clients at once: those that wait together are embedded, compared and answered together."""

import time
from asyncio import Future, Task, create_task, gather, get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect

from teachtext.errors import Unavailable
from teachtext.search.answer import Answer
from teachtext.search.request import SearchRequest
from teachtext.search.searcher import Searcher

# after so many seconds of waiting the service looks whether a client is still there
_PATIENT_S = 0.2

IsGone = Callable[[], Awaitable[bool]]


async def _stays() -> bool:
    return False


@dataclass(frozen=True)
class _Waiting:
    request: SearchRequest
    finish: Callable[[Answer], bytes]
    is_gone: IsGone
    result: "Future[bytes]"
    since: float = field(default_factory=time.monotonic)

    async def is_wanted(self) -> bool:
        """Return whether somebody still waits for the answer."""
        if self.result.done():
            return False
        if time.monotonic() - self.since < _PATIENT_S:
            return True
        # the first look may see the end of the request's body, which is empty
        if await self.is_gone() or await self.is_gone():
            if not self.result.done():
                self.result.set_exception(ClientDisconnect())
            return False
        return not self.result.done()


class SearchBatches:
    """Answers the searches of all clients of a service.

    A search begins at once where a thread is free, so a lone client waits for nobody. What comes while all threads are
    busy waits, and the next free thread takes all that wait. Use it in one event loop.

    Args:
        searcher: of the index.
        threads: batches that are answered at once: one computes in numpy while another makes results.
        together: searches of one batch, at most.
        most_waiting: with more searches waiting, a further search is refused.
    """

    def __init__(self, searcher: Searcher, *, threads: int = 2, together: int = 32, most_waiting: int = 1000) -> None:
        self._searcher = searcher
        self._threads = threads
        self._together = together
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._busy = 0
        self._tasks: set[Task[None]] = set()

    async def answer(
        self, request: SearchRequest, finish: Callable[[Answer], bytes], *, is_gone: IsGone = _stays
    ) -> bytes:
        """Return the answer to a search.

        Args:
            request: what is asked.
            finish: makes bytes of the answer, in the thread that searched.
            is_gone: returns whether the client has left. Such a search is dropped, unless it has begun.

        Raises:
            InputError: see `Searcher.search`.
            Unavailable: too many searches wait.
            ClientDisconnect: the client has left.
        """
        request.check()
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable("too many searches are waiting", "try again later")
        waiting = _Waiting(request, finish, is_gone, get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._busy < self._threads:
            self._busy += 1
            task = create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiting.result

    async def close(self) -> None:
        """Drop the searches that wait, and wait for those that have begun."""
        for waiting in self._waiting:
            waiting.result.cancel()
        self._waiting.clear()
        await gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        limiter = CapacityLimiter(1)
        batch: list[_Waiting] = []
        try:
            while batch := await self._next():
                answers = await run_sync(self._answers, batch, limiter=limiter)
                for waiting, answer in zip(batch, answers, strict=True):
                    if waiting.result.done():
                        continue
                    if isinstance(answer, Exception):
                        waiting.result.set_exception(answer)
                    else:
                        waiting.result.set_result(answer)
        finally:
            # nothing is awaited since nobody was left waiting, so the next search sees that a thread is free
            self._busy -= 1
            for waiting in batch:
                waiting.result.cancel()

    async def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._together:
            waiting = self._waiting.popleft()
            if await waiting.is_wanted():
                batch.append(waiting)
        return batch

    def _answers(self, batch: Sequence[_Waiting]) -> list[bytes | Exception]:
        answers: list[bytes | Exception] = []
        searched = self._searcher.search_all([waiting.request for waiting in batch])
        for waiting, answer in zip(batch, searched, strict=True):
            try:
                answers.append(answer if isinstance(answer, Exception) else waiting.finish(answer))
            except Exception as error:
                answers.append(error)
        return answers
