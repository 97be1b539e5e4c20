"""Work spread over processes, in order, with bounded memory, and surviving a worker that dies."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, TypeVar

from teachtext.data.processes import begin_worker
from teachtext.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 2


class Workers(Generic[Task, Result]):
    """A pool of fresh processes.

    Args:
        count: processes.
        setup: called once in each process.
        setup_arguments: what it is called with.
        work: called with a task; must be importable, as must `setup`.
        dead: makes the result of a task that killed its process.
    """

    def __init__(
        self,
        count: int,
        *,
        setup: Callable[..., None],
        setup_arguments: tuple[Any, ...],
        work: Callable[[Task], Result],
        dead: Callable[[Task], Result],
    ) -> None:
        self.count = count
        self.setup = setup
        self.setup_arguments = setup_arguments
        self.work = work
        self.dead = dead
        self._pool: ProcessPoolExecutor | None = None

    def map(self, tasks: Sequence[Task]) -> Generator[Result, None, None]:
        """Yield results in the order of the tasks. Close the iterator to drop what has not begun."""
        waiting = deque(tasks)
        running: deque[tuple[Task, Future[Result]]] = deque()
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * self.count:
                    task = waiting.popleft()
                    running.append((task, self._submit(task)))
                task, future = running.popleft()
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects = [task, *(other for other, _ in running)]
                    running.clear()
                    yield from self._one_by_one(suspects)
                else:
                    yield result
        finally:
            self._stop()

    def _submit(self, task: Task) -> Future[Result]:
        pool = self._start(self.count)
        try:
            return pool.submit(self.work, task)
        except (BrokenProcessPool, OSError) as error:
            # OSError: a process has just died, and its pipe is closed before the pool says that it is broken
            broken: Future[Result] = Future()
            broken.set_exception(BrokenProcessPool(str(error)))
            return broken

    def _one_by_one(self, suspects: Sequence[Task]) -> Generator[Result, None, None]:
        """Run the tasks that were under way when a process died alone, to find out which it was."""
        self._stop()
        for task in suspects:
            try:
                yield self._start(1).submit(self.work, task).result()
            except BrokenProcessPool:
                self._stop()
                yield self.dead(task)
        self._stop()

    def _start(self, count: int) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(count, context, _begin, (self.setup, self.setup_arguments))
            try:
                self._pool.submit(_ready).result()
            except BrokenProcessPool as error:
                raise InputError(
                    "worker processes cannot start, perhaps for lack of memory",
                    "use workers=1, or in a script call this under: if __name__ == '__main__'",
                ) from error
        return self._pool

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _begin(setup: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    begin_worker()
    setup(*arguments)


def _ready() -> None:
    """Do nothing, in a process that has begun."""
