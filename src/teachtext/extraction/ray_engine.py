"""The stages of extraction as a Ray Data pipeline, on this machine or on a cluster.

Tasks go to actors. Each actor encodes in a process of its own, as on one machine, so that features, time limits and
failures are the same. Actors write parts of the store. All machines must see the store and the videos under the same
path. Only names of parts and failures come back, and the parts are renamed into place.

Another process drives Ray, and ends with the extraction: the threads and settings of Ray would stay in this process,
and a crash of Ray would end it.
"""

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.extraction.feature_output import Place
from teachtext.extraction.ray_session import start
from teachtext.extraction.task import Job, Result, Task
from teachtext.processes import Workers
from teachtext.unfinished import lock

# videos: after each batch progress is reported and parts are put in place
_BATCH = 16
_BATCHES_AN_ACTOR = 4
# at a SIGTERM Ray ends its other processes; after a kill some would stay for a minute
_FAREWELL_S = 10.0
_PREFIX = "teachtext-"
# a folder without this file, written by this package, is somebody else's
_MARKER, _MARK = ".teachtext-ray", b"folder of a Ray session of teachtext: removed when its process has ended\n"
_AGAIN = "run again to go on, or use the local engine"
Columns = dict[str, NDArray[Any]]
Row = dict[str, Any]


def run_on_ray(
    tasks: Sequence[Task], job: Job, places: Mapping[str, Place], workers: int
) -> Generator[Result, None, None]:
    """Yield the results of the tasks as they come, without features, which are in the store already.

    Raises:
        InputError: Ray cannot be started or reached, or gave up.
    """
    if not tasks:
        return
    # the working folder of an actor may be another
    remote = [replace(task, path=task.path.absolute()) for task in tasks]
    remote_places = {name: replace(place, folder=place.folder.absolute()) for name, place in places.items()}
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        driver = Workers[None, Row | None](
            1, setup=_begin, setup_arguments=(remote, job.workers(1), remote_places, workers, folder), work=_next,
            lost=_lost, farewell_s=_FAREWELL_S,
        )  # fmt: skip
        stack.enter_context(driver)
        for row in stack.enter_context(closing(driver.map(repeat(None)))):
            if row is None:
                break
            for place in places.values():
                place.adopt(row["part"])
            if row["error"]:
                raise InputError(*row["error"])
            for number, sentences in zip(row["numbers"], row["sentences"], strict=True):
                task, remote_path = tasks[number], str(remote[number].path)
                reason, *notes = (sentence.replace(remote_path, str(task.path)) for sentence in sentences)
                yield Result(task, reason, notes=notes)
    for place in places.values():
        place.clear()


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder for Ray, whose path must be short, and remove those of processes that were killed."""
    for marker in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_MARKER}"):
        _remove_dead(marker)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        descriptor = os.open(folder / _MARKER, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            lock(descriptor)
            os.write(descriptor, _MARK)
            yield folder
        finally:
            os.close(descriptor)


def _remove_dead(marker: Path) -> None:
    """Remove a folder whose marker is of this package and of this user, unless a process holds the marker's lock."""
    with suppress(OSError):
        user = os.geteuid()
        if marker.parent.is_symlink() or {marker.parent.stat().st_uid, marker.lstat().st_uid} != {user}:
            return
        descriptor = os.open(marker, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if os.read(descriptor, len(_MARK) + 1) == _MARK and lock(descriptor):
                shutil.rmtree(marker.parent, ignore_errors=True)
        finally:
            os.close(descriptor)


# the rest runs in the process that drives Ray

_rows: Iterator[Row]


def _begin(
    tasks: Sequence[Task], encoder: Workers[Task, Result], places: Mapping[str, Place], workers: int, folder: Path
) -> None:
    """Start Ray, and the pipeline on it."""
    global _rows
    actors = start(workers, folder)
    import ray.data

    size = min(_BATCH, -(-len(tasks) // (_BATCHES_AN_ACTOR * actors)))
    batches = [list(range(first, min(first + size, len(tasks)))) for first in range(0, len(tasks), size)]
    pipeline = ray.data.from_items(
        [{"tasks": [tasks[number] for number in batch], "numbers": batch} for batch in batches],
        override_num_blocks=len(batches),
    ).map_batches(
        _Encoder,
        fn_constructor_args=(encoder, places),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(batches))),
        num_cpus=1,
    )
    _rows = iter(pipeline.iter_rows())


def _next(_: None) -> Row | None:
    """Return the outcome of a batch; None after the last."""
    import ray

    try:
        row = next(_rows, None)
    except ray.exceptions.RayError as error:
        last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        raise InputError(f"Ray gave up ({last[0]})", _AGAIN) from error
    if row is None:
        ray.shutdown()
        return None
    outcome: Row = json.loads(row["outcome"])
    return outcome


def _lost(_: None, how: str) -> NoReturn:
    """Raise InputError: the process that drives Ray has ended."""
    raise InputError(f"the process that drives Ray ended ({how})", _AGAIN)


class _Encoder:
    """An actor: encodes batches, and writes one part of the store for each."""

    def __init__(self, workers: Workers[Task, Result], places: Mapping[str, Place]) -> None:
        self.workers = workers
        self.places = places

    def __call__(self, batch: Columns) -> Columns:
        part, sentences, failed = uuid.uuid4().hex, list[list[str]](), list[str]()
        try:
            with ExitStack() as stack:
                writers = {name: stack.enter_context(place.writer(part)) for name, place in self.places.items()}
                for result in self.workers.map(batch["tasks"][0]):
                    sentences.append([result.reason, *result.notes])
                    for name, rows in result.features.items():
                        writers[name].add(
                            result.task.id,
                            rows.values,
                            source=result.task.source,
                            times=rows.times,
                            passages=rows.passages,
                        )
        except InputError as error:
            failed = [error.problem, error.mend]
        outcome = {"part": part, "numbers": list(batch["numbers"][0]), "sentences": sentences, "error": failed}
        return {"outcome": np.array([json.dumps(outcome, default=int)])}
