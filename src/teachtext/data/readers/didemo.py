"""DiDeMo: a list of objects with a `video`, the `description` of a moment in it, and the `times` of the moment."""

import json

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark
from teachtext.data.readers.format import Format, text_example
from teachtext.data.readers.records import records_of
from teachtext.data.readers.source import SourceFile


def recognises(source: SourceFile) -> bool:
    """Return whether the first object has a `video`, a `description`, and `times`."""
    _, first = next(records_of(source) or iter(()), ("", {}))
    return isinstance(first.get("description"), str) and "video" in first and isinstance(first.get("times"), list)


def read(source: SourceFile) -> Annotations:
    """Read the descriptions of DiDeMo, in the order of the file.

    Raises:
        InputError: an entry lacks its video or its description.
    """
    captions = CaptionList(source.path)
    for where, entry in records_of(source) or ():
        captions.add(entry.get("video"), entry.get("description"), where=where)
    all_captions = captions.finish()
    remark = Remark(
        f"{source.path.name}: the times of {len(all_captions):,} moments are not read; 'benchmark: didemo' joins the "
        "descriptions of a video to one query"
    )
    return Annotations(captions=all_captions, remarks=[*source.encoding_remarks, remark])


_EXAMPLE = [
    {
        "annotation_id": number,
        "description": text,
        "num_segments": 6,
        "times": [[0, 0], [0, 0], [0, 1], [0, 0]],
        "video": f"12090392@N02_{video}_87ef417396.mov",
    }
    for number, (video, text) in enumerate([(1, "a dog runs"), (2, "people dance"), (1, "the camera pans left")])
]

DIDEMO = Format(
    name="didemo",
    title="DiDeMo (train_data.json)",
    shows='[{"video": "12090392@N02_1_87ef417396.mov", "description": "a dog runs", "times": [[0, 0], [0, 1]]}]',
    recognises=recognises,
    read=read,
    write_example=text_example("train_data.json", json.dumps(_EXAMPLE)),
)
