"""Where people watch a training: written after every epoch through one callback. TensorBoard comes with the project.

A logger is a context manager that is open while a model is trained. The logger yields the callback that the trainer
calls. A logger for another service is a few lines: add them to `LOGGERS` before the config is read, and choose the
logger with `logging: wandb`. At the top of a script, the worker processes of a study read the lines too:

    @contextmanager
    def wandb_logger(folder, facts):
        with wandb.init(name=folder.name, config=dict(facts)) as run:
            yield lambda history: run.log(scalars(history[-1]), step=len(history))

    LOGGERS["wandb"] = wandb_logger
"""

import importlib.util
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from teachtext.errors import InputError
from teachtext.files import remove

OnEpoch = Callable[[Sequence[Mapping[str, Any]]], object]
"""Called with the whole history of a training after each of its epochs (see `Trainer`)."""

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Logger(Protocol):
    """Opens a log of one training."""

    def __call__(self, folder: Path, facts: Mapping[str, Any], /) -> AbstractContextManager[OnEpoch]:
        """Return a context manager that yields the callback.

        Args:
            folder: a folder of this training's own for what is logged, named like its model; it need not exist.
            facts: what is trained and how, as plain data.
        """
        ...


def scalars(entry: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of one epoch, an entry of a history, by name: `loss/ranking`, `validation/t2v/r1`, `lr`."""
    return {
        **{f"loss/{name}": value for name, value in entry["losses"].items()},
        **{
            f"validation/{direction}/{metric}": value
            for direction, metrics in entry["validation"].items()
            for metric, value in metrics.items()
        },
        "lr": entry["lr"],
        "seconds": entry["seconds"],
    }


def no_logger(folder: Path, facts: Mapping[str, Any]) -> AbstractContextManager[OnEpoch]:
    """Log nothing."""
    return nullcontext(lambda history: None)


@contextmanager
def tensorboard(folder: Path, facts: Mapping[str, Any]) -> Iterator[OnEpoch]:
    """Write event files for `tensorboard --logdir`.

    Raises:
        InputError: tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "'logging' is 'tensorboard', which is not installed",
            "pip install 'teachtext[tensorboard]', or set 'logging: none'",
        ) from error
    # a training that was stopped tells its whole history again: no epoch is missing in it, and none stands twice
    for stopped in folder.glob("events.out.tfevents.*"):
        remove(stopped)
    written = 0
    with _uninterrupted():
        writer = SummaryWriter(folder)
        writer.add_text("training", f"```json\n{json.dumps(dict(facts), indent=2)}\n```")

    def on_epoch(history: Sequence[Mapping[str, Any]]) -> None:
        nonlocal written
        with _uninterrupted():
            for entry in history[written:]:
                for name, value in scalars(entry).items():
                    writer.add_scalar(name, value, entry["epoch"])
            written = len(history)
            writer.flush()

    try:
        yield on_epoch
    finally:
        with _uninterrupted():
            writer.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C to the end: TensorBoard's queue, left in the middle of a step, would wait for itself forever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {which: signal.signal(which, lambda number, _: came.append(number)) for which in _STOPS}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
    if came:
        signal.raise_signal(came[0])


def tensorboard_if_there(folder: Path, facts: Mapping[str, Any]) -> AbstractContextManager[OnEpoch]:
    """Log to TensorBoard where it is installed, and nothing where it is not."""
    logger = tensorboard if importlib.util.find_spec("tensorboard") else no_logger
    return logger(folder, facts)


LOGGERS: dict[str, Logger] = {"auto": tensorboard_if_there, "tensorboard": tensorboard, "none": no_logger}
"""Loggers by the name that a config gives them."""
