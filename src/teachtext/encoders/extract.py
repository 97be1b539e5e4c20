"""Videos to features: resumable, over one process or several, and never stopped by a bad video."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from teachtext.data.store import FeatureFile, FeatureWriter
from teachtext.data.types import Video
from teachtext.encoders.base import Rows, VideoExpert
from teachtext.encoders.experts import build_video_experts, check_video_settings, video_folder_name
from teachtext.encoders.registry import load
from teachtext.encoders.stored import stored
from teachtext.encoders.workers import Workers
from teachtext.errors import InputError
from teachtext.files import content_hash, remove, write_json
from teachtext.progress import Progress, silent

FAILED = "failed.json"
_SHARD_ITEMS = 64


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


@dataclass(frozen=True)
class _Task:
    """One video, and the names of the features that it lacks."""

    id: str
    path: Path
    source: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Result:
    """What came of a task: features by name, or the reason why there are none."""

    task: _Task
    features: Mapping[str, Rows]
    reason: str = ""


def extract(
    videos: Sequence[Video],
    experts: Sequence[str],
    store: Path,
    *,
    settings: Mapping[str, Mapping[str, Any]] = {},
    workers: int = 1,
    progress: Progress = silent,
) -> Extraction:
    """Run video experts over videos, into one folder an expert, by the videos' ids.

    A video is left alone if the store has its features from a file with the same content, so a stopped run goes on
    where it was: after Ctrl-C nothing is lost, after a kill at most the last 64 videos. Each video is decoded once for
    all experts. Bad ones are set aside: listed in the result and in `store/failed.json`, tried again by the next run.
    Videos without a path are passed over. With several workers a file that kills its process is set aside too.

    Args:
        videos: what to encode.
        experts: specs (see `teachtext.encoders.experts`).
        store: folder that gets a folder named `video_folder_name(spec)` for each expert.
        settings: by expert, what its class is called with, where that is not the default: `{"motion": {"most": 16}}`.
        workers: processes, with one CPU thread each.
        progress: called as `progress("videos", done, total)` after each video.

    Raises:
        InputError: an unknown expert or setting, a package that is not installed, a folder with features that were made
            otherwise, a full disk.
    """
    names = list(dict.fromkeys(experts))
    check_video_settings(names, settings)
    built = build_video_experts(names, settings=settings)
    folders = {
        name: _Folder(store / video_folder_name(name), name, expert)
        for expert in built
        for name in expert.outputs
        if name in names
    }
    present = [(video.id, video.path) for video in videos if video.path is not None]
    tasks, failed = _plan(present, folders)
    reused = len(present) - len(tasks) - len(failed)
    done = 0
    progress("videos", reused + len(failed), len(present))
    try:
        with ExitStack() as stack:
            writers = {name: stack.enter_context(folder.writer()) for name, folder in folders.items()}
            for result in stack.enter_context(closing(_results(tasks, names, settings, built, workers))):
                reason = result.reason or _flaw(result.features)
                if reason:
                    failed.append(Failure(result.task.id, str(result.task.path), reason))
                done += not reason
                for name in result.task.names:
                    folders[name].keep(writers[name], result.task, None if reason else result.features[name])
                progress("videos", reused + len(failed) + done, len(present))
    finally:
        _list(failed, store / FAILED)
    return Extraction(done, reused, tuple(failed))


class _Folder:
    """Where one named output goes."""

    def __init__(self, folder: Path, name: str, expert: VideoExpert) -> None:
        self.folder = folder
        self.dim = expert.outputs[name]
        self.provenance = {"encoder": name, "settings": dict(expert.settings)}
        self.file: FeatureFile | None = stored(folder, self.provenance)

    def has(self, video_id: str, source: str) -> bool:
        return self.file is not None and self.file.sources.get(video_id) == source

    def writer(self) -> FeatureWriter:
        return FeatureWriter(self.folder, provenance=self.provenance, dim=self.dim, shard_items=_SHARD_ITEMS)

    def keep(self, writer: FeatureWriter, task: _Task, rows: Rows | None) -> None:
        if rows is not None:
            writer.add(task.id, rows.values, source=task.source, times=rows.times, passages=rows.passages)
        elif self.file is not None and self.file.rows_of(task.id):
            # features of what the file was before it went bad must not pass for those of what it is
            writer.add(task.id, None)


def _plan(present: Sequence[tuple[str, Path]], folders: Mapping[str, _Folder]) -> tuple[list[_Task], list[Failure]]:
    """Find out what is lacking, and which files cannot even be opened."""
    check_file: Callable[[Path], None] = load("teachtext.encoders.decode:check_file", "video")
    tasks, failed = [], []
    for video_id, path in present:
        try:
            check_file(path)
            source = content_hash(path)
        except (InputError, OSError) as error:
            failed.append(Failure(video_id, str(path), str(error)))
            continue
        names = tuple(name for name, folder in folders.items() if not folder.has(video_id, source))
        if names:
            tasks.append(_Task(video_id, path, source, names))
    return tasks, failed


def _results(
    tasks: Sequence[_Task],
    names: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    built: Sequence[VideoExpert],
    workers: int,
) -> Generator[_Result, None, None]:
    if workers <= 1 or len(tasks) <= 1:
        return (_encode(task, built) for task in tasks)
    pool: Workers[_Task, _Result] = Workers(
        min(workers, len(tasks)), setup=_set_up, setup_arguments=(tuple(names), settings), work=_work, dead=_dead
    )
    return pool.map(tasks)


def _encode(task: _Task, experts: Sequence[VideoExpert]) -> _Result:
    """Decode a video once, and let the experts that are needed look at it."""
    sample_video = load("teachtext.encoders.decode:sample_video", "video")
    needed = [expert for expert in experts if not set(task.names).isdisjoint(expert.outputs)]
    features: dict[str, Rows] = {}
    try:
        sampled = sample_video(task.path, [expert.sampling for expert in needed])
        for expert, seen in zip(needed, sampled, strict=True):
            features.update(expert.encode(seen))
    except InputError as error:
        return _Result(task, {}, str(error))
    except Exception as error:
        # a hostile file can trip any library below, and must not cost the other videos
        return _Result(task, {}, f"{task.path} cannot be encoded ({type(error).__name__}: {error})")
    return _Result(task, {name: features[name] for name in task.names})


def _flaw(features: Mapping[str, Rows]) -> str:
    with np.errstate(over="ignore"):
        broken = [name for name, rows in features.items() if not np.isfinite(rows.values.astype(np.float16)).all()]
    return f"expert '{broken[0]}' gave NaN or values too large for float16" if broken else ""


def _list(failed: Sequence[Failure], path: Path) -> None:
    if failed:
        write_json(path, [asdict(failure) for failure in failed])
    else:
        remove(path)


_worker_experts: list[VideoExpert] = []


def _set_up(names: tuple[str, ...], settings: Mapping[str, Mapping[str, Any]]) -> None:
    _worker_experts[:] = build_video_experts(names, settings=settings)


def _work(task: _Task) -> _Result:
    return _encode(task, _worker_experts)


def _dead(task: _Task) -> _Result:
    return _Result(task, {}, f"{task.path} killed the process that decoded it: leave it out or convert it anew")
