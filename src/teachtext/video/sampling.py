"""Which frames, clips and sound of a video an expert gets, and the arrays that sampling returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class FrameSampling:
    """Which frames of a video an expert looks at.

    Moments are `1 / per_second` seconds apart, or further where a video would give more than `most` of them. So they
    always span the whole video, and memory does not grow with its length. At each moment `burst` frames are kept,
    `gap_s` seconds apart: one for a picture, two for a motion.

    Args:
        per_second: moments a second. A large number gives always `most` of them: uniform segments.
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


@dataclass(frozen=True, kw_only=True)
class ClipSampling:
    """Clips of a video for a network that looks at several frames at once.

    Clips of `frames / per_second` seconds follow one another without a gap, or with gaps where a video would give more
    than `most`. Each clip is reduced to a vector as soon as it is decoded, so that memory holds one clip, however long
    the video is. The end of the video may cut a clip off. Such a clip is filled up with its last frame if half
    of it is there, or if it is the only one. Otherwise it is left out.

    Args:
        look: reduces a clip, (frames, height, width, 3) RGB, to a vector, (D,); the clip is overwritten afterwards.
        frames: frames a clip.
        per_second: frames a second, as a player shows them, so that a slower video repeats some.
        most: clips a video, at most.
        resize: pixels that the shorter side of a frame gets; or (height, width), whatever its shape.
        height: pixels that are cut out of the middle of that.
        width: pixels that are cut out of the middle of that.
        interpolation: of the resizing, as FFmpeg names it.
    """

    look: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    frames: int
    per_second: float
    most: int
    resize: int | tuple[int, int]
    height: int
    width: int
    interpolation: str = "BILINEAR"


@dataclass(frozen=True, kw_only=True)
class SoundSampling:
    """How much of a video's sound an expert listens to, all channels mixed to one.

    Args:
        rate: samples a second.
        most_s: seconds, at most, from the first picture on.
    """

    rate: int = 16_000
    most_s: float = 3600.0


Sampling = FrameSampling | ClipSampling | SoundSampling


@dataclass(frozen=True, kw_only=True)
class PieceRule:
    """How a long video is cut into pieces, each of which gets features of its own.

    A video of at most `whole_s` seconds is a single piece, sampled as any clip. In a longer video a piece ends where a
    shot ends, or after `longest_s` seconds. How many moments an expert sees follows from the length of the piece.

    Args:
        whole_s: seconds.
        longest_s: seconds a piece, at most, unless a single frame is shown for longer.
        shortest_s: seconds a piece, at least; a shot that ends before does not end the piece. Shots are longer anyway.
        share: of the moments a second that an expert sees in a clip.
    """

    whole_s: float = 12.0
    longest_s: float = 2.0
    shortest_s: float = 0.1
    share: float = 0.5


NORMAL = "normal"
DETAILS: Mapping[str, PieceRule] = {
    "low": PieceRule(longest_s=4.0, share=0.25),
    NORMAL: PieceRule(),
    "high": PieceRule(longest_s=1.0, share=1.0),
}
"""How closely long videos are looked at, by name."""


class Frames(NamedTuple):
    """The result of a `FrameSampling`.

    Attributes:
        pixels: (moments, burst, height, width, 3) RGB, or (moments, burst, height, width) if gray; at least one
            moment. A moment near the end of a video may repeat its last frame.
        times: (moments,) seconds from the start of the video.
        aspect: width of the video by its height, as it is shown; resizing changed it.
        side: pixels of the shorter side of the video's own pictures; None where that is not known.
    """

    pixels: NDArray[np.uint8]
    times: NDArray[np.float32]
    aspect: float
    side: int | None = None


class Clips(NamedTuple):
    """The result of a `ClipSampling`.

    Attributes:
        vectors: (clips, D), the vector of each clip; at least one.
        times: (clips, 2) seconds from the start of the video at which each clip begins and ends.
    """

    vectors: NDArray[np.float32]
    times: NDArray[np.float32]


class Sound(NamedTuple):
    """The result of a `SoundSampling` as a whole; experts get it a piece at a time (see `Hearing`).

    Attributes:
        samples: (S,) int16, beginning with the first picture; none where the video has no sound.
        rate: samples a second.
    """

    samples: NDArray[np.int16]
    rate: int


Sampled = Frames | Clips | Sound
