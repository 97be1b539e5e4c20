"""The cost of a set of video experts: measured on this machine, and kept with a description of the machine."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from teachtext.encoders.registry import VIDEO_EXPERTS, build_video_experts
from teachtext.errors import InputError
from teachtext.files import read_json, write_json
from teachtext.packages import load
from teachtext.processes import cores, spread

COSTS = "costs.json"
MEASURED_VIDEOS = 8
_TIMES = 3


@dataclass(frozen=True)
class Cost:
    """The cost of a set of experts.

    Attributes:
        ms_per_second: CPU time in ms for a second of video, decoded once for all experts, without the time of loading.
        videos: number of videos it was measured on.
        seconds: length of these videos together.
        machine: where it was measured.
    """

    ms_per_second: float
    videos: int
    seconds: float
    machine: Mapping[str, Any]


def cost_of(paths: Sequence[Path], settings: Mapping[str, Mapping[str, Any]], kept: Path) -> Cost:
    """Measure a set of experts on a few videos, or read what was measured on a machine like this.

    The least of three CPU times of each video is taken, so other work on the machine matters little. The videos are
    spread evenly over the list. The first is encoded once before, to warm up.

    Args:
        paths: videos.
        settings: by expert of the set.
        kept: JSON file of all measurements.

    Raises:
        InputError: there is no video, or a video cannot be read or states no length.
    """
    if not paths:
        raise InputError("there are no video files to measure experts on", "leave the cost out")
    name = " + ".join(VIDEO_EXPERTS.folder_name(expert, values) for expert, values in sorted(settings.items()))
    machine = this_machine()
    costs = read_json(kept) if kept.exists() else {}
    if costs.get(name, {}).get("machine") != machine:
        step = max(1, len(paths) // MEASURED_VIDEOS)
        # in another process, which begins with one thread and frees its memory at the end
        measure = partial(_measure, settings=dict(settings))
        [(used, seconds)] = spread(measure, [sorted(paths)[::step][:MEASURED_VIDEOS]], workers=1)
        if not seconds:
            raise InputError("the videos state no length", "convert them again")
        cost = Cost(1000 * used / seconds, min(MEASURED_VIDEOS, len(paths)), seconds, machine)
        costs[name] = asdict(cost)
        write_json(kept, costs)
    return Cost(**costs[name])


def this_machine() -> dict[str, Any]:
    """Return the properties of this machine that times depend on."""
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
    encode_video = load("teachtext.extraction.encode:encode_video", "video")
    stated_seconds = load("teachtext.video.file:stated_seconds", "video")
    experts = build_video_experts(list(settings), settings=settings)

    def look(path: Path) -> None:
        encode_video(path, experts)

    look(paths[0])
    # the least disturbed time of each video
    used = sum(min(_cpu_time(partial(look, path)) for _ in range(_TIMES)) for path in paths)
    return used, sum(stated_seconds(path) or 0.0 for path in paths)


def _cpu_time(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
