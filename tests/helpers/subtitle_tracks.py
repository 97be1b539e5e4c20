"""Video files with text tracks and facts of their own."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

_HEADER = b"""[Script Info]
[V4+ Styles]
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def write_video(
    path: Path,
    *,
    seconds: float = 2.0,
    tracks: Mapping[str, Sequence[tuple[float, float, str]]] = {},
    facts: Mapping[str, str] = {},
    seed: int = 0,
) -> Path:
    """Write a video of coloured noise that moves, with text tracks by codec: (start, end, text) in seconds."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = np.random.default_rng(seed).integers(0, 255, (10, 10, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    with av.open(str(path), "w") as container:
        for name, text in facts.items():
            container.metadata[name] = text
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        texts: dict[str, Any] = {codec: container.add_stream(codec) for codec in tracks}
        for text_stream in texts.values():
            text_stream.time_base = Fraction(1, 1000)
            text_stream.codec_context.subtitle_header = _HEADER
        container.start_encoding()
        for number in range(round(10 * seconds)):
            view = np.ascontiguousarray(pattern[number % 90 :, :][:64, :64])
            frame = av.VideoFrame.from_ndarray(view, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for codec, cues in tracks.items():
            for start_s, end_s, text in cues:
                packet = av.Packet(_payload(codec, text))
                packet.stream, packet.time_base = texts[codec], Fraction(1, 1000)
                packet.pts = packet.dts = round(1000 * start_s)
                packet.duration = round(1000 * (end_s - start_s))
                container.mux(packet)
    return path


def _payload(codec: str, text: str) -> bytes:
    data = text.encode()
    if codec == "mov_text":
        return len(data).to_bytes(2, "big") + data
    return b"0,0,Default,,0,0,0,," + data if codec == "ass" else data
