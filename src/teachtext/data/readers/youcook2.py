"""YouCook2: `youcookii_annotations_trainval.json`, with recipes, cut into steps of a sentence each."""

import json
from typing import Any, TypeGuard

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists


def recognises(source: SourceFile) -> bool:
    """Return whether the file has a `database` of videos, whose `annotations` are sentences of a `segment`."""
    steps = [step for video in _database(source).values() for step in _steps(video)]
    return bool(steps) and "sentence" in steps[0] and _is_segment(steps[0].get("segment"))


def read(source: SourceFile) -> Annotations:
    """Read a video and a caption for every step: step `[90, 102]` of video `x` is the video `x_90_102`.

    Raises:
        InputError: a step lacks its two times, or its sentence is not text.
    """
    captions, splits = CaptionList(source.path), SplitLists()
    mute, unsaid = [], []
    for name, video in _database(source).items():
        steps = _steps(video)
        if not steps:
            mute.append(name)
        for number, step in enumerate(steps):
            if step.get("sentence") is None:
                unsaid.append(f"{name}, step {number}")
                continue
            segment = step.get("segment")
            clip = f"{name}_{_number(segment[0])}_{_number(segment[1])}" if _is_segment(segment) else None
            captions.add(clip, step.get("sentence"), where=f"video '{name}', step {number}")
            splits.add(clip, video.get("subset"))
    all_captions = captions.finish()
    remarks = [
        *source.encoding_remarks,
        Remark(
            f"{source.path.name}: each of {len(all_captions):,} steps is a video of its own with the name "
            f"<video>_<start>_<end> in seconds, such as {all_captions[0].video_id if all_captions else 'x_90_102'}"
        ),
    ]
    if unsaid:
        remarks.append(
            Remark(
                f"{source.path.name}: {len(unsaid):,} steps have no sentence and were left out ({some(unsaid)})",
                "write their sentences; those of the test videos are not published",
            )
        )
    if mute:
        remarks.append(
            Remark(
                f"{source.path.name}: {len(mute):,} videos have no step and were left out ({some(mute)})",
                "look for a whole copy",
            )
        )
    return Annotations(captions=all_captions, splits=splits.finish(), remarks=remarks)


def _database(source: SourceFile) -> dict[str, Any]:
    content = source.document
    database = content.get("database") if isinstance(content, dict) else None
    return database if isinstance(database, dict) else {}


def _steps(video: Any) -> list[dict[str, Any]]:
    steps = video.get("annotations") if isinstance(video, dict) else None
    return [step if isinstance(step, dict) else {} for step in steps] if isinstance(steps, list) else []


def _is_segment(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(time, int | float) for time in value)


def _number(seconds: float) -> str:
    return str(seconds).removesuffix(".0")


_EXAMPLE = {
    "database": {
        name: {
            "duration": 241.62,
            "subset": subset,
            "recipe_type": "113",
            "annotations": [{"segment": [90, 102], "id": 0, "sentence": f"spread butter on {what}"}, *more],
            "video_url": f"https://www.youtube.com/watch?v={name}",
        }
        for name, subset, what, more in [
            ("GLd3aX16zBg", "training", "bread", [{"segment": [114, 127.5], "id": 1, "sentence": "place the bacon"}]),
            ("9GX8f5EwwE4", "validation", "a pan", []),
        ]
    }
}

YOUCOOK2 = Format(
    name="youcook2",
    title="YouCook2 (youcookii_annotations_trainval.json)",
    shows='{"database": {"GLd3aX16zBg": {"subset": "training", "annotations": '
    '[{"segment": [90, 102], "sentence": "spread butter"}]}}}',
    recognises=recognises,
    read=read,
    write_example=text_example("youcookii_annotations_trainval.json", json.dumps(_EXAMPLE)),
)
