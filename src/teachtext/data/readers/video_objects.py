"""A JSON object with an object for every video, whose captions have times: ActivityNet Captions, and others like it."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.columns import Columns, find_columns
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists

_TIMES = ("timestamps", "segments", "times", "timestamp", "segment", "windows")
_MOST_FIELDS = 100


def recognises(source: SourceFile) -> bool:
    """Return whether the file is an object with an object for every video, and captions in these objects."""
    return _columns(source) is not None


def recognises_activitynet(source: SourceFile) -> bool:
    """Return whether the object of every video has `sentences` and `timestamps`."""
    return recognises(source) and all(
        isinstance(entry.get("sentences"), list) and isinstance(entry.get("timestamps"), list)
        for _, entry in islice(_entries(source), _MOST_FIELDS)
    )


def read(source: SourceFile) -> Annotations:
    """Read the captions of every video. Their times are not read.

    Raises:
        InputError: the entry of a video is no object, or has a caption that is not text.
    """
    columns = _columns(source)
    captions, splits = CaptionList(source.path), SplitLists()
    unequal, timed = [], 0
    for video_id, entry in _entries(source):
        where = f"video '{video_id}'"
        text = entry.get(columns.text) if columns and columns.text else None
        texts = text if isinstance(text, list) else [text]
        for caption in texts:
            captions.add(video_id, caption, where=where)
        times = next((entry[field] for field in _TIMES if isinstance(entry.get(field), list)), None)
        timed += len(texts) if times is not None else 0
        if times is not None and isinstance(text, list) and len(times) != len(texts):
            unequal.append(f"{video_id}: {len(texts)} and {len(times)}")
        splits.add(video_id, entry.get(columns.split) if columns and columns.split else None)
    name = source.path.name
    remarks = [*source.encoding_remarks]
    if timed:
        remarks.append(
            Remark(
                f"{name}: the times of {timed:,} sentences are not read; 'captions: fused' joins the sentences of a "
                "video to one query, as 'benchmark: activitynet' does"
            )
        )
    if unequal:
        remarks.append(
            Remark(f"{name}: {len(unequal):,} videos have unequal numbers of sentences and times ({some(unequal)})")
        )
    return Annotations(captions=captions.finish(), splits=splits.finish(), remarks=remarks)


def _entries(source: SourceFile) -> Iterator[tuple[str, Mapping[str, Any]]]:
    content = source.document
    for video_id, entry in content.items() if isinstance(content, dict) else ():
        yield video_id, entry if isinstance(entry, dict) else {}


def _columns(source: SourceFile) -> Columns | None:
    """Return the fields of the first video; None where the file has another form."""
    content = source.document
    if not isinstance(content, dict) or not content:
        return None
    objects = sum(isinstance(entry, dict) for entry in content.values())
    first = next((entry for entry in content.values() if isinstance(entry, dict)), None)
    if first is None or objects * 2 < len(content) or len(first) > _MOST_FIELDS:
        return None
    # the key is the video: an id or a name among the fields is not
    columns = find_columns(["video", *(field for field in first if field != "video")])
    text = first.get(columns.text) if columns and columns.text else None
    if isinstance(text, str) or (isinstance(text, list) and all(isinstance(caption, str) for caption in text)):
        return columns
    return None


_EXAMPLE = {
    f"v_{name}": {"duration": 82.73, "timestamps": [[0.8, 19.9], [17.4, 60.8]], "sentences": [first, f" {second}"]}
    for name, first, second in [
        ("QOlSCBRmfWY", "A woman walks to a piano.", "She plays."),
        ("ehGHCYKzyZ8", "A dog runs.", "The dog sleeps."),
    ]
}

ACTIVITYNET = Format(
    name="activitynet",
    title="ActivityNet Captions (train.json, val_1.json)",
    shows='{"v_QOlSCBRmfWY": {"duration": 82.7, "timestamps": [[0.8, 19.9]], "sentences": ["A woman plays."]}}',
    recognises=recognises_activitynet,
    read=read,
    write_example=text_example("train.json", json.dumps(_EXAMPLE)),
)

VIDEO_OBJECTS = Format(
    name="video-objects",
    title="an object of captions by video (.json)",
    shows='{"video0": {"captions": ["a dog catches a frisbee"], "segments": [[0, 4.5]]}}',
    recognises=recognises,
    read=read,
    write_example=text_example(
        "descriptions.json",
        '{"v0": {"captions": ["a dog runs", "it sleeps"], "segments": [[0, 4], [4, 9]], "split": "train"},'
        ' "v1": {"captions": ["rain falls"], "segments": [[0, 2]], "split": "test"}}',
    ),
    is_general=True,
)
