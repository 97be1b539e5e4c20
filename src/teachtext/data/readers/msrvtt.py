"""MSR-VTT: `MSRVTT_data.json`, `train_val_videodatainfo.json` and `test_videodatainfo.json`.

An object with `videos` (their `video_id` and `split`) and `sentences` (their `video_id` and `caption`).
"""

import json
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_names import SplitLists
from teachtext.errors import InputError


def recognises(source: SourceFile) -> bool:
    """Return whether the file is an object with `videos` and `sentences` as MSR-VTT has them."""
    content = source.document
    if not isinstance(content, dict):
        return False
    sentences = content.get("sentences")
    return (
        _is_list_of(content.get("videos"), "video_id")
        and _is_list_of(sentences, "video_id")
        and _is_list_of(sentences, "caption")
    )


def read(source: SourceFile) -> Annotations:
    """Read captions and splits of MSR-VTT.

    Captions keep the order of the file, which is not the order of the videos. The evaluation of a video that takes
    its first caption takes the first in the file.

    Raises:
        InputError: a video or sentence lacks a field.
    """
    content = source.document
    splits = SplitLists()
    unfit = []
    for number, video in enumerate(content["videos"], start=1):
        if not isinstance(video, dict) or not isinstance(video.get("video_id"), str):
            unfit.append(f"video {number}")
            continue
        splits.add(video["video_id"], video.get("split"))
    if unfit:
        raise InputError(f"{source.path}, {some(unfit)}: a video needs a 'video_id'", "copy the file again")
    captions = CaptionList(source.path)
    for number, sentence in enumerate(content["sentences"], start=1):
        entry: dict[str, Any] = sentence if isinstance(sentence, dict) else {}
        captions.add(entry.get("video_id"), entry.get("caption"), where=f"sentence {number}")
    all_captions = captions.finish()
    captioned = {caption.video_id for caption in all_captions}
    mute = [video["video_id"] for video in content["videos"] if video["video_id"] not in captioned]
    remarks = [*source.encoding_remarks]
    if mute:
        remarks.append(
            Remark(f"{source.path.name}: {len(mute):,} videos have no sentence ({some(mute)})", "look for a whole copy")
        )
    return Annotations(captions=all_captions, splits=splits.finish(), remarks=remarks)


def _is_list_of(value: object, field: str) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and field in value[0]


_EXAMPLE = {
    "info": {"year": "2016"},
    "videos": [
        {"video_id": f"video{number}", "split": split, "category": 9, "id": number}
        for number, split in enumerate(["train", "validate", "test"])
    ],
    "sentences": [
        {"caption": f"a person does thing {number}, {way}", "video_id": f"video{number}", "sen_id": sen_id}
        for sen_id, (number, way) in enumerate([(1, "slowly"), (0, "fast"), (2, "fast"), (0, "slowly")])
    ],
}

MSRVTT = Format(
    name="msrvtt",
    title="MSR-VTT (MSRVTT_data.json, *_videodatainfo.json)",
    shows='{"videos": [{"video_id": "v0", "split": "train"}], "sentences": [{"video_id": "v0", "caption": "a dog"}]}',
    recognises=recognises,
    read=read,
    write_example=text_example("MSRVTT_data.json", json.dumps(_EXAMPLE)),
)
