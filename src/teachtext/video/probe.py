"""What a video file tells of itself, without decoding it."""

from pathlib import Path

import av


def stated_seconds(path: Path) -> float | None:
    """Return the length that a video tells; None where it does not, or cannot be opened."""
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
            stream = container.streams.video[0]
            if stream.duration and stream.time_base:
                return float(stream.duration * stream.time_base)
            return container.duration / av.time_base if container.duration else None
    except (av.error.FFmpegError, IndexError, OSError):
        return None
