"""One worker process: how its parent starts, feeds and ends it, and how the worker itself behaves."""

import ctypes
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

OVER_TIME = "SIGALRM"
"""How a worker ended whose time was over (see `allow`)."""
OVER_MEMORY = "over memory"
"""How a worker ended that took more memory than its limit (see `Worker.check_memory`)."""

_LOOK_S = 0.5
_MB = 10**6
# a parameter of glibc's mallopt, and from how many bytes on a block of memory is large
_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 2**20


class Worker:
    """A worker, as its parent sees it.

    Args:
        setup: called once in the process.
        setup_arguments: arguments of `setup`.
        work: called with each task.
        memory_mb: megabytes that the process may take beyond the memory after its setup; None for no limit.

    Attributes:
        pipe: to the worker.
        ready: whether the answer of `setup` was received.
        task_count: number of tasks that the process got.
    """

    def __init__(
        self,
        setup: Callable[..., Any],
        setup_arguments: tuple[Any, ...],
        work: Callable[[Any], Any],
        memory_mb: float | None = None,
    ) -> None:
        self.ready = False
        self.task_count = 0
        self._memory_mb = memory_mb
        self._base: int | None = None
        self._over_memory = False
        self.pipe, theirs = multiprocessing.Pipe()
        place = theirs.fileno()
        command = f"from teachtext.worker import serve; serve({place}, {os.getpid()})"
        with theirs, _Uninterrupted():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", command],
                pass_fds=[place],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": import_path()},
            )
        self._send((setup, setup_arguments, work))

    def hand_out(self, task: Any) -> None:
        """Send a task; a process that has ended is noticed when its answer is read."""
        self.task_count += 1
        self._send(task)

    def _send(self, message: Any) -> None:
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

    def check_memory(self) -> None:
        """Kill the process if it takes more memory than its limit. May be called from another thread."""
        if self._memory_mb is None or self._process.returncode is not None:
            return
        if self._base is None:
            # the first message says that the setup is over
            if self.ready or _has_message(self.pipe):
                self._base = private_bytes(self._process.pid)
        elif private_bytes(self._process.pid) - self._base > self._memory_mb * _MB:
            self._over_memory = True
            self._process.kill()

    def kill(self) -> None:
        """Kill the process. May be called from another thread."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask the process to end; only a `setup` that handles SIGTERM notices."""
        self._process.terminate()

    def end(self, patience_s: float = 0.0) -> str:
        """End the process, unless it ends by itself within some seconds; return how it ended.

        Returns:
            The name of a signal, such as `OVER_TIME`; `OVER_MEMORY`; or the exit code.
        """
        try:
            code = self._process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.pipe.close()
        if self._over_memory:
            return OVER_MEMORY
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def private_bytes(pid: int) -> int:
    """Return the memory of a process that it shares with no file; 0 where the system does not tell.

    Address space says little: torch, ONNX Runtime and CUDA reserve many times of what they use. Pages of files, such as
    libraries and mapped weights, can be dropped by the system at any time.
    """
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_bytes().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def allow(seconds: float) -> None:
    """Let the kernel end this worker, whatever it hangs in, unless its task ends within `seconds` from now."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def import_path() -> str:
    """Return a PYTHONPATH with which another process can import what this one can."""
    return os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)


def serve(place: int, parent: int) -> None:
    """Be a worker: do the tasks from the pipe, until it closes.

    Args:
        place: file descriptor of the pipe.
        parent: process id of the parent.
    """
    os.set_inheritable(place, False)
    # SIGTERM is for the parent, as Ctrl-C is, and a worker without a parent ends anyway
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with(parent)
    _give_pictures_back()
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
        # a parent that is ending listens no more
        with suppress(OSError):
            pipe.send(error if _can_travel(error) else RuntimeError(f"{type(error).__name__}: {error}"))
    finally:
        # an exit in the middle of the interpreter's own end would print a traceback
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _give_pictures_back() -> None:
    """Have glibc give the memory of each large block back to the system once the block is free.

    Otherwise glibc learns to keep large blocks in its heap, where releases before 2.38 do not use the room of aligned
    blocks again (bug 14581), such as FFmpeg's pictures: memory would grow with the length of a video.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def end_with(parent: int) -> None:
    """End this process when its parent has ended: a parent that is killed cannot tell, and a busy worker reads nothing.

    Args:
        parent: process id.
    """
    threading.Thread(target=partial(_end_after, parent), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


class _Uninterrupted:
    """Start processes that Ctrl-C does not reach: the terminal sends it to all, and the parent tells the others."""

    def __enter__(self) -> None:
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


def _has_message(pipe: Connection) -> bool:
    try:
        return pipe.poll()
    except OSError:
        return False


def _can_travel(error: Exception) -> bool:
    try:
        return isinstance(pickle.loads(pickle.dumps(error)), type(error))
    except Exception:
        return False
