"""One scene in several encodings and sizes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def scene(seed: int, seconds: float, *, path_seed: int | None = None, rate: int = 30) -> NDArray[np.uint8]:
    """Return frames, (n, 96, 128, 3), of a bright disc that wanders over a pattern.

    Args:
        seed: of the pattern.
        seconds: length.
        path_seed: of the way of the disc; by default the pattern's.
        rate: frames a second.
    """
    pattern = np.random.default_rng(seed).uniform(0, 160, (12, 16, 3)).repeat(8, axis=0).repeat(8, axis=1)
    random = np.random.default_rng(seed if path_seed is None else path_seed)
    stops = random.uniform((10, 10), (86, 118), (int(seconds) + 2, 2))
    times = np.arange(round(seconds * rate)) / rate
    y, x = (np.interp(times, np.arange(len(stops)), stops[:, axis]) for axis in (0, 1))
    rows, columns = np.mgrid[:96, :128]
    frames = np.empty((len(times), 96, 128, 3), np.uint8)
    for number, (top, left) in enumerate(zip(y, x, strict=True)):
        disc = (rows - top) ** 2 + (columns - left) ** 2 < 18**2
        frames[number] = np.where(disc[..., None], 255, pattern)
    return frames


def encode(
    path: Path,
    frames: NDArray[np.uint8],
    *,
    codec: str = "libx264",
    scale: float = 1.0,
    every: int = 1,
    rate: int = 30,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames, of which every n-th is kept, in a codec and a size."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = (round(size * scale) // 2 * 2 for size in frames.shape[1:3])
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate // every, options=options or {})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for number, pixels in enumerate(frames[::every]):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(width=width, height=height)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
