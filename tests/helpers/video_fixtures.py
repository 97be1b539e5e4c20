from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
MakeVideo = Callable[..., Path]


def texture(seed: int, height: int = 400, width: int = 400) -> NDArray[np.float32]:
    """A smooth random colour pattern: something that flow can follow."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (height // 8, width // 8, 3)).astype(np.float32)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


@pytest.fixture(scope="session")
def moving() -> Callable[..., Frames]:
    def frames(seed: int = 0, count: int = 15, dx: int = 0, dy: int = 0, height: int = 120, width: int = 160) -> Frames:
        """A window that slides over a pattern by (dx, dy) pixels a frame; the picture moves the other way."""
        pattern = texture(seed)
        top, left = 140 - dy * count // 2, 120 - dx * count // 2
        views = [pattern[top + dy * i :, left + dx * i :][:height, :width] for i in range(count)]
        return np.stack(views).astype(np.uint8)

    return frames


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    av = pytest.importorskip("av")

    def make(
        name: str,
        frames: Sequence[Frames] | Frames,
        *,
        fps: int = 15,
        codec: str = "libx264",
        pts: Sequence[int] | None = None,
        rotation: int = 0,
        container_options: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
        pixels: str = "yuv420p",
        sound: Sequence[tuple[float, NDArray[Any]]] = (),
        sound_as: tuple[str, str, str, int] = ("aac", "fltp", "mono", 16000),
    ) -> Path:
        """`sound`: pieces (seconds, (channels, samples) in -1..1); `sound_as`: codec, format, layout, rate."""
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(f"file:{path}", "w", options=container_options or {}) as container:
            stream: Any = container.add_stream(codec, rate=fps, options=options or {"crf": "10"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = pixels
            track: Any = container.add_stream(sound_as[0], rate=sound_as[3]) if sound else None
            if track is not None:
                track.layout, track.format = sound_as[2], sound_as[1]
            if rotation:
                stream.set_display_rotation(rotation)
            for number, image in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts = number if pts is None else pts[number]
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            for start, waves in sound:
                for first in range(0, waves.shape[1], 1024):
                    piece = av_sound(waves[:, first : first + 1024], *sound_as[1:])
                    piece.pts = round(start * sound_as[3]) + first
                    container.mux(track.encode(piece))
            if track is not None:
                container.mux(track.encode())
        return path

    return make


def av_sound(waves: NDArray[Any], form: str, layout: str, rate: int) -> Any:
    """A frame of sound from (channels, samples) in -1..1."""
    import av

    scaled: dict[str, tuple[float, Any]] = {
        "u8": (127, np.uint8), "s16": (32767, np.int16), "s32": (2**31 - 1, np.int32), "flt": (1, np.float32),
        "dbl": (1, np.float64),
    }  # fmt: skip
    factor, kind = scaled[form.removesuffix("p")]
    values = (waves.clip(-1, 1) * factor + (128 if kind == np.uint8 else 0)).astype(kind)
    packed = values if form.endswith("p") else np.ascontiguousarray(values.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format=form, layout=layout)
    frame.sample_rate = rate
    return frame


@pytest.fixture
def bad_videos(tmp_path: Path, make_video: MakeVideo, moving: Callable[..., Frames]) -> dict[str, Path]:
    av = pytest.importorskip("av")
    folder = tmp_path / "bad"
    folder.mkdir()
    found = {
        kind: folder / f"{kind}.mp4" for kind in ("missing", "empty", "folder", "text", "no_index", "half", "sound")
    }
    found["empty"].touch()
    found["folder"].mkdir()
    found["text"].write_text("not a video\n" * 100)
    whole = make_video("whole.mp4", moving(count=60, dx=1)).read_bytes()
    found["no_index"].write_bytes(whole[: len(whole) // 2])
    index_first = make_video(
        "first.mp4",
        moving(count=60, dx=1),
        container_options={"movflags": "faststart"},
        options={"g": "6", "crf": "10"},
    )
    found["half"].write_bytes(index_first.read_bytes()[: len(index_first.read_bytes()) // 2])
    with av.open(str(found["sound"]), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    (folder / "other.mp4").write_bytes(whole)
    found["playlist"] = folder / "playlist.mp4"
    found["playlist"].write_text("ffconcat version 1.0\nfile other.mp4\n")
    for kind, data in {
        "page": b"\n<!DOCTYPE html><title>404</title>",
        "zeros": bytes(5000),
        "noise": np.random.default_rng(0).bytes(5000),
    }.items():
        found[kind] = folder / f"{kind}.mp4"
        found[kind].write_bytes(data)
    return found
