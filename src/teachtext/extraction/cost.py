"""What it costs to see a video with a set of experts: measured on this machine, and kept with what the machine is."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from teachtext.encoders.base import listens
from teachtext.encoders.registry import VIDEO_EXPERTS, build_video_experts
from teachtext.errors import InputError
from teachtext.files import read_json, write_json
from teachtext.packages import load
from teachtext.processes import begin_worker, cores

COSTS = "costs.json"
MEASURED_VIDEOS = 8
_TIMES = 3


@dataclass(frozen=True)
class Cost:
    """What a set of experts costs.

    Attributes:
        ms_per_second: CPU time in ms for a second of video, decoded once for all of them; loading them is not in it.
        videos: how many it was measured on.
        seconds: how long those are together.
        machine: where it was measured.
    """

    ms_per_second: float
    videos: int
    seconds: float
    machine: Mapping[str, Any]


def cost_of(paths: Sequence[Path], settings: Mapping[str, Mapping[str, Any]], kept: Path) -> Cost:
    """Measure a set of experts on a few videos, or read what was measured on a machine like this.

    CPU time is taken and not the time on the clock, of each video the least of three times, so other work on the
    machine matters little. The videos stand evenly in the list; the first is looked at once before, to warm up.

    Args:
        paths: videos.
        settings: by expert of the set.
        kept: JSON file of all that was measured.

    Raises:
        InputError: there is no video, or one cannot be read.
    """
    if not paths:
        raise InputError("there are no video files to measure experts on", "leave the cost out")
    name = " + ".join(VIDEO_EXPERTS.folder_name(expert, given) for expert, given in sorted(settings.items()))
    machine = this_machine()
    known = read_json(kept) if kept.exists() else {}
    if known.get(name, {}).get("machine") != machine:
        step = max(1, len(paths) // MEASURED_VIDEOS)
        # a process of its own: it begins with one thread, and its memory is free afterwards
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin_worker) as pool:
            used, seconds = pool.submit(_measure, sorted(paths)[::step][:MEASURED_VIDEOS], dict(settings)).result()
        if not seconds:
            raise InputError("the videos do not tell how long they are", "convert them anew")
        cost = Cost(1000 * used / seconds, min(MEASURED_VIDEOS, len(paths)), seconds, machine)
        known[name] = asdict(cost)
        write_json(kept, known)
    return Cost(**known[name])


def this_machine() -> dict[str, Any]:
    """Return what a reader of times must know of a machine."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _measure(paths: Sequence[Path], settings: Mapping[str, Mapping[str, Any]]) -> tuple[float, float]:
    """Return seconds of CPU time, and seconds of video."""
    sample_video = load("teachtext.video.decode:sample_video", "video")
    ear = load("teachtext.video.sound:Ear", "video")
    stated_seconds = load("teachtext.video.probe:stated_seconds", "video")
    experts = build_video_experts(list(settings), settings=settings)
    looking = [expert for expert in experts if not listens(expert)]

    def look(path: Path) -> None:
        hearings = [(expert.sampling, expert.begin()) for expert in experts if listens(expert)]
        ears = [ear(sampling, hearing.hear) for sampling, hearing in hearings]
        seen = sample_video(path, [expert.sampling for expert in looking], ears)
        for expert, one in zip(looking, seen, strict=True):
            expert.encode(one)
        for _, hearing in hearings:
            hearing.finish()

    look(paths[0])
    # of each video the time that was disturbed least
    used = sum(min(_cpu_time(partial(look, path)) for _ in range(_TIMES)) for path in paths)
    return used, sum(stated_seconds(path) or 0.0 for path in paths)


def _cpu_time(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
