"""What a service is tested over."""

from pathlib import Path
from typing import NamedTuple

HOST = "http://127.0.0.1"
SCRIPT = "<script>alert(1)<&\"' .mp4"


class Made(NamedTuple):
    """An index of a few clips: where it is, its videos, its model."""

    place: Path
    videos: Path
    model: Path
