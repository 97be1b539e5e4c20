"""Work spread over processes, with bounded memory, and surviving a worker that dies or hangs."""

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
    """

    def __init__(
        self,
        count: int,
        *,
        setup: Callable[..., Any],
        setup_arguments: tuple[Any, ...],
        work: Callable[[Task], Result],
        lost: Callable[[Task, str], Result],
    ) -> None:
        self.count = count
        self.orders = (setup, setup_arguments, work)
        self.lost = lost
        self._idle: list[_Process] = []

    def begin(self) -> Any:
        """Start one process; return what its setup returned.

        Raises:
            InputError: it cannot start.
            Exception: whatever `setup` raises.
        """
        process = _Process(self.orders)
        _, told = process.receive()
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
                    process = self._idle.pop() if self._idle else _Process(self.orders)
                    busy[process] = task
                    process.send(task)
                if not busy:
                    return
                for process in _heard(busy):
                    yield from self._answer(process, busy)
        finally:
            for process in busy:
                process.end()

    def _answer(self, process: "_Process", busy: dict["_Process", Task]) -> Iterator[Result]:
        """Yield the result, if that is what a process has said and not only that it is ready."""
        try:
            is_result, said = process.receive()
        except EOFError:
            yield self.lost(busy.pop(process), process.end(_DYING_S))
            return
        if is_result:
            del busy[process]
            self._idle.append(process)
            yield said

    def close(self) -> None:
        """End all processes."""
        for process in self._idle:
            process.end()
        self._idle.clear()

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
        command = f"from teachtext.encoders.workers import _serve; _serve({place}, {os.getpid()})"
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
            InputError: it has ended before it was ready.
            Exception: what its work raised.
        """
        try:
            said = self.pipe.recv()
        except (EOFError, OSError) as error:
            if self.ready:
                raise EOFError from error
            raise InputError(
                f"worker processes cannot start ({self.end(_DYING_S)}), perhaps for lack of memory",
                "use fewer workers, or free some memory",
            ) from error
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
