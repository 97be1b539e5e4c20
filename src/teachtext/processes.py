"""Worker processes: a pool that survives a worker which dies or hangs, and the manners of every worker.

Each worker of the pool has a pipe of its own. So a worker that is killed costs only its task, even if it starts or
hands over a result at that moment.

Other pools were tried. Pebble 5.2 gives up when an idle worker is killed, and at times forgets the task of a worker
that dies at once. loky 3.7, with an executor for each worker, at times waits forever for a worker that is killed while
it hands over a result. Both leave two things to the caller: a time limit that the task sets, and workers without a
parent.
"""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from teachtext.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_S = 0.5
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
            the name of a signal, `SIGALRM` where the time was over, or the exit code.
        farewell_s: seconds between a SIGTERM, which only a `setup` that handles it notices, and the kill.
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
    ) -> None:
        self.count = count
        self.orders = (setup, setup_arguments, work)
        self.lost = lost
        self.farewell_s = farewell_s
        self._idle: list[_Process] = []
        self._failed_starts = 0

    def begin(self) -> Any:
        """Start one process; return what its setup returned.

        Raises:
            InputError: it cannot start.
            Exception: whatever `setup` raises.
        """
        while True:
            process = _Process(self.orders)
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
        busy: dict[_Process, Task] = {}
        try:
            while True:
                for task in islice(waiting, self.count - len(busy)):
                    self._hand_out(task, busy)
                if not busy:
                    return
                for process in _with_answers(busy):
                    yield from self._answer(process, busy)
        finally:
            for process in busy:
                self._dismiss(process)

    def _answer(self, process: "_Process", busy: dict["_Process", Task]) -> Iterator[Result]:
        """Yield the result that a process has sent; its first message only says that it is ready."""
        try:
            is_result, value = process.receive()
        except EOFError:
            task, how = busy.pop(process), process.end(_DYING_S)
            if process.ready:
                yield self.lost(task, how)
            else:
                self._fail_to_start(how)
                self._hand_out(task, busy)
            return
        self._failed_starts = 0
        if is_result:
            del busy[process]
            self._idle.append(process)
            yield value

    def _hand_out(self, task: Task, busy: dict["_Process", Task]) -> None:
        process = self._idle.pop() if self._idle else _Process(self.orders)
        busy[process] = task
        process.send(task)

    def _fail_to_start(self, how: str) -> None:
        """Raise InputError unless a process was killed from outside, which may not happen again."""
        self._failed_starts += 1
        if self._failed_starts == _STARTS or not how.startswith("SIG"):
            raise InputError(
                f"worker processes cannot start ({how}), perhaps for lack of memory",
                "use fewer workers, or free some memory",
            )

    def close(self) -> None:
        """End all processes."""
        for process in self._idle:
            self._dismiss(process)
        self._idle.clear()

    def _dismiss(self, process: "_Process") -> None:
        if self.farewell_s:
            process.process.terminate()
        process.end(self.farewell_s)

    def __enter__(self) -> "Workers[Task, Result]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def allow(seconds: float) -> None:
    """Let the kernel end this worker, whatever it hangs in, unless its task ends within `seconds` from now."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def begin_worker() -> None:
    """Call first in a worker of another pool: Ctrl-C is left to its parent, and it ends when its parent has ended."""
    # Ctrl-C reaches every process of a terminal; the parent tells the others when to stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        _end_with(parent.pid)


def import_path() -> str:
    """Return a PYTHONPATH with which another process can import what this one can."""
    return os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)


class _Process:
    """A worker, in its parent."""

    def __init__(self, orders: tuple[Any, ...]) -> None:
        self.ready = False
        self.pipe, theirs = multiprocessing.Pipe()
        place = theirs.fileno()
        command = f"from teachtext.processes import _serve; _serve({place}, {os.getpid()})"
        with theirs, _Uninterrupted():
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", command],
                pass_fds=[place],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": import_path()},
            )
        self.send(orders)

    def send(self, message: Any) -> None:
        """Send a message; a process that has ended is noticed when its answer is read."""
        try:
            self.pipe.send(message)
        except OSError:
            return

    def receive(self) -> tuple[bool, Any]:
        """Return whether the next message is the answer to a task, and the message.

        Raises:
            EOFError: the process has ended.
            Exception: whatever its work raised.
        """
        try:
            message = self.pipe.recv()
        except OSError as error:
            raise EOFError from error
        if isinstance(message, Exception):
            raise message
        first, self.ready = not self.ready, True
        return not first, message

    def end(self, patience_s: float = 0.0) -> str:
        """End the process, unless it ends by itself within some seconds; return how it ended."""
        try:
            code = self.process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.pipe.close()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


class _Uninterrupted:
    """Start processes that Ctrl-C does not reach: the terminal sends it to all, and the parent tells the others."""

    def __enter__(self) -> None:
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


def _with_answers(busy: dict[_Process, Any]) -> list[_Process]:
    """Wait until a process sends something or ends; return those that did."""
    pipes = set(wait([process.pipe for process in busy]))
    return [process for process in busy if process.pipe in pipes]


def _serve(place: int, parent: int) -> None:
    """Be a worker: do the tasks from the pipe, until it closes."""
    os.set_inheritable(place, False)
    # SIGTERM is for the parent, as Ctrl-C is, and a worker without a parent ends anyway
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_with(parent)
    pipe = Connection(place)
    try:
        setup, arguments, work = pipe.recv()
        pipe.send(setup(*arguments))
        while True:
            result = work(pipe.recv())
            signal.setitimer(signal.ITIMER_REAL, 0)
            pipe.send(result)
    except EOFError:
        return
    except Exception as error:
        pipe.send(error if _can_travel(error) else RuntimeError(f"{type(error).__name__}: {error}"))
    finally:
        # an exit in the middle of the interpreter's own end would print a traceback
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _can_travel(error: Exception) -> bool:
    try:
        return isinstance(pickle.loads(pickle.dumps(error)), type(error))
    except Exception:
        return False


def _end_with(parent: int) -> None:
    """End this process when its parent has ended: a parent that is killed cannot tell, and a busy worker reads nothing.

    Args:
        parent: process id.
    """
    threading.Thread(target=partial(_end_after, parent), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)
