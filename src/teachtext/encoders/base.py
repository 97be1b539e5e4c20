"""What a video expert and a text encoder are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class FrameSampling:
    """Which frames of a video an expert looks at.

    Moments lie `1 / per_second` seconds apart, or further where a video would give more than `most` of them, so that
    they always span the whole video and memory does not grow with its length. At each moment `burst` frames are
    kept, `gap_s` seconds apart: one for a picture, two for a motion.

    Args:
        per_second: moments a second.
        most: moments a video, at most.
        height: pixels that frames are resized to.
        width: pixels that frames are resized to.
        burst: frames a moment.
        gap_s: seconds between the frames of a burst.
        gray: keep luminance only.
    """

    per_second: float
    most: int
    height: int
    width: int
    burst: int = 1
    gap_s: float = 0.0
    gray: bool = False


class VideoExpert(Protocol):
    """Turns sampled frames into features; one look at the frames may give several named outputs.

    Attributes:
        outputs: the dimension D of each output, by the expert's name.
        sampling: the frames it wants.
        settings: everything that changes its values: weights, version, sampling, pooling (JSON-able).
    """

    outputs: Mapping[str, int]
    sampling: FrameSampling
    settings: Mapping[str, Any]

    def encode(self, frames: NDArray[np.uint8], times: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Encode one video.

        Args:
            frames: (moments, burst, height, width, 3) RGB, or (moments, burst, height, width) if gray; at least one
                moment. A moment near the end of a video may repeat its last frame.
            times: (moments,) seconds from the start of the video.

        Returns:
            (rows, D) by output: one row where the expert pools, one a moment where it does not; no rows where it finds
            nothing to describe.
        """
        ...


class TextEncoder(Protocol):
    """Turns captions into features.

    Attributes:
        dim: D.
        tokens: whether a caption gives one row a token (True) or a single sentence vector (False).
        settings: everything that changes its values: weights, version, truncation (JSON-able).
    """

    dim: int
    tokens: bool
    settings: Mapping[str, Any]

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Encode captions: for each one (rows, D), at least one row."""
        ...
