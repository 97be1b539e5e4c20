"""Training over several processes: process 0 does a command, and the others train each model with it."""

from collections.abc import Callable

from teachtext.errors import InputError, ProcessesEnded
from teachtext.experiment.study.task import Task
from teachtext.experiment.torch_settings import torch_settings
from teachtext.experiment.train import Training
from teachtext.files import refuse_writing
from teachtext.learning.ranks import Ranks, started
from teachtext.learning.ranks.agreement import SharedError
from teachtext.progress import Progress, silent

_FAILED = "failed"


def lead(work: Callable[[Ranks], None]) -> None:
    """Do some work in process 0, and let the other processes that torchrun has started train with it.

    Process 0 alone extracts, embeds, validates, tests and writes files. Without torchrun only the work is done.

    Args:
        work: is called in process 0 with the processes.

    Raises:
        InputError: whatever the work raises, in process 0.
        ProcessesEnded: a process has failed.
    """
    with started() as ranks:
        if not ranks.first:
            try:
                _follow(ranks)
            except KeyboardInterrupt as stop:
                # process 0 says that all were stopped
                raise ProcessesEnded("") from stop
            return
        try:
            work(ranks)
        except InputError:
            ranks.send(_FAILED)
            raise
        ranks.send("")


def train_together(training: Training, progress: Progress, ranks: Ranks) -> None:
    """Train a model in process 0, with all others; a finished training is not repeated."""
    if not training.done:
        ranks.send(Task.of(training, test=False).as_json())
        # before torch is set up for a device that may not be there
        ranks.device(training.workspace.config.device)
    with torch_settings(training.workspace.config):
        training.train(progress, ranks)


def _follow(ranks: Ranks) -> None:
    """Train what process 0 names, until it ends."""
    refuse_writing("process 0 alone writes files")
    while message := ranks.receive():
        if message == _FAILED:
            raise ProcessesEnded("")
        task = Task.from_json(message)

        try:
            ranks.device(task.config.device)
            with torch_settings(task.config):
                trainer = ranks.set_up(
                    task.config.device,
                    lambda task=task: task.training.facts(),  # type: ignore[misc]
                    lambda device, task=task: task.training.trainer(device, silent, ranks),  # type: ignore[misc]
                )
                with ranks.guarded():
                    trainer.fit()
        except SharedError:
            # process 0 raises the same, and decides how to go on
            continue
