"""Small video files, and a model that reads them."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

DIMS = {"appearance": 1280, "motion": 243, "audio": 512}
LONG = "a name that is far longer than the eighty columns of an old terminal, and that goes on and on.mp4"
ODD_NAMES = ("plain.mp4", f"with spaces/{LONG}", "two\nlines/'quoted' é.mp4")


def write_clip(path: Path, seed: int, *, sound: bool = False, tall: bool = False) -> Path:
    """Half a second of a pattern that moves as `seed` says, with or without noise to hear; square, or twice as high."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    pattern = random.uniform(0, 255, (20, 20, 3)).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    dx, dy = random.integers(-3, 4, 2)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=15, options={"crf": "20"})
        stream.height, stream.width = (128 if tall else 64), 64
        stream.pix_fmt = "yuv420p"
        track: Any = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for number in range(8):
            view = pattern[40 + dy * number :, 40 + dx * number :][:64, :64].repeat(2 if tall else 1, axis=0)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for number in range(8 if sound else 0):
            waves = random.uniform(-0.5, 0.5, (1, 1024)).astype(np.float32)
            piece = av.AudioFrame.from_ndarray(waves, format="fltp", layout="mono")
            piece.sample_rate, piece.pts = 16_000, number * 1024
            container.mux(track.encode(piece))
        if sound:
            container.mux(track.encode())
    return path


def write_moving_video(path: Path, codec: str, *, seconds: float = 2.0) -> Path:
    """Write a video of any codec in which a white square crosses a black picture of 96 x 64 pixels."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(round(10 * seconds)):
            pixels = np.zeros((64, 96, 3), np.uint8)
            pixels[:16, 2 * number : 2 * number + 16] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_black_video(path: Path, codec: str, pixels: str, width: int, height: int, **options: str) -> Path:
    """Write a video of two black frames of any size, which compresses to almost nothing."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=5, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        frame = av.VideoFrame(width, height, pixels)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for number in range(2):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_model(
    folder: Path,
    *,
    experts: Sequence[str] = ("motion",),
    seed: int = 0,
    kind: str = "moee",
    settings: Mapping[str, Mapping[str, Any]] = {},
) -> Path:
    """The folder of a model with random weights, trained on features that were extracted with these settings."""
    import torch
    from safetensors.torch import save_file

    from teachtext.learning.checkpoint import ModelSpec, save_spec
    from teachtext.learning.model_files import WEIGHTS

    spec = ModelSpec(
        kind=kind,
        arguments={
            "expert_dims": {name: DIMS[name] for name in experts},
            "text_dim": 256,
            "text_clusters": 0,
            "shared_dim": 16,
        },
        text_encoder="wordllama",
        max_words=20,
        max_tokens={},
        origin={},
        expert_settings=settings,
    )
    torch.manual_seed(seed)
    save_spec(folder, spec)
    save_file(spec.build().state_dict(), folder / WEIGHTS)
    return folder


def write_ramp(path: Path, codec: str, *, rate: int = 10, seconds: float = 8.0, sound: str = "") -> Path:
    """Pictures that become lighter, 20 levels a second, and a tone of the second half."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        track: Any = container.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        for number in range(round(seconds * rate)):
            pixels = np.full((48, 64, 3), 20 + 20 * number / rate, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        if sound:
            count = round(seconds * 48_000)
            tone = np.sin(np.arange(count) / 20).astype(np.float32) * (np.arange(count) >= count / 2)
            frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
            for piece in av.AudioResampler(track.codec_context.format.name, "stereo", 48_000).resample(frame):
                container.mux(track.encode(piece))
            container.mux(track.encode())
    return path
