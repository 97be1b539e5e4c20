"""Progress bars with the remaining time; without a terminal, a line every few seconds and at the end of each work."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from teachtext.progress import Progress

console = Console()
# seconds between two lines of one work
_PAUSE_S = 10.0


@contextmanager
def shown() -> Iterator[Progress]:
    """Yield a progress listener that draws a bar for each kind of work, on stderr."""
    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        lines = Lines()
        over = Event()
        thread = Thread(target=_remind, args=(lines, over), name="progress", daemon=True)
        thread.start()
        try:
            yield lines
        finally:
            over.set()
            thread.join()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        _Rate(),
        TextColumn("{task.fields[note]}"),
    )
    bars = Bars(*columns, console=stderr)
    tasks: dict[str, TaskID] = {}

    def listen(what: str, done: int, total: int, note: str = "") -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total, note="")
        bars.update(tasks[what], completed=done, total=total, note=note)

    try:
        yield listen
    finally:
        # bars start with the first work: an earlier start would leave an empty line above an error
        if tasks:
            bars.stop()


class _Rate(ProgressColumn):
    """Pieces of work a second."""

    def render(self, task: Task) -> Text:
        """Return the text, empty before the first measurement."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.3g}/s" if speed else "")


class Lines:
    """Prints a line on stderr at the end of each work, and every `pause_s` seconds on the way.

    Args:
        pause_s: seconds between two lines.
        clock: tells the time in seconds.
    """

    def __init__(self, pause_s: float = _PAUSE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._printed_s = clock()
        self._waiting = ""
        self._lock = Lock()

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        """Receive progress; see `teachtext.progress.Progress`."""
        with self._lock:
            self._waiting = f"{what}: {done} of {total}{note and f', {note}'}"
            if done == total:
                self._print()
                self._waiting = ""
        self.remind()

    def remind(self) -> None:
        """Print the state of the work if it is time for a line, also where a single piece of work takes long."""
        with self._lock:
            if self._waiting and self._clock() - self._printed_s >= self._pause_s:
                self._print()

    def _print(self) -> None:
        self._printed_s = self._clock()
        print(self._waiting, file=sys.stderr, flush=True)


def _remind(lines: Lines, over: Event) -> None:
    while not over.wait(1.0):
        lines.remind()
