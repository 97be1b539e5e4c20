"""An expert that hangs, dies, fails or takes memory, by how bright a video is. Worker processes import it."""

import os
import signal
import time
from typing import Any

import numpy as np

from teachtext.encoders.base import Rows
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.spec import VideoEntry
from teachtext.extraction import ray_engine
from teachtext.extraction import task as one_video
from teachtext.video.sampling import Frames, FrameSampling

HANGS, DIES, NAN, FINE, TAKES_MEMORY = 0, 255, 128, 60, 190
ENTRY = VideoEntry(target="odd_experts:Odd")
_set_up: Any = one_video._set_up
_next: Any = ray_engine._next
_asked = 0


class Odd:
    def __init__(self, *, threads: int = 1, device: str = "auto") -> None:
        self.outputs = {"odd": 1}
        self.sampling = FrameSampling(per_second=1, most=1, height=8, width=8, gray=True)
        self.settings = {"recipe": "mean brightness"}

    def encode(self, sampled: Frames) -> dict[str, Rows]:
        mean = float(sampled.pixels.mean())
        if abs(mean - HANGS) < 20:
            time.sleep(600)
        if abs(mean - DIES) < 20:
            os.kill(os.getpid(), signal.SIGSEGV)
        if abs(mean - TAKES_MEMORY) < 20:
            np.ones(3 * 10**9, np.uint8)
        return {"odd": Rows(np.array([[np.nan if abs(mean - NAN) < 20 else mean]], np.float32))}


def set_up(job: one_video.Job) -> Any:
    """What a worker is set up with instead: it knows one expert more."""
    VIDEO_EXPERTS["odd"] = ENTRY
    return _set_up(job)


def crash_after_one(_: None) -> Any:
    """What the process that drives Ray does instead: asked for the second row, it crashes."""
    global _asked
    _asked += 1
    if _asked == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    return _next(None)
