"""The stages of extraction as a Ray Data pipeline, on this machine or on a cluster.

Tasks go to actors, each of which encodes in a process of its own, as on one machine, so that features, time limits and
failures are the same. Actors write what they made as parts of the store, which all machines must see under the same
path, as they must the videos; only names of parts and failures come back, and the parts are renamed into place.
"""

import json
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.one_video import Job, Result, Task
from teachtext.encoders.output import Place
from teachtext.encoders.ray_session import ray_session
from teachtext.encoders.workers import Workers
from teachtext.errors import InputError

# videos: progress is told, and parts are put in place, after each batch
_BATCH = 16
_BATCHES_AN_ACTOR = 4
Columns = dict[str, NDArray[Any]]


def run_on_ray(
    tasks: Sequence[Task], job: Job, places: Mapping[str, Place], workers: int
) -> Generator[Result, None, None]:
    """Yield what came of the tasks, as it comes; the features are in the store already.

    Raises:
        InputError: Ray cannot be started or reached, or gave up.
    """
    if not tasks:
        return
    with ray_session(workers) as actors:
        import ray
        from ray.data import ActorPoolStrategy

        size = min(_BATCH, -(-len(tasks) // (_BATCHES_AN_ACTOR * actors)))
        batches = [list(range(start, min(start + size, len(tasks)))) for start in range(0, len(tasks), size)]
        # an actor may be at home in another folder
        remote = [replace(task, path=task.path.absolute()) for task in tasks]
        remote_places = {name: replace(place, folder=place.folder.absolute()) for name, place in places.items()}
        pipeline = ray.data.from_items(
            [{"tasks": [remote[number] for number in batch], "numbers": batch} for batch in batches],
            override_num_blocks=len(batches),
        ).map_batches(
            _Encoder,
            fn_constructor_args=(job.workers(1), remote_places),
            batch_size=1,
            compute=ActorPoolStrategy(size=min(actors, len(batches))),
            num_cpus=1,
        )
        try:
            for told in pipeline.iter_rows():
                row = json.loads(told["told"])
                for place in places.values():
                    place.adopt(row["part"])
                if row["error"]:
                    raise InputError(*row["error"])
                for number, (reason, *notes) in zip(row["numbers"], row["told"], strict=True):
                    task, there = tasks[number], str(remote[number].path)
                    reason, *notes = (one.replace(there, str(task.path)) for one in (reason, *notes))
                    yield Result(task, reason, notes=notes)
        except ray.exceptions.RayError as error:
            last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            raise InputError(f"Ray gave up ({last[0]})", "run again to go on, or use the local engine") from error
    for place in places.values():
        place.clear()


class _Encoder:
    """An actor: encodes batches, and writes one part of the store for each."""

    def __init__(self, workers: Workers[Task, Result], places: Mapping[str, Place]) -> None:
        self.workers = workers
        self.places = places

    def __call__(self, batch: Columns) -> Columns:
        part, said, failed = uuid.uuid4().hex, list[list[str]](), list[str]()
        try:
            with ExitStack() as stack:
                writers = {name: stack.enter_context(place.writer(part)) for name, place in self.places.items()}
                for result in self.workers.map(batch["tasks"][0]):
                    said.append([result.reason, *result.notes])
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
        told = {"part": part, "numbers": list(batch["numbers"][0]), "told": said, "error": failed}
        return {"told": np.array([json.dumps(told, default=int)])}
