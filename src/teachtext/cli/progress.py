"""Progress bars with the time that is left; where nobody watches, a line for each piece of work that is done."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from teachtext.progress import Progress

console = Console()


@contextmanager
def shown() -> Iterator[Progress]:
    """Yield a progress listener that draws one bar for each kind of work, on stderr."""
    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield _say_done
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bars = Bars(*columns, console=stderr)
    tasks: dict[str, TaskID] = {}

    def listen(what: str, done: int, total: int) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield listen
    finally:
        # not begun before there is something to show: it would leave an empty line above an error
        if tasks:
            bars.stop()


def _say_done(what: str, done: int, total: int) -> None:
    if done == total:
        print(f"{what}: {total} of {total}", file=sys.stderr, flush=True)
