"""One decoded frame to pixels: resized, and turned upright."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray


def pixels_of(
    frame: VideoFrame,
    reformatter: VideoReformatter,
    *,
    height: int,
    width: int,
    gray: bool = False,
    interpolation: str = "BICUBIC",
) -> NDArray[np.uint8]:
    """Return (height, width, 3) RGB, or (height, width) if gray, of the whole frame as a player shows it."""
    quarter_turns = _quarter_turns(frame)
    if quarter_turns % 2:
        height, width = width, height
    small = reformatter.reformat(
        frame,
        width=width,
        height=height,
        format="gray" if gray else "rgb24",
        interpolation=interpolation,
        threads=1,
    )
    pixels: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(small.to_ndarray(), quarter_turns))
    return pixels


def aspect_of(frame: VideoFrame, pixel_aspect: float) -> float:
    """Return the width by the height of a frame as a player shows it."""
    aspect = pixel_aspect * frame.width / frame.height
    return 1 / aspect if _quarter_turns(frame) % 2 else aspect


def _quarter_turns(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) % 4
