"""Searches of many clients at once: those that wait together are embedded, compared and answered together."""

import time
from asyncio import Future, Task, create_task, gather, get_running_loop
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect

from teachtext.errors import Unavailable
from teachtext.search.answer import Answer
from teachtext.search.request import SearchRequest
from teachtext.search.searcher import Searcher

# after so many seconds of waiting the service looks whether a client is still there
_PATIENT_S = 0.2
# an answer waits at most so many seconds for other answers that are delivered with it
_TOGETHER_S = 0.05
# when searches have taken so many seconds, another thread begins with those that wait
_SLOW_S = 0.5

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


_Answered = tuple[_Waiting, bytes | Exception]


class SearchBatches:
    """Answers the searches of all clients of a service.

    A search begins at once where no query is being embedded, so a lone client waits for nobody. What comes meanwhile
    waits, and is then searched together. While one thread makes answers, another one embeds the next queries. Where
    searches take long, another thread begins too. Use it in one event loop.

    Args:
        searcher: of the index.
        threads: so many threads search at most, so that slow searches hold up nobody.
        together: searches of one batch, at most.
        most_waiting: with more searches waiting, a further search is refused.
    """

    def __init__(self, searcher: Searcher, *, threads: int = 4, together: int = 32, most_waiting: int = 1000) -> None:
        self._searcher = searcher
        self._threads = threads
        self._together = together
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        # threads that search, and those of them beside which another one may begin
        self._busy = self._passed = 0
        # held by the thread that makes answers: two would wait for Python's lock
        self._making = Lock()
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
        self._begin_if_free()
        return await waiting.result

    async def close(self) -> None:
        """Drop the searches that wait, and wait for those that have begun."""
        for waiting in self._waiting:
            waiting.result.cancel()
        self._waiting.clear()
        await gather(*self._tasks, return_exceptions=True)

    def _begin_if_free(self) -> None:
        if self._busy == self._passed < self._threads:
            self._busy += 1
            task = create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Search batch after batch, until nothing waits or another thread goes on."""
        batch: list[_Waiting] = []
        try:
            while self._busy - self._passed <= 1 and (batch := await self._next()):
                await self._search(batch)
        finally:
            # nothing is awaited since nobody was left waiting, so the next search sees that a thread is free
            self._busy -= 1
            _drop(batch)

    async def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._together:
            waiting = self._waiting.popleft()
            if await waiting.is_wanted():
                batch.append(waiting)
        return batch

    async def _search(self, batch: Sequence[_Waiting]) -> None:
        has_passed = False

        def let_others_begin() -> None:
            nonlocal has_passed
            if has_passed:
                return
            has_passed = True
            self._passed += 1
            if self._waiting:
                self._begin_if_free()

        loop = get_running_loop()
        timer = loop.call_later(_SLOW_S, let_others_begin)
        try:
            await run_sync(
                self._search_in_thread,
                batch,
                lambda: loop.call_soon_threadsafe(let_others_begin),
                lambda ready: loop.call_soon_threadsafe(_deliver, ready),
                limiter=CapacityLimiter(1),
            )
        finally:
            timer.cancel()
            self._passed -= has_passed

    def _search_in_thread(
        self,
        batch: Sequence[_Waiting],
        let_others_begin: Callable[[], Any],
        deliver: Callable[[list[_Answered]], Any],
    ) -> None:
        """Search; answers are delivered together, but none waits long for another."""
        with ExitStack() as turn:

            def embedded() -> None:
                making = self._making
                if not making.acquire(timeout=_SLOW_S):
                    # whoever holds the old lock takes long, and holds up nobody else
                    self._making = making = Lock()
                    making.acquire()
                turn.callback(making.release)
                let_others_begin()

            answers = self._searcher.search_all([waiting.request for waiting in batch], embedded=embedded)
            ready: list[_Answered] = []
            delivered = time.monotonic()
            for waiting, answer in zip(batch, answers, strict=True):
                try:
                    ready.append((waiting, answer if isinstance(answer, Exception) else waiting.finish(answer)))
                except Exception as error:
                    ready.append((waiting, error))
                if time.monotonic() - delivered > _TOGETHER_S:
                    deliver(ready)
                    ready, delivered = [], time.monotonic()
        deliver(ready)


def _deliver(answered: Sequence[_Answered]) -> None:
    for waiting, answer in answered:
        if waiting.result.done():
            continue
        if isinstance(answer, Exception):
            waiting.result.set_exception(answer)
        else:
            waiting.result.set_result(answer)


def _drop(batch: Sequence[_Waiting]) -> None:
    """Cancel searches that have no answer, so that nobody waits without end."""
    for waiting in batch:
        waiting.result.cancel()
