"""Manners of worker processes, wherever they are started."""

import multiprocessing
import os
import signal
import threading


def cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def begin_worker() -> None:
    """Call first in a worker: it leaves Ctrl-C to the process that started it, and ends when that one is gone."""
    # Ctrl-C reaches every process of a terminal; the first one tells the others when to stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # a parent that is killed tells nobody, and its workers would wait for work forever
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
