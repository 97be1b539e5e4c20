"""Many trainings on all cores: one process a training, each as soon as its teachers are done, each folder once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from multiprocessing import active_children, get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from teachtext.data.folds import Fold
from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.evaluate import ranks_on_test, ranks_path
from teachtext.experiment.plan import Member
from teachtext.experiment.run import torch_settings
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.processes import begin_worker, cores
from teachtext.progress import Progress, silent

_LOOK_S = 0.5


@dataclass(frozen=True)
class Task:
    """What a process is handed: a training, and whether it is tested when it is done."""

    config: RunConfig
    member: Member
    seed: int
    test: bool
    fold: Fold | None


def jobs_of(configs: Iterable[RunConfig]) -> int:
    """Return how many models are trained at once: as many as fit on the cores; on a GPU one."""
    known = list(configs)
    if any(config.device != "cpu" for config in known):
        return 1
    return max(1, cores() // max(config.threads for config in known))


def train_all(
    trainings: Sequence[Training], *, jobs: int, test: bool = True, progress: Progress = silent
) -> dict[Path, str]:
    """Train models with all their teachers, and test those that are asked for; what is done already is left alone.

    Equal trainings have one folder and are one. Stopped at any time, a second call goes on.

    Args:
        trainings: what is trained and tested, by a process that holds their folder.
        jobs: processes.
        test: whether they are tested; what is only chosen from is not.
        progress: told how many epochs of all that are to come are done.

    Returns:
        Why a folder is not trained or tested, for those where something cannot be computed or lacks a teacher.

    Raises:
        InputError: a process ended early.
    """
    wanted = {training.folder for training in trainings if test}
    teachers: dict[Path, list[Path]] = {}
    tasks: dict[Path, Task] = {}
    epochs = 0
    for training in _with_teachers(trainings):
        folder = training.folder
        if folder in teachers:
            continue
        teachers[folder] = [teacher.folder for teacher in training.teachers]
        if not training.done or (folder in wanted and not ranks_path(training).exists()):
            tasks[folder] = Task(
                training.workspace.config, training.member, training.seed, folder in wanted, training.fold
            )
            # one for the test of a model that is trained already
            epochs += 1 if training.done else training.member.training.epochs
    if not tasks:
        return {}
    failed: dict[Path, str] = {}
    with _pool(min(jobs, len(tasks))) as (submit, done_epochs):
        graph = TopologicalSorter(teachers)
        graph.prepare()
        running: dict[Future[None], Path] = {}
        finished = 0
        while graph.is_active():
            for folder in graph.get_ready():
                lacking = [failed[teacher] for teacher in teachers[folder] if teacher in failed]
                if lacking:
                    failed[folder] = f"of its teachers one is not trained: {lacking[0]}"
                if lacking or folder not in tasks:
                    graph.done(folder)
                else:
                    running[submit(tasks[folder])] = folder
            for future in wait(running, _LOOK_S, FIRST_COMPLETED).done:
                folder = running.pop(future)
                try:
                    future.result()
                except InputError as error:
                    failed[folder] = error.problem
                finished += 1
                graph.done(folder)
            # short of the whole until the last model is tested
            done = epochs if finished == len(tasks) else min(done_epochs(), epochs - 1)
            progress("train", done, epochs, f"{finished} of {len(tasks)} models")
    return failed


@contextmanager
def _pool(jobs: int) -> Iterator[tuple[Callable[[Task], Future[None]], Callable[[], int]]]:
    """Yield what starts a task, and what tells how many epochs all of them have done."""
    context = get_context("spawn")
    counter = context.Value("q", 0)
    before = set(active_children())
    try:
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(counter,)) as pool:
            try:
                yield lambda task: pool.submit(_do, task), lambda: int(counter.value)
            except BaseException:
                # not waited for: what they are at is done again from its last epoch
                pool.shutdown(wait=False, cancel_futures=True)
                for process in set(active_children()) - before:
                    process.terminate()
                raise
    except BrokenProcessPool as error:
        raise InputError(
            "a process that trains ended early, as it does when memory is short",
            "run again to go on, with fewer --jobs if that is so; what is trained is kept",
        ) from error


def _with_teachers(trainings: Iterable[Training]) -> Iterator[Training]:
    for training in trainings:
        yield from _with_teachers(training.teachers)
        yield training


# of a worker process
_workspaces: dict[Path, Workspace] = {}
_counter: "Synchronized[int] | None" = None


def _begin(counter: "Synchronized[int]") -> None:
    global _counter
    begin_worker()
    _counter = counter


def _do(task: Task) -> None:
    folder = task.config.folder
    # one for each dataset: variants share what is read
    _workspaces.setdefault(folder, Workspace(task.config))
    training = Training(_workspaces[folder].sharing(task.config), task.member, task.seed, task.fold)
    told = 0

    def count(what: str, done: int, total: int, note: str = "") -> None:
        nonlocal told
        if _counter is not None:
            with _counter.get_lock():
                _counter.value += done - told
        told = done

    with torch_settings(task.config):
        training.train(count)
        if task.test:
            ranks_on_test(training)
