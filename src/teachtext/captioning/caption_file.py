"""The file of the captions of events: a line a caption, `{"video": id, "start": s, "end": s, "text": "..."}`.

The file may come from anywhere. The times may be left out: such a caption is of the whole video.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from teachtext.captioning.captioner import Event, EventCaption
from teachtext.errors import InputError
from teachtext.files import parse_json, read_text, write_text

_KEYS = {"video", "start", "end", "text", "source"}
_FORM = 'write a line {"video": "...", "start": 0.0, "end": 2.5, "text": "..."} for each caption, times in seconds'


class VideoCaptions(NamedTuple):
    """The captions of one video.

    Attributes:
        captions: in the order of the file.
        source: hash of the content of the video that they were written for; empty where the file does not say.
    """

    captions: Sequence[EventCaption]
    source: str = ""


def read_event_captions(path: Path) -> dict[str, VideoCaptions]:
    """Return the captions of a file by video id.

    Raises:
        InputError: there is no such file, or a line has another form; names the line.
    """
    captions: dict[str, list[EventCaption]] = {}
    sources: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            fields = _fields(line, f"{path}, line {number}")
            captions.setdefault(fields["video"], []).append(
                EventCaption(Event(fields.get("start") or 0.0, fields.get("end")), fields["text"])
            )
            sources[fields["video"]] = fields.get("source", "")
    return {video_id: VideoCaptions(listed, sources[video_id]) for video_id, listed in captions.items()}


def write_event_captions(path: Path, captions: Mapping[str, VideoCaptions]) -> None:
    """Write the captions of videos, whole or not at all; a video without captions gets one that is empty."""
    write_text(path, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in _lines(captions)))


def _lines(captions: Mapping[str, VideoCaptions]) -> Iterator[dict[str, Any]]:
    for video_id, (listed, source) in captions.items():
        for (start_s, end_s), text in listed or [EventCaption(Event(0.0, None), "")]:
            start = round(start_s, 3)
            # a video of a single picture has no length
            end = {} if end_s is None or end_s < start + 1e-3 else {"end": round(end_s, 3)}
            yield {"video": video_id, "start": start, **end, "text": text, **({"source": source} if source else {})}


def _fields(line: str, where: str) -> Mapping[str, Any]:
    try:
        fields: Mapping[str, Any] = parse_json(line)
    except ValueError as error:
        raise InputError(f"{where} is no JSON", _FORM) from error
    if not isinstance(fields, dict) or not {"video", "text"} <= set(fields) <= _KEYS:
        raise InputError(f"{where} has not the keys 'video', 'start', 'end' and 'text'", _FORM)
    if not all(isinstance(fields.get(key, ""), str) for key in ("video", "text", "source")) or not fields["video"]:
        raise InputError(f"{where} has a video or a text that is none", _FORM)
    start_s, end_s = fields.get("start", 0.0), fields.get("end", math.inf)
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in (start_s, end_s)):
        raise InputError(f"{where} has a time that is no number", _FORM)
    if not 0 <= start_s < end_s:
        raise InputError(f"{where} is of the time from {start_s:g} to {end_s:g} s, which is none of a video", _FORM)
    return fields
