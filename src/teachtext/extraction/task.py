"""The task of a worker process: one video, decoded once and encoded by all experts that lack its features."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from teachtext.devices import AUTO
from teachtext.encoders.base import Rows, VideoExpert
from teachtext.encoders.registry import build_video_experts
from teachtext.errors import InputError
from teachtext.packages import load
from teachtext.processes import Workers
from teachtext.video.sampling import PieceRule
from teachtext.worker import OVER_MEMORY, OVER_TIME, allow

# the default time limit: a multiple of the length of the video, but at least some seconds
_TIMES_LENGTH, _LEAST_S = 10.0, 60.0
# a damaged header may state any length, but hardly any video has fewer bytes a second; what has is believed as it is
# decoded, a second a frame
_LEAST_RATE, _FRAME_S = 10_000, 1.0
# a limit that has grown by so many seconds is set anew
_STEP_S = 10.0
# the default memory limit of a video: several times what the largest pictures that are decoded take
_MEMORY_MB = 4_000.0


@dataclass(frozen=True)
class Task:
    """One video, the hash of its content, and the names of the features that it lacks."""

    id: str
    path: Path
    source: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """The result of a task: the reason why it failed, or features by name unless the store has them already.

    Features may come with notes on sound that they leave out.

    Attributes:
        kind: `video`; of a job for any kind of file also `picture` or `sound`.
    """

    task: Task
    reason: str = ""
    features: Mapping[str, Rows] = field(default_factory=dict)
    notes: Sequence[str] = ()
    kind: str = "video"


class Made(NamedTuple):
    """What an expert makes.

    Attributes:
        dim: D of its output.
        provenance: kept with its features: how they were made.
        notes: sentences for the user on what the device cannot do.
    """

    dim: int
    provenance: Mapping[str, Any]
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Job:
    """The work that is the same for every video.

    Attributes:
        names: specs of the experts.
        settings: by spec.
        time_limit: seconds a video may take; None for ten times its length, but a minute at least.
        memory_limit: megabytes a video may take beyond the experts; None for `_MEMORY_MB`.
        device: where the experts compute (see `teachtext.devices`).
        rule: cuts long videos into pieces; None encodes every video as a whole.
        threads: CPU threads of a process. They change no value.
        any_kind: whether pictures and sound files are encoded too (see `teachtext.extraction.encode.encode_file`).
    """

    names: Sequence[str]
    settings: Mapping[str, Mapping[str, Any]]
    time_limit: float | None
    memory_limit: float | None = None
    device: str = AUTO
    rule: PieceRule | None = None
    threads: int = 1
    any_kind: bool = False

    def workers(self, count: int) -> Workers[Task, Result]:
        """Return processes that do it; a video that hangs or kills a process is a failure and no more.

        Their `begin` returns `Made` by name.
        """
        memory_mb = _MEMORY_MB if self.memory_limit is None else self.memory_limit
        return Workers(
            count,
            setup=_set_up,
            setup_arguments=(self,),
            work=_encode,
            lost=partial(_lost, self.time_limit, memory_mb),
            memory_mb=memory_mb,
        )


_job: Job
_experts: list[VideoExpert]


def _set_up(job: Job) -> dict[str, Made]:
    global _job, _experts
    _job = job
    _experts = build_video_experts(job.names, settings=job.settings, threads=job.threads, device=job.device)
    pieces = {} if job.rule is None else {"pieces": asdict(job.rule)}
    return {
        name: Made(expert.outputs[name], {"encoder": name, "settings": dict(expert.settings), **pieces}, _notes(expert))
        for expert in _experts
        for name in expert.outputs
        if name in job.names
    }


def _notes(expert: VideoExpert) -> list[str]:
    name = next(iter(expert.outputs))
    return [f"{name}: {note}" for note in getattr(expert, "notes", ())]


def _encode(task: Task) -> Result:
    """Decode a video once, and encode it with the experts that the task names."""
    limit = _Limit(task.path, _job.time_limit)
    encode: Callable[..., Any] = load(
        f"teachtext.extraction.encode:encode_{'file' if _job.any_kind else 'video'}", "video"
    )
    needed = [expert for expert in _experts if not set(task.names).isdisjoint(expert.outputs)]
    notes: list[str] = []
    try:
        encoded = encode(task.path, needed, _job.rule, opened=limit.opened, seen=limit.seen, note=notes.append)
    except InputError as error:
        return Result(task, str(error))
    except Exception as error:
        # a hostile file can trip any library below, and must not cost the other videos
        return Result(task, f"{task.path} cannot be encoded ({type(error).__name__}: {error})")
    kind, features = encoded if _job.any_kind else ("video", encoded)
    kept = {name: features[name] for name in task.names if kind == "video" or name in features}
    reason = _flaw(kept)
    return Result(task, reason) if reason else Result(task, features=kept, notes=notes, kind=kind)


class _Limit:
    """The time that a video may take. By default the limit grows with the length that is believed.

    Args:
        path: the video.
        fixed: seconds; None for ten times the length, but a minute at least.
    """

    def __init__(self, path: Path, fixed: float | None) -> None:
        self._path = path
        self._is_fixed = fixed is not None
        self._limit = _LEAST_S if fixed is None else fixed
        self._begin = time.monotonic()
        self._frames = 0
        allow(self._limit)

    def opened(self, seconds: float | None) -> None:
        """Take the length that the file states."""
        plausible = self._path.stat().st_size / _LEAST_RATE
        self._believe(plausible if seconds is None else min(seconds, plausible))

    def seen(self, end_s: float) -> None:
        """Take the time of a frame that was decoded and encoded."""
        self._frames += 1
        self._believe(min(end_s, _FRAME_S * self._frames))

    def _believe(self, seconds: float) -> None:
        limit = _TIMES_LENGTH * seconds
        if not self._is_fixed and limit > self._limit + _STEP_S:
            self._limit = limit
            allow(max(_STEP_S, self._begin + limit - time.monotonic()))


def _flaw(features: Mapping[str, Rows]) -> str:
    with np.errstate(over="ignore"):
        broken = [name for name, rows in features.items() if not np.isfinite(rows.values.astype(np.float16)).all()]
    return f"expert '{broken[0]}' gave NaN or values too large for float16" if broken else ""


def _lost(time_limit: float | None, memory_mb: float, task: Task, how: str) -> Result:
    if how == OVER_MEMORY:
        mend = "convert it to smaller pictures, or allow more with a memory limit"
        return Result(task, f"{task.path} needs more than {memory_mb:,.0f} MB: {mend}")
    if how == OVER_TIME:
        limit = "ten times its length" if time_limit is None else f"{time_limit:g} s"
        return Result(task, f"{task.path} took longer than {limit}: convert it again, or allow more with a time limit")
    return Result(task, f"{task.path} killed the process that decoded it ({how}): leave it out or convert it again")
