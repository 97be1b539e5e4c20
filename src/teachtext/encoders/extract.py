"""Videos to features: resumable, over processes or a cluster, and never stopped by a bad video."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from teachtext.data.types import Video
from teachtext.encoders.experts import check_video_settings, full_spec, video_folder_name
from teachtext.encoders.one_video import Job, Result, Task
from teachtext.encoders.output import Output, Place
from teachtext.encoders.registry import load
from teachtext.errors import InputError
from teachtext.files import content_hash, remove, write_json
from teachtext.progress import Progress, silent

Engine = Literal["local", "ray"]
FAILED = "failed.json"


@dataclass(frozen=True)
class Failure:
    """A video that was set aside."""

    id: str
    path: str
    reason: str

    def __str__(self) -> str:
        return self.reason if self.path in self.reason else f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Extraction:
    """How many videos were encoded, how many were there already, and which were set aside."""

    done: int
    reused: int
    failed: Sequence[Failure]


def extract(
    videos: Sequence[Video],
    experts: Sequence[str],
    store: Path,
    *,
    settings: Mapping[str, Mapping[str, Any]] = {},
    workers: int = 1,
    engine: Engine = "local",
    time_limit: float | None = None,
    progress: Progress = silent,
) -> Extraction:
    """Run video experts over videos, into one folder an expert, by the videos' ids.

    A video is left alone if the store has its features from a file with the same content, so a stopped run goes on
    where it was: after Ctrl-C nothing is lost, after a kill at most the last 64 videos or those of half a minute. If
    the store has them under another id, the file was renamed or copied, and they are copied from there. Each video is
    decoded once for all experts, in a process that it may cost: one that is bad, kills its process or takes too long is
    set aside, which means that it is listed in the result and in `store/failed.json`, and tried again by the next run.
    Videos without a path are passed over.

    Args:
        videos: what to encode.
        experts: specs (see `teachtext.encoders.experts`).
        store: folder that gets a folder named `video_folder_name(spec, settings)` for each expert; one run at a time.
        settings: by expert, what its class is called with, where that is not the default: `{"motion": {"most": 16}}`.
        workers: processes, with one CPU thread each.
        engine: `local` processes, or `ray` (see `teachtext.encoders.ray_engine`). The features are the same.
        time_limit: seconds that one video may take; None for ten times its length, but a minute at least.
        progress: called as `progress("videos", done, total)` after each video, with a note once some were set aside.

    Raises:
        InputError: an unknown expert or setting, a package that is not installed, a folder with features that were made
            otherwise, a full disk.
    """
    names = list(dict.fromkeys(full_spec(expert, Path()) for expert in experts))
    settings = {full_spec(expert, Path()): dict(given) for expert, given in settings.items()}
    check_video_settings(names, settings)
    if time_limit is not None and time_limit <= 0:
        raise InputError(f"a time limit of {time_limit:g} s lets no video through", "give more, or none")
    job = Job(names=names, settings=settings, time_limit=time_limit)
    run_on_ray = load("teachtext.encoders.ray_engine:run_on_ray", "ray") if engine == "ray" else None
    present = {video.id: video.path for video in videos if video.path is not None}
    failed: dict[str, Failure] = {}
    done = 0
    with job.workers(workers) as pool:
        places = {
            name: Place(store / video_folder_name(name, settings.get(name, {})), *made)
            for name, made in pool.begin().items()
        }
        try:
            with ExitStack() as stack:
                outputs = {name: stack.enter_context(Output(place)) for name, place in places.items()}
                tasks = _plan(present, outputs, failed)
                reused = len(present) - len(tasks) - len(failed)
                _tell(progress, reused, failed, len(present))
                if run_on_ray is not None:
                    pool.close()
                results = run_on_ray(tasks, job, places, workers) if run_on_ray else pool.map(tasks)
                for result in stack.enter_context(closing(results)):
                    if result.reason:
                        failed[result.task.id] = Failure(result.task.id, str(result.task.path), result.reason)
                    done += not result.reason
                    _keep(result, outputs)
                    _tell(progress, reused + done, failed, len(present))
        finally:
            in_order = [failed[video_id] for video_id in present if video_id in failed]
            _list(in_order, store / FAILED)
    return Extraction(done, reused, tuple(in_order))


def _plan(present: Mapping[str, Path], outputs: Mapping[str, Output], failed: dict[str, Failure]) -> list[Task]:
    """Find out what is lacking, and which files cannot even be opened."""
    check_file: Callable[[Path], None] = load("teachtext.encoders.decode:check_file", "video")
    tasks = []
    for video_id, path in present.items():
        try:
            check_file(path)
            source = content_hash(path)
        except InputError as error:
            failed[video_id] = Failure(video_id, str(path), str(error))
            continue
        except OSError as error:
            reason = f"{path} cannot be read ({error.strerror}): check its permissions, or leave it out"
            failed[video_id] = Failure(video_id, str(path), reason)
            continue
        names = tuple(name for name, output in outputs.items() if not output.has(video_id, source))
        if names:
            tasks.append(Task(video_id, path, source, names))
    return tasks


def _keep(result: Result, outputs: Mapping[str, Output]) -> None:
    for name in result.task.names:
        if result.reason:
            outputs[name].forget(result.task.id)
        elif name in result.features:
            outputs[name].keep(result.task.id, result.task.source, result.features[name])


def _tell(progress: Progress, whole: int, failed: Mapping[str, Failure], total: int) -> None:
    note = [f"{len(failed)} set aside"] if failed else []
    progress("videos", whole + len(failed), total, *note)


def _list(failed: Sequence[Failure], path: Path) -> None:
    if failed:
        write_json(path, [asdict(failure) for failure in failed])
    else:
        remove(path)
