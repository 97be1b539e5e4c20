"""Files that are no videos: pictures and sounds."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

SOUNDS = {"a.wav": "pcm_s16le", "a.mp3": "libmp3lame", "a.ogg": "libopus", "a.m4a": "aac", "a.flac": "flac"}


def write_sound(path: Path, *, seconds: float = 2.0, hertz: float = 440.0) -> Path:
    """Write a tone, coded as the name's ending says."""
    import av

    rate = 48_000
    tone = 8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    frame = av.AudioFrame.from_ndarray(tone.astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    with av.open(str(path), "w") as container:
        track: Any = container.add_stream(SOUNDS[f"a{path.suffix}"], rate=rate, layout="mono")
        context = track.codec_context
        for piece in av.AudioResampler(context.format.name, "mono", rate, context.frame_size or 1024).resample(frame):
            container.mux(track.encode(piece))
        container.mux(track.encode())
    return path


def write_png_header(path: Path, width: int, height: int) -> Path:
    """Write a PNG of some bytes that states any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path
