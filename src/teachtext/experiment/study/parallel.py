"""Many trainings at once: one process a training, each as soon as its teachers are done, each folder once."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from graphlib import TopologicalSorter
from multiprocessing import active_children, get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from teachtext.devices import is_gpu, resolve_device
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.ranks_on_test import ranks_on_test, ranks_path
from teachtext.experiment.study.ranks import train_together
from teachtext.experiment.study.task import Task
from teachtext.experiment.torch_settings import torch_settings
from teachtext.experiment.train import Training
from teachtext.learning.checkpoint import check_finished
from teachtext.learning.ranks import ALONE, Ranks
from teachtext.processes import begin_worker, cores
from teachtext.progress import Progress, silent

_LOOK_S = 0.5

Notes = list[tuple[str, str]]
"""Work, and a remark on it."""


def jobs_of(configs: Iterable[RunConfig]) -> int:
    """Return how many models are trained at once: as many as fit on the cores, at most `jobs`; on a GPU one."""
    settings = list(configs)
    # a device by name need not be present yet: only auto is looked up
    devices: set[str] = {config.device for config in settings}
    if any(is_gpu(resolve_device(device) if device == "auto" else device) for device in devices):
        return 1
    limits = [config.jobs for config in settings if config.jobs]
    return min([max(1, cores() // max(config.threads for config in settings)), *limits])


def train_all(
    trainings: Sequence[Training],
    *,
    jobs: int,
    test: bool = True,
    progress: Progress = silent,
    ranks: Ranks = ALONE,
) -> dict[Path, InputError]:
    """Train models and all that they need first, and test the models; finished work is not repeated.

    Equal trainings have one folder and are done once. After a stop, a second call continues. A single job runs in this
    process, several run in processes of their own; the models are equal to the bit.

    Args:
        trainings: of models, in folders that this process holds.
        jobs: processes; 1 where there are `ranks`.
        test: whether the models are tested; candidates of a choice are not.
        progress: is called with the number of finished epochs of all models.
        ranks: the processes of torchrun, all of which train one model after the other.

    Returns:
        By folder the error of a training or test that failed, or of which an earlier training failed.

    Raises:
        InputError: a finished model is damaged, or a process ended early.
    """
    tested = {training.folder for training in trainings if test}
    earlier: dict[Path, list[Path]] = {}
    tasks: dict[Path, tuple[Training, bool]] = {}
    epochs = 0
    for training in _with_earlier(trainings):
        folder = training.folder
        if folder in earlier:
            continue
        if training.done:
            check_finished(folder)
            # a model of an earlier version has none
            training.keep_captions()
        earlier[folder] = [first.folder for first in training.earlier]
        if not training.done or (folder in tested and not ranks_path(training).exists()):
            tasks[folder] = (training, folder in tested)
            # one for the test of a model that is trained already
            epochs += 1 if training.done else training.epochs + training.sources.epochs_of_slow_teachers
    if not tasks:
        return {}
    failed: dict[Path, InputError] = {}
    finished = 0

    def report(done_epochs: int) -> None:
        # short of the whole until the last model is tested
        done = epochs if finished == len(tasks) else min(done_epochs, epochs - 1)
        progress("train", done, epochs, f"{finished} of {len(tasks)} models")

    with _pool(min(jobs, len(tasks)), report, ranks) as (submit, done_epochs):
        graph = TopologicalSorter(earlier)
        graph.prepare()
        running: dict[Future[Notes], Path] = {}
        while graph.is_active():
            for folder in graph.get_ready():
                lacking = [failed[first] for first in earlier[folder] if first in failed]
                if lacking:
                    problem = f"of the trainings before it one failed: {lacking[0].problem}"
                    failed[folder] = InputError(problem, lacking[0].mend)
                if lacking or folder not in tasks:
                    graph.done(folder)
                else:
                    running[submit(*tasks[folder])] = folder
            for future in wait(running, _LOOK_S, FIRST_COMPLETED).done:
                folder = running.pop(future)
                try:
                    for what, note in future.result():
                        progress(what, 1, 1, note)
                except InputError as error:
                    failed[folder] = error
                finished += 1
                graph.done(folder)
            report(done_epochs())
    return failed


Submit = Callable[[Training, bool], Future[Notes]]


@contextmanager
def _pool(jobs: int, report: Callable[[int], None], ranks: Ranks) -> Iterator[tuple[Submit, Callable[[], int]]]:
    """Yield a function that starts a training, and one that returns how many epochs are finished."""
    if jobs == 1:
        done = 0

        def count(epochs: int) -> None:
            nonlocal done
            done += epochs
            report(done)

        def submit(training: Training, test: bool) -> Future[Notes]:
            future: Future[Notes] = Future()
            try:
                future.set_result(_train(training, test, count, ranks))
            except InputError as error:
                future.set_exception(error)
            return future

        yield submit, lambda: done
        return
    context = get_context("spawn")
    counter = context.Value("q", 0)
    before = set(active_children())
    try:
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(counter,)) as pool:

            def start(training: Training, test: bool) -> Future[Notes]:
                with _main_left_out():
                    return pool.submit(_do, Task.of(training, test=test))

            try:
                yield start, lambda: int(counter.value)
            except BaseException:
                # not waited for: a stopped training continues from its last epoch
                pool.shutdown(wait=False, cancel_futures=True)
                for process in set(active_children()) - before:
                    process.terminate()
                raise
    except BrokenProcessPool as error:
        raise InputError(
            "a process that trains ended early, as it does when memory is short",
            "run again to go on, with fewer --jobs if that is so; what is trained is kept",
        ) from error


@contextmanager
def _main_left_out() -> Iterator[None]:
    """Start processes that do not import the main script: without `if __name__ == "__main__":` it would run again."""
    main: dict[str, Any] = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {name: main.pop(name) for name in ("__file__", "__spec__") if name in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(hidden)


def _with_earlier(trainings: Iterable[Training]) -> Iterator[Training]:
    for training in trainings:
        yield from _with_earlier(training.earlier)
        yield training


def _train(training: Training, test: bool, count: Callable[[int], None], ranks: Ranks = ALONE) -> Notes:
    """Train, and test; `count` is called with the number of epochs that were added."""
    notes: Notes = []
    reported = Counter[str]()

    def listen(what: str, done: int, total: int, note: str = "") -> None:
        if note:
            notes.append((what, note))
        # of the model, and of a slow teacher that is trained for it
        if what.startswith("train"):
            count(done - reported[what])
            reported[what] = done

    train_together(training, listen, ranks)
    if test:
        with torch_settings(training.workspace.config):
            ranks_on_test(training)
    return notes


# of a worker process
_counter: "Synchronized[int] | None" = None


def _begin(counter: "Synchronized[int]") -> None:
    global _counter
    begin_worker()
    _counter = counter


def _add(epochs: int) -> None:
    if _counter is not None:
        with _counter.get_lock():
            _counter.value += epochs


def _do(task: Task) -> Notes:
    return _train(task.training, task.test, _add)
