"""An expert of large pictures, and how the memory of a process grows with the length of a video."""

import os
from pathlib import Path
from typing import ClassVar

import numpy as np

from teachtext.encoders.base import Rows
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.encoders.spec import VideoEntry
from teachtext.extraction.encode import encode_video
from teachtext.video.sampling import FrameSampling, PieceRule


class LargePictures:
    outputs: ClassVar = {"large": 1}
    sampling = FrameSampling(per_second=1, most=32, height=720, width=1280)
    settings: ClassVar = {}

    def encode(self, sampled: object) -> dict[str, Rows]:
        return {"large": Rows(np.ones((1, 1), np.float32))}


def growth_mb(path: Path) -> float:
    """Return by how many megabytes memory grows after the first fifth of a video."""
    VIDEO_EXPERTS["large"] = VideoEntry(target="large_pictures:LargePictures", joins="mean")
    sizes = []
    encode_video(path, [LargePictures()], PieceRule(), seen=lambda _: sizes.append(_resident_mb()))
    return max(sizes) - sizes[len(sizes) // 5]


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
