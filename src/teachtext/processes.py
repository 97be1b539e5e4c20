"""Worker processes: a pool that survives a worker which dies, hangs or takes too much memory.

Each worker of the pool has a pipe of its own. So a worker that is killed costs only its task, even if it starts or
hands over a result at that moment.

Memory is watched from outside. A limit of address space would hit libraries that reserve far more than they use, and
an allocation that fails inside a decoder looks like a damaged file.

Other pools were tried. Pebble 5.2 gives up when an idle worker is killed, and at times forgets the task of a worker
that dies at once. loky 3.7, with an executor for each worker, at times waits forever for a worker that is killed while
it hands over a result. Both leave two things to the caller: a time limit that the task sets, and workers without a
parent.
"""

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from multiprocessing.connection import wait
from typing import Any, Generic, NoReturn, TypeVar

from teachtext.errors import InputError
from teachtext.worker import OVER_MEMORY, OVER_TIME, Worker, allow, end_with

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_S = 0.02
# a process that is killed while it starts, perhaps for lack of memory, is started this many times in all
_STARTS = 3
# for a process that has closed its pipe
_DYING_S = 5.0


def cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(work: Callable[[Task], Result], tasks: Iterable[Task], *, workers: int) -> Generator[Result, None, None]:
    """Do tasks in fresh processes; yield the results as they come.

    The processes do not import the script that starts them, so it needs no `if __name__ == "__main__"`.

    Args:
        work: called with a task in another process; must be importable there.
        tasks: arguments that can be pickled.
        workers: processes.

    Raises:
        InputError: a process ended early, or cannot start.
        Exception: whatever `work` raises.

    >>> sorted(spread(abs, [-1, 2, -3], workers=2))
    [1, 2, 3]
    """
    with Workers(
        workers, setup=_leave_on_sigterm, setup_arguments=(), work=work, lost=_refuse_loss, farewell_s=_DYING_S
    ) as pool:
        yield from pool.map(tasks)


def _leave_on_sigterm() -> None:
    # an exit, unlike a kill, removes the unfinished file of the task
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _refuse_loss(_: object, how: str) -> NoReturn:
    raise InputError(
        f"a worker process ended early ({how}), perhaps for lack of memory", "use fewer workers, or free some memory"
    )


class Workers(Generic[Task, Result]):
    """A pool of fresh processes; close it, or use it in `with`.

    The processes are no forks, and do not import the script that starts them.

    Args:
        count: processes.
        setup: called once in each process; returns the same in all.
        setup_arguments: arguments of `setup`.
        work: called with a task; must be importable, as must `setup`. It may `allow` itself a time.
        lost: makes the result of a task that ended its process. Its arguments are the task, and how the process ended:
            the name of a signal, `OVER_TIME`, `OVER_MEMORY`, or the exit code.
        farewell_s: seconds between a SIGTERM, which only a `setup` that handles it notices, and the kill.
        memory_mb: megabytes that a task may take beyond the memory of its process after the setup; None for no limit.
            A task that exceeds the limit in a process with earlier tasks is tried again in a fresh one.
    """

    def __init__(
        self,
        count: int,
        *,
        setup: Callable[..., Any],
        setup_arguments: tuple[Any, ...],
        work: Callable[[Task], Result],
        lost: Callable[[Task, str], Result],
        farewell_s: float = 0.0,
        memory_mb: float | None = None,
    ) -> None:
        self.count = count
        self.new_worker = partial(Worker, setup, setup_arguments, work, memory_mb)
        self.lost = lost
        self.farewell_s = farewell_s
        self.memory_mb = memory_mb
        self._idle: list[Worker] = []
        self._busy: dict[Worker, Task] = {}
        self._failed_starts = 0

    def begin(self, count: int = 1) -> Any:
        """Start some processes; return what the setup of one of them returned, as soon as that is over.

        Args:
            count: processes, at most those of the pool. More than one are for work that is sure to come.

        Raises:
            InputError: a process cannot start.
            Exception: whatever `setup` raises.
        """
        # the first one is at hand first
        self._idle += [self.new_worker() for _ in range(min(count, self.count) - 1)]
        while True:
            process = self.new_worker()
            try:
                _, value = process.receive()
            except EOFError:
                self._fail_to_start(process.end(_DYING_S))
                continue
            self._idle.append(process)
            return value

    def map(self, tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield results as they come, so that none waits for a slow one.

        Close the iterator to drop the tasks that have not ended.

        Raises:
            InputError: a process cannot start.
            Exception: whatever `setup` or `work` raises.
        """
        waiting = iter(tasks)
        busy = self._busy = {}
        with ExitStack() as stack:
            stack.callback(self._dismiss_all, busy)
            if self.memory_mb is not None:
                stack.enter_context(_memory_watched(busy))
            while True:
                for task in islice(waiting, self.count - len(busy)):
                    self._hand_out(task, busy)
                if not busy:
                    return
                for process in _with_answers(busy):
                    yield from self._answer(process, busy)

    def _answer(self, process: Worker, busy: dict[Worker, Task]) -> Iterator[Result]:
        """Yield the result that a process has sent; its first message only says that it is ready."""
        try:
            is_result, value = process.receive()
        except EOFError:
            task, how = busy.pop(process), process.end(_DYING_S)
            if not process.ready:
                self._fail_to_start(how)
                self._hand_out(task, busy)
            elif how == OVER_MEMORY and process.task_count > 1:
                # earlier tasks may have left some memory that is not given back
                self._hand_out(task, busy, fresh=True)
            else:
                yield self.lost(task, how)
            return
        self._failed_starts = 0
        if is_result:
            del busy[process]
            self._idle.append(process)
            yield value

    def _hand_out(self, task: Task, busy: dict[Worker, Task], *, fresh: bool = False) -> None:
        process = self._idle.pop() if self._idle and not fresh else self.new_worker()
        busy[process] = task
        process.hand_out(task)

    def _fail_to_start(self, how: str) -> None:
        """Raise InputError unless a process was killed from outside, which may not happen again."""
        self._failed_starts += 1
        if self._failed_starts == _STARTS or not how.startswith("SIG"):
            raise InputError(
                f"worker processes cannot start ({how}), perhaps for lack of memory",
                "use fewer workers, or free some memory",
            )

    def kill(self) -> None:
        """Kill the processes that are at work; their tasks are lost. Another thread may call this."""
        for process in list(self._busy):
            process.kill()

    def close(self) -> None:
        """End all processes."""
        self._dismiss_all(self._idle)
        self._idle.clear()

    def _dismiss_all(self, processes: Iterable[Worker]) -> None:
        for process in processes:
            if self.farewell_s:
                process.terminate()
            process.end(self.farewell_s)

    def __enter__(self) -> "Workers[Task, Result]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def begin_worker() -> None:
    """Call first in a worker of another pool: Ctrl-C is left to its parent, and it ends when its parent has ended."""
    # Ctrl-C reaches every process of a terminal; the parent tells the others when to stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        end_with(parent.pid)


def _with_answers(busy: dict[Worker, Any]) -> list[Worker]:
    """Wait until a process sends something or ends; return those that did."""
    pipes = set(wait([process.pipe for process in busy]))
    return [process for process in busy if process.pipe in pipes]


@contextmanager
def _memory_watched(busy: Collection[Worker]) -> Iterator[None]:
    """Check the memory of busy processes from another thread, because the caller of an iterator may be away."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_S):
            for process in list(busy):
                process.check_memory()

    thread = threading.Thread(target=watch, name="memory watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Lost(Exception):
    """A call ended its process.

    Attributes:
        reason: the end of a sentence, such as `takes longer than 10 s`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BoundedCalls(Generic[Task, Result]):
    """A function that is called in processes of its own, with a limit of time and of memory. Threads may share it.

    The processes start with the first calls, and stay until `close`.

    Args:
        work: called with a task; must be importable in another process.
        seconds: that a call may take.
        memory_mb: megabytes that a call may take.
        count: number of calls at once; further ones wait.

    >>> with BoundedCalls(abs, seconds=60, memory_mb=500) as absolute:
    ...     absolute(-3)
    3
    """

    def __init__(self, work: Callable[[Task], Result], *, seconds: float, memory_mb: float, count: int = 1) -> None:
        self._pools: queue.SimpleQueue[Workers[Task, Any]] = queue.SimpleQueue()
        lost = partial(_lost_call, seconds, memory_mb)
        self._all: list[Workers[Task, Any]] = [
            Workers(1, setup=_no_setup, setup_arguments=(), work=partial(_call, work, seconds), lost=lost,
                    memory_mb=memory_mb)
            for _ in range(count)
        ]  # fmt: skip
        for pool in self._all:
            self._pools.put(pool)

    def __call__(self, task: Task) -> Result:
        """Call the function.

        Raises:
            Lost: the call takes too long or too much memory, or ends its process in another way.
            InputError: whatever the function raises.
        """
        pool = self._pools.get()
        try:
            [outcome] = pool.map([task])
        finally:
            self._pools.put(pool)
        if isinstance(outcome, Lost):
            raise outcome
        result, error = outcome
        if error is not None:
            raise error
        returned: Result = result
        return returned

    def kill(self) -> None:
        """Break off the calls that are under way: they raise `Lost`."""
        for pool in self._all:
            pool.kill()

    def close(self) -> None:
        """Wait for the calls that are under way, and end the processes."""
        pools = [self._pools.get() for _ in self._all]
        for pool in pools:
            pool.close()
            self._pools.put(pool)

    def __enter__(self) -> "BoundedCalls[Task, Result]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _no_setup() -> None:
    return


def _call(work: Callable[[Any], Any], seconds: float, task: Any) -> tuple[Any, InputError | None]:
    """Return the result and the error of a call; an error that is raised here would end the process."""
    allow(seconds)
    try:
        return work(task), None
    except InputError as error:
        return None, error


def _lost_call(seconds: float, memory_mb: float, _: object, how: str) -> Lost:
    reasons = {OVER_TIME: f"takes longer than {seconds:g} s", OVER_MEMORY: f"needs more than {memory_mb:,.0f} MB"}
    return Lost(reasons.get(how, f"ended the process that read it ({how})"))
