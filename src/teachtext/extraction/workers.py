"""Work spread over processes, with bounded memory, and surviving a worker that dies or hangs.

Each worker has a pipe of its own, so one that is killed at any moment, even while it starts or hands over a result, can
cost nothing but its task. Of the libraries tried, Pebble 5.2 gives up when an idle worker is killed, and at times
forgets the task of one that dies at once; loky 3.7, with an executor a worker, at times waits forever for one that is
killed while it hands over a result; and both leave a limit that the task sets, and workers without a parent, to us.
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
from itertools import islice
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from teachtext.errors import InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

_LOOK_S = 0.5
# a process that is killed while it starts, as for lack of memory, is started so many times before that is an error
_STARTS = 3
# for a process that has closed its pipe
_DYING_S = 5.0


class Workers(Generic[Task, Result]):
    """A pool of fresh processes; close it, or use it in `with`.

    They are no forks, and do not import the script that starts them, so it needs no `if __name__ == "__main__"`.

    Args:
        count: processes.
        setup: called once in each process; what it returns is the same in all.
        setup_arguments: what it is called with.
        work: called with a task; must be importable, as must `setup`. It may `allow` itself a time.
        lost: makes the result of a task that ended its process, from the task and how it ended: the name of a
            signal, `SIGALRM` where the time was over, or the exit code.
        farewell_s: seconds from a SIGTERM, which means something only where `setup` handles it, until it is killed.
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
                _, told = process.receive()
            except EOFError:
                self._fail_to_start(process.end(_DYING_S))
                continue
            self._idle.append(process)
            return told

    def map(self, tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield results as they come, so that none waits for a slow one; close the iterator to drop what has not ended.

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
                for process in _heard(busy):
                    yield from self._answer(process, busy)
        finally:
            for process in busy:
                self._dismiss(process)

    def _answer(self, process: "_Process", busy: dict["_Process", Task]) -> Iterator[Result]:
        """Yield the result, if that is what a process has said and not only that it is ready."""
        try:
            is_result, said = process.receive()
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
            yield said

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
    """Let the kernel end this worker, whatever it hangs in, unless its task ends within so many seconds from now."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def import_path() -> str:
    """Return a PYTHONPATH with which another process can import what this one can."""
    return os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)


class _Process:
    """A worker as its parent sees it."""

    def __init__(self, orders: tuple[Any, ...]) -> None:
        self.ready = False
        self.pipe, theirs = multiprocessing.Pipe()
        place = theirs.fileno()
        command = f"from teachtext.extraction.workers import _serve; _serve({place}, {os.getpid()})"
        with theirs, _Uninterrupted():
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", command],
                pass_fds=[place],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": import_path()},
            )
        self.send(orders)

    def send(self, message: Any) -> None:
        """Send; that nobody is there to read it is found out when the answer is read."""
        try:
            self.pipe.send(message)
        except OSError:
            return

    def receive(self) -> tuple[bool, Any]:
        """Read what it says: whether that is the answer to a task, and the answer.

        Raises:
            EOFError: it has ended.
            Exception: what its work raised.
        """
        try:
            said = self.pipe.recv()
        except OSError as error:
            raise EOFError from error
        if isinstance(said, Exception):
            raise said
        first, self.ready = not self.ready, True
        return not first, said

    def end(self, patience_s: float = 0.0) -> str:
        """End it, unless it has within some seconds; return how it ended."""
        try:
            code = self.process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.pipe.close()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


class _Uninterrupted:
    """Start processes that Ctrl-C does not reach: it goes to all of a terminal, and the first one tells the others."""

    def __enter__(self) -> None:
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


def _heard(busy: dict[_Process, Any]) -> list[_Process]:
    """Wait for one to say something, or to end."""
    heard = set(wait([process.pipe for process in busy]))
    return [process for process in busy if process.pipe in heard]


def _serve(place: int, parent: int) -> None:
    """Be a worker: do what the pipe says, until it closes."""
    os.set_inheritable(place, False)
    # as Ctrl-C, it is for the parent, and a worker without a parent ends anyway
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
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


def _can_travel(error: Exception) -> bool:
    try:
        return isinstance(pickle.loads(pickle.dumps(error)), type(error))
    except Exception:
        return False


def _end_after(parent: int) -> None:
    # a parent that is killed tells nobody, and a worker at work would not notice
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)
