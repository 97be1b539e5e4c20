"""Videos to features: resumable, over processes or a cluster, and never stopped by a bad video."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from teachtext.arguments import check_choice, check_count
from teachtext.data.store import FeatureFile, shards_of
from teachtext.data.types import Video
from teachtext.devices import AUTO, check_device
from teachtext.encoders.registry import VIDEO_EXPERTS, check_installed, check_video_settings
from teachtext.errors import InputError
from teachtext.extraction.feature_output import Output, Place
from teachtext.extraction.task import Job, Result, Task
from teachtext.files import content_hash, locked, remove, write_json
from teachtext.packages import load
from teachtext.progress import Progress, silent
from teachtext.video.sampling import PieceRule

Engine = Literal["local", "ray"]
OnBatch = Callable[[Mapping[str, FeatureFile], Sequence[str]], None]
FAILED = "failed.json"
# a faster step reports no progress
_PATIENCE_S = 1.0
# runs that share features may begin together, and a run that has nothing to do ends within this time
_WAIT_S = 5.0


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
    """The outcome of an extraction.

    Attributes:
        done: videos encoded.
        reused: videos whose features were in the store already, or were copied from a file with the same content.
        failed: videos set aside.
        notes: sentences for the user: sound that had to be left out, and what the device cannot do.
    """

    done: int
    reused: int
    failed: Sequence[Failure]
    notes: Sequence[str] = ()


def extract(
    videos: Sequence[Video],
    experts: Sequence[str],
    store: Path,
    *,
    settings: Mapping[str, Mapping[str, Any]] = {},
    workers: int = 1,
    device: str = AUTO,
    engine: Engine = "local",
    time_limit: float | None = None,
    memory_limit: float | None = None,
    rule: PieceRule | None = None,
    contents: Mapping[str, str] = {},
    on_batch: OnBatch | None = None,
    batch: int = 256,
    progress: Progress = silent,
) -> Extraction:
    """Run video experts over videos, into one folder an expert, by the videos' ids.

    A video is left alone if the store has features of a file with the same content. So a stopped run resumes: after
    Ctrl-C nothing is lost, after a kill at most the last 64 videos or those of half a minute. A renamed or copied file
    gets the features of the other id, and of files with the same content only one is decoded.

    Each video is decoded once for all experts, in a worker process. A video that cannot be read, kills its process or
    takes too long is set aside: it is listed in the result and in `store/failed.json`, and the next run tries it again.
    Videos without a path are skipped.

    Args:
        videos: what to encode.
        experts: specs (see `teachtext.encoders.registry`).
        store: folder that gets a folder named `VIDEO_EXPERTS.folder_name(spec, settings)` for each expert.
        settings: by expert, what its class is called with, where that is not the default: `{"motion": {"most": 16}}`.
        workers: processes, with one CPU thread each; fewer videos than processes share the threads.
        device: where the experts compute (see `teachtext.devices`); processes share a GPU.
        engine: `local` processes, or `ray` (see `teachtext.extraction.ray_engine`). The features are the same.
        time_limit: seconds that one video may take; None for ten times its length, but a minute at least.
        memory_limit: megabytes of memory that one video may take, beyond the experts themselves; None for 4,000.
        rule: cuts long videos into pieces, so that rows have times (see `PieceRule`). None, as for training, encodes
            every video as a whole. Features of another rule belong in another folder.
        contents: by video id, the content hash of a file that was checked already, which is not read again for it.
        on_batch: called with the features by expert, and with ids of videos that have them all, each of them once.
        batch: videos of one call of `on_batch`.
        progress: called as `progress("videos", done, total)` after each video, with a note once some were set aside;
            before that as `progress("files", done, total)`, if checking the files takes long.

    Raises:
        InputError: an unknown expert, setting or engine; no worker; no such device; a package that is not installed; a
            folder whose features were made otherwise, or that another run writes to; a full disk.
    """
    check_count("workers", workers)
    check_choice("engine", engine, get_args(Engine))
    names = list(dict.fromkeys(VIDEO_EXPERTS.full_spec(expert, Path()) for expert in experts))
    settings = {VIDEO_EXPERTS.full_spec(expert, Path()): dict(values) for expert, values in settings.items()}
    check_video_settings(names, settings)
    for name, limit, unit in (("time", time_limit, "seconds"), ("memory", memory_limit, "megabytes")):
        if limit is not None and not isinstance(limit, (int, float)):
            raise InputError(f"{name}_limit is {limit!r}", f"give a number of {unit}")
        if limit is not None and not limit > 0:
            short = "s" if unit == "seconds" else "MB"
            raise InputError(f"a {name} limit of {limit:g} {short} lets no video through", "give more, or none")
    present = {video.id: video.path for video in videos if video.path is not None}
    job = Job(
        names=names,
        settings=settings,
        time_limit=time_limit,
        memory_limit=memory_limit,
        device=device,
        rule=rule,
        # a few films share the cores
        threads=max(1, workers // max(1, len(present))),
    )
    check_device(device)
    check_file: Callable[[Path], None] = load("teachtext.video.file:check_file", "video")
    run_on_ray = load("teachtext.extraction.ray_engine:run_on_ray", "ray") if engine == "ray" else None
    if not present:
        # no process, and none of its networks
        with locked(store, wait_s=_WAIT_S):
            _list((), store / FAILED)
        return Extraction(0, 0, ())
    folders = {name: store / VIDEO_EXPERTS.folder_name(name, settings.get(name, {})) for name in names}
    # where nothing is stored yet, all processes will be needed, and may start together
    is_new = engine == "local" and not all(shards_of(folder) for folder in folders.values())
    with job.workers(workers) as pool:
        outputs = pool.begin(len(present) if is_new else 1)
        places = {name: Place(folders[name], made.dim, made.provenance) for name, made in outputs.items()}
        if run_on_ray is not None:
            pool.close()
        encode = partial(run_on_ray, job=job, places=places, workers=workers) if run_on_ray else pool.map
        with locked(store, wait_s=_WAIT_S):
            run = _Run(present, places, encode, partial(_content, contents, check_file), on_batch, batch, progress)
            run.notes += dict.fromkeys(note for made in outputs.values() for note in made.notes)
            try:
                run.go()
            finally:
                _list(run.extraction.failed, store / FAILED)
    return run.extraction


def check_packages(experts: Iterable[str]) -> None:
    """Check that what decodes videos is installed, and what these experts need.

    Raises:
        InputError: an unknown expert, or a package that is not installed; names the extra that brings it.
    """
    load("teachtext.video.file:check_file", "video")
    check_installed(experts)


class _Run:
    """One extraction: of files with the same content one is decoded, and the others get its features or its failure."""

    def __init__(
        self,
        present: Mapping[str, Path],
        places: Mapping[str, Place],
        encode: Callable[[Sequence[Task]], Generator[Result, None, None]],
        content_of: Callable[[str, Path], str],
        on_batch: OnBatch | None,
        batch: int,
        progress: Progress,
    ) -> None:
        self.present = present
        self.places = places
        self.encode = encode
        self.content_of = content_of
        self.on_batch = on_batch
        self.batch = batch
        self.progress = progress
        self.ready: list[str] = []
        self.failed: dict[str, Failure] = {}
        self.notes: list[str] = []
        self.done = 0

    def go(self) -> None:
        """Encode all videos that lack features."""
        files = list(self._files())
        while files:
            files = self._round(files)

    @property
    def extraction(self) -> Extraction:
        """The outcome."""
        failed = [self.failed[video_id] for video_id in self.present if video_id in self.failed]
        return Extraction(self.done, len(self.present) - self.done - len(failed), tuple(failed), tuple(self.notes))

    def _files(self) -> Iterator[Task]:
        """Yield the files that can be opened, with the hash of their content."""
        begun, total = time.monotonic(), len(self.present)
        for number, (video_id, path) in enumerate(self.present.items(), start=1):
            if time.monotonic() - begun > _PATIENCE_S:
                self.progress("files", number, total)
            try:
                yield Task(video_id, path, self.content_of(video_id, path), ())
            except InputError as error:
                self.failed[video_id] = Failure(video_id, str(path), str(error))
            except OSError as error:
                reason = f"{path} cannot be read ({error.strerror}): check its permissions, or leave it out"
                self.failed[video_id] = Failure(video_id, str(path), reason)

    def _round(self, files: Sequence[Task]) -> list[Task]:
        """Encode one file of each content that lacks features; return the other files, for the next round."""
        with ExitStack() as stack:
            outputs = {name: stack.enter_context(Output(place)) for name, place in self.places.items()}
            tasks = [_lacking(file, outputs) for file in files]
            lacking = [task for task in tasks if task.names]
            for task in tasks:
                if not task.names:
                    self._is_ready(task, outputs)
            first: dict[str, Task] = {}
            for task in lacking:
                first.setdefault(task.source, task)
            others = [task for task in lacking if first[task.source] is not task]
            self._report(len(lacking))
            results = stack.enter_context(closing(self.encode(list(first.values()))))
            for number, result in enumerate(results, start=1):
                self._take(result, outputs)
                if not result.reason:
                    self._is_ready(result.task, outputs)
                self._report(len(lacking) - number)
            self._hand_on(outputs)
            return [task for task in others if not self._fails_too(task, first[task.source], outputs)]

    def _is_ready(self, task: Task, outputs: Mapping[str, Output]) -> None:
        """Count a video that has all its features; hand on a whole batch of them."""
        self.ready.append(task.id)
        if len(self.ready) >= self.batch:
            self._hand_on(outputs)

    def _hand_on(self, outputs: Mapping[str, Output]) -> None:
        ready, self.ready = self.ready, []
        if self.on_batch is not None and ready:
            self.on_batch({name: output.flush() for name, output in outputs.items()}, ready)

    def _take(self, result: Result, outputs: Mapping[str, Output]) -> None:
        task = result.task
        if result.reason:
            self.failed[task.id] = Failure(task.id, str(task.path), result.reason)
        self.done += not result.reason
        self.notes += result.notes
        for name in task.names:
            if result.reason:
                outputs[name].forget(task.id)
            elif name in result.features:
                outputs[name].keep(task.id, task.source, result.features[name])

    def _fails_too(self, task: Task, first: Task, outputs: Mapping[str, Output]) -> bool:
        """Return whether a file fails because its content failed under another path, which still exists."""
        failed = self.failed.get(first.id)
        if failed is None or not first.path.exists():
            return False
        self._take(Result(task, failed.reason.replace(str(first.path), str(task.path))), outputs)
        return True

    def _report(self, lacking: int) -> None:
        note = [f"{len(self.failed)} set aside"] if self.failed else []
        self.progress("videos", len(self.present) - lacking, len(self.present), *note)


def _content(contents: Mapping[str, str], check_file: Callable[[Path], None], video_id: str, path: Path) -> str:
    """Return the content hash of a video's file, which is checked first unless the hash is there already."""
    if video_id not in contents:
        check_file(path)
    return contents.get(video_id) or content_hash(path)


def _lacking(file: Task, outputs: Mapping[str, Output]) -> Task:
    return replace(file, names=tuple(name for name, output in outputs.items() if not output.has(file.id, file.source)))


def _list(failed: Sequence[Failure], path: Path) -> None:
    if failed:
        write_json(path, [asdict(failure) for failure in failed])
    else:
        remove(path)
