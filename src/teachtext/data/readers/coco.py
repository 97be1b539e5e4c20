"""COCO captions, and files like it: `annotations` with captions, and `images` or `videos` with the names of files.

Andrej Karpathy's lists are read too: `images` with their `sentences` and `split`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists

_NAMES = ("file_name", "filename", "video", "video_name", "name", "path")


def recognises(source: SourceFile) -> bool:
    """Return whether the file has captions in `annotations`, or images with `sentences`."""
    content = source.document
    if not isinstance(content, dict):
        return False
    annotation, medium = _first(content.get("annotations")), _first(content.get("images"))
    return ("caption" in annotation and _medium_of(annotation) is not None) or isinstance(medium.get("sentences"), list)


def read(source: SourceFile) -> Annotations:
    """Read captions by image or video. The video id is the name of the file where the file gives it, else the id.

    Raises:
        InputError: a caption or its video is missing.
    """
    content = source.document
    media = [entry for key in ("images", "videos") for entry in _objects(content.get(key))]
    names = {entry.get("id"): _name(entry) for entry in media if isinstance(entry.get("id"), int | str)}
    captions, splits = CaptionList(source.path), SplitLists()
    for entry in media:
        splits.add(_name(entry), entry.get("split"))
        for sentence in _objects(entry.get("sentences")):
            captions.add(_name(entry), sentence.get("raw"), where=f"'{_name(entry)}'")
    unnamed = []
    for number, entry in enumerate(_objects(content.get("annotations")), start=1):
        medium = _medium_of(entry)
        if media and isinstance(medium, int | str) and medium not in names:
            unnamed.append(f"annotation {number}")
        video = names.get(medium, medium) if isinstance(medium, int | str) else None
        captions.add(video, entry.get("caption"), where=f"annotation {number}", language=entry.get("language"))
    remarks = [*source.encoding_remarks]
    if unnamed:
        remarks.append(
            Remark(
                f"{source.path.name}: {len(unnamed):,} annotations are of videos without a name in the file "
                f"({some(unnamed)}); their numbers are the ids",
                "look for a whole copy",
            )
        )
    all_captions = captions.finish()
    captioned = {caption.video_id for caption in all_captions}
    mute = [name for name in map(_name, media) if name not in captioned]
    if mute:
        remarks.append(
            Remark(f"{source.path.name}: {len(mute):,} videos have no caption ({some(mute)})", "look for a whole copy")
        )
    return Annotations(captions=all_captions, splits=splits.finish(), remarks=remarks)


def _first(value: Any) -> Mapping[str, Any]:
    return next(iter(_objects(value)), {})


def _objects(value: Any) -> Iterable[Mapping[str, Any]]:
    return [entry if isinstance(entry, dict) else {} for entry in value] if isinstance(value, list) else []


def _medium_of(annotation: Mapping[str, Any]) -> Any:
    return next((annotation[key] for key in ("image_id", "video_id") if key in annotation), None)


def _name(medium: Mapping[str, Any]) -> str:
    name = next((medium[key] for key in _NAMES if isinstance(medium.get(key), str)), medium.get("id"))
    return str(name)


_EXAMPLE = {
    "info": {"description": "captions"},
    "videos": [{"id": 7, "file_name": "clips/v0.mp4"}, {"id": 9, "file_name": "clips/v1.mp4"}],
    "annotations": [
        {"id": number, "video_id": video, "caption": text}
        for number, (video, text) in enumerate([(7, "a dog runs"), (9, "a cat sleeps"), (7, "a dog, fast")])
    ],
}

COCO = Format(
    name="coco",
    title="COCO captions, of images or videos (captions_train2017.json)",
    shows='{"videos": [{"id": 7, "file_name": "v0.mp4"}], "annotations": [{"video_id": 7, "caption": "a dog runs"}]}',
    recognises=recognises,
    read=read,
    write_example=text_example("captions_train2017.json", json.dumps(_EXAMPLE)),
)
