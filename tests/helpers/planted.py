"""Shared-space models whose texts were set to agree with pictures, clips or sounds, and videos of these."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shared_models
import torch

from teachtext.encoders.shared_space.model import SharedSpace

SIDE, RATE = 64, 48_000
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220)}
SIGHTS = (*COLOURS, *(f"a {colour} ball" for colour in COLOURS))
HERTZ = {"dog": 220.0, "cat": 880.0, "car": 3520.0}


def sight(words: str) -> np.ndarray:
    """Return a picture, (SIDE, SIDE, 3): all of a colour, or a ball of a colour on grey."""
    [colour] = [value for name, value in COLOURS.items() if name in words]
    pixels = np.full((SIDE, SIDE, 3), colour, np.uint8)
    if "ball" in words:
        rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE // 2
        pixels[rows**2 + columns**2 > (SIDE // 3) ** 2] = 128
    return pixels


def tone(name: str, seconds: float = 2.0) -> np.ndarray:
    """Return a tone, (S,) int16 of `RATE`."""
    return (9000 * np.sin(2 * np.pi * HERTZ[name] * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


def planted_clip(folder: Path) -> Path:
    """Save a tiny CLIP that finds `SIGHTS` by their words."""
    shared_models.clip(folder)
    space = SharedSpace(model=str(folder))
    return _plant(folder, space, {words: space.encode_pictures([_as_shown(words)])[0] for words in SIGHTS})


def planted_xclip(folder: Path) -> Path:
    """Save a tiny X-CLIP, which takes clips, that finds `SIGHTS` by their words."""
    shared_models.xclip(folder)
    space = SharedSpace(model=str(folder))
    return _plant(folder, space, {words: space.encode_clips([_as_shown(words)[None]])[0] for words in SIGHTS})


def planted_clap(folder: Path) -> Path:
    """Save a tiny CLAP, which hears, that finds the tones of `HERTZ` by their names."""
    shared_models.clap(folder)
    space = SharedSpace(model=str(folder))
    return _plant(folder, space, {name: space.encode_sound(tone(name), RATE)[0] for name in HERTZ})


def _plant(folder: Path, space: SharedSpace, wanted: Mapping[str, np.ndarray]) -> Path:
    """Set the last linear map of the text tower so that each text agrees with its own vector and no other."""
    projection: Any = space.family.model.text_projection
    last = getattr(projection, "linear2", projection)
    states: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0].reshape(1, -1)))
    for text in wanted:
        space.encode_texts([text])
    hook.remove()
    vectors = torch.from_numpy(np.stack(list(wanted.values())))
    with torch.no_grad():
        # the columns of the inverse have a product of 1 with their own vector, and of 0 with the others
        last.weight.copy_((torch.linalg.pinv(torch.cat(states)) @ torch.linalg.pinv(vectors).T).T)
        if last.bias is not None:
            last.bias.zero_()
    space.family.model.save_pretrained(folder)
    return folder


def _as_shown(words: str) -> np.ndarray:
    """Return the picture of a sight as its video shows it: after encoding and decoding colours are a little others."""
    import av

    with tempfile.TemporaryDirectory() as folder, av.open(str(write_sight(Path(folder) / "sight.mp4", words))) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


def write_sight(path: Path, words: str, *, seconds: float = 2.0) -> Path:
    """Write a video that shows a sight."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    frame = av.VideoFrame.from_ndarray(sight(words), format="rgb24")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for number in range(round(10 * seconds)):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_tone(path: Path, name: str, *, seconds: float = 2.0) -> Path:
    """Write a grey video in which a tone is heard."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        track: Any = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for number in range(round(10 * seconds)):
            picture = av.VideoFrame.from_ndarray(np.full((SIDE, SIDE, 3), 128, np.uint8), format="rgb24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        sound = av.AudioFrame.from_ndarray(tone(name, seconds)[None], format="s16", layout="mono")
        sound.sample_rate, sound.pts = RATE, 0
        container.mux(track.encode(sound))
        container.mux(track.encode())
    return path
