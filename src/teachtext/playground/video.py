"""A scene as an mp4 file: H.264 pictures, AAC sound."""

from pathlib import Path

import av
import av.container
import numpy as np

from teachtext.files import atomic
from teachtext.playground.draw import frames
from teachtext.playground.motion import FPS, HEIGHT, WIDTH
from teachtext.playground.scenes import Scene
from teachtext.playground.sound import soundtrack
from teachtext.playground.speech import RATE

_BLOCK = 1024
# Without look-ahead (mbtree, b-frames, weights) x264 gives the same bytes every time. With look-ahead the bytes of
# pictures as small as these vary, even with a single thread.
_H264 = {
    "crf": "23", "preset": "veryfast", "threads": "1", "bf": "0", "x264-params": "mbtree=0:weightp=0:scenecut=0"
}  # fmt: skip


def write_video(scene: Scene, path: Path) -> None:
    """Write `scene` to `path`, whole or not at all. The same scene gives the same bytes with the same libraries.

    Raises:
        InputError: the disk is full or the folder cannot be written to.
    """
    sound = soundtrack(scene)
    # The temporary name does not end in .mp4, and the format must be named.
    with (
        atomic(path, durable=False) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"fflags": "+bitexact"}) as file,
    ):
        picture = file.add_stream("libx264", rate=FPS, options=_H264)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = None
        if sound is not None:
            audio = file.add_stream("aac", rate=RATE, options={"aac_coder": "fast"})
            audio.layout = "mono"
            audio.bit_rate = 48_000
        for image in frames(scene):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(picture.encode())
        if sound is not None and audio is not None:
            wave = sound.astype(np.float32) / 32768
            for start in range(0, len(wave), _BLOCK):
                block = av.AudioFrame.from_ndarray(wave[None, start : start + _BLOCK], format="fltp", layout="mono")
                block.sample_rate, block.pts = RATE, start
                file.mux(audio.encode(block))
            file.mux(audio.encode())
