"""A file of sound alone, handed on a piece at a time as the sound of a video is."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import av
from av.container import InputContainer

from teachtext.errors import InputError
from teachtext.video.file import COPY_AGAIN
from teachtext.video.sound import Ear, Listener

# hardly any sound has fewer bytes a second; a damaged header may state any time
_LEAST_RATE = 250
_SLACK_S = 1.0


def hear_file(
    path: Path,
    container: InputContainer,
    ears: Sequence[Ear],
    *,
    opened: Callable[[float | None], None] = lambda seconds: None,
) -> float:
    """Let each ear hear the first track of a file; return the seconds of the whole track.

    Args:
        path: named in errors.
        container: see `teachtext.video.file.open_sound`.
        ears: one for each expert that listens; an ear hears no more than its sampling asks for.
        opened: called with the seconds that the file states, None where it states none.

    Raises:
        InputError: nothing in the file can be decoded.
    """
    stream = next((part for part in container.streams.audio if part.codec_context is not None), None)
    listeners = [Listener(ear) for ear in ears]
    begin_s, end_s = None, 0.0
    if stream is not None:
        stream.codec_context.thread_count = 1
        stated_s = container.duration / av.time_base if container.duration else math.inf
        opened(stated_s if container.duration else None)
        longest_s = min(stated_s, container.size / _LEAST_RATE) + _SLACK_S
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                # broken sound is silence
                continue
            for frame in frames:
                at_s, frame.pts = frame.time, None
                begin_s = (at_s or 0.0) if begin_s is None else begin_s
                for listener in listeners:
                    listener.hear(frame, at_s, begin_s + longest_s)
                end_s = (end_s if at_s is None else at_s - begin_s) + frame.samples / frame.sample_rate
    if begin_s is None:
        raise InputError(f"{path} holds no sound that can be decoded", COPY_AGAIN)
    for listener in listeners:
        listener.finish(begin_s)
    return end_s
