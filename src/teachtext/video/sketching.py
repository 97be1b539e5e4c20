"""Draws the sketch of a video file: its small pictures at the times of `sketch_times`."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from teachtext.video.file import open_video
from teachtext.video.frames import pixels_of
from teachtext.video.sketch import HEIGHT, WIDTH, Sketch, sketch_times

# a shorter video is decoded as a whole; in a longer one each time is looked for
_WHOLE_S = 60.0
# frames that are decoded to reach a single time, at most
_MOST_FRAMES = 3000
_TOLERANCE_S = 0.002


def sketch(path: Path, seconds: float) -> Sketch:
    """Return small pictures of a video. Times whose picture cannot be decoded are left out.

    Args:
        path: a video file.
        seconds: its length.

    Raises:
        InputError: the file cannot be opened.
    """
    reformatter = VideoReformatter()
    times: list[float] = []
    pictures = []
    with open_video(path) as container:
        stream = container.streams.video[0]
        # each thread would hold pictures of its own
        stream.codec_context.thread_count = 1
        begin_s = float((stream.start_time or 0) * (stream.time_base or 0))
        wanted = sketch_times(seconds)
        for group in [wanted] if seconds <= _WHOLE_S else [[time] for time in wanted]:
            with suppress(av.error.FFmpegError):
                for time, frame in _shown(container, stream, begin_s, group):
                    times.append(time)
                    pictures.append(pixels_of(frame, reformatter, height=HEIGHT, width=WIDTH, gray=True))
    pixels = np.stack(pictures) if pictures else np.zeros((0, HEIGHT, WIDTH), np.uint8)
    return Sketch(np.array(times, np.float32), pixels)


def _shown(container: Any, stream: Any, begin_s: float, times: list[float]) -> Iterator[tuple[float, VideoFrame]]:
    """Yield the frames that are on show at times, which ascend."""
    waiting = list(times)
    last: VideoFrame | None = None
    # a short transport stream cannot be searched by time
    if times[0] > 0:
        container.seek(int(av.time_base * (begin_s + times[0])))
    for number, frame in enumerate(container.decode(stream)):
        now = (frame.time or 0.0) - begin_s
        while waiting and last is not None and now > waiting[0] + _TOLERANCE_S:
            yield waiting.pop(0), last
        last = frame
        if not waiting or (len(times) == 1 and number > _MOST_FRAMES):
            return
    if last is not None and waiting:
        # the last picture stays on show
        yield waiting[0], last
