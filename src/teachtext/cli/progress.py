"""Progress bars with the remaining time; without a terminal, a line for each finished piece of work."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def shown() -> Iterator[Progress]:
    """Yield a progress listener that draws a bar for each kind of work, on stderr."""
    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield _print_done
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


def _print_done(what: str, done: int, total: int, note: str = "") -> None:
    if done == total:
        print(f"{what}: {total} of {total}{note and f', {note}'}", file=sys.stderr, flush=True)
