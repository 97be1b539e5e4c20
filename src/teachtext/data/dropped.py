"""Lists of captions that are left out of training, and what becomes of a dataset without them.

A list is a file that a person can read and edit:

```
dropped.jsonl   {"id": "<caption>", ...} a line, as `teachtext denoise` writes it; only the id (and video) is read
dropped.json    ["<caption>", ...]
mask.json       {"kept": [...], "dropped": [...], "videos": [...]}, an imported mask; `videos`, where it is there, is
                the reduced list of training videos
mask.pkl        the authors' mask as it is (see `teachtext.originals.masks`), with the reduced list in
                mask.txt beside it where there is one
```
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from teachtext.data.types import Dataset
from teachtext.errors import InputError
from teachtext.files import read_json, read_text

ENDINGS = (".jsonl", ".json", ".pkl", ".pickle")


@dataclass(frozen=True)
class DroppedList:
    """What a file says.

    Attributes:
        captions: ids, each once, by the video that the file gives them, or None.
        videos: the reduced list of training videos; None where there is none.
        is_mask: whether it also speaks of captions that it keeps, and may know captions that the dataset lacks.
    """

    captions: Mapping[str, str | None]
    videos: Sequence[str] | None = None
    is_mask: bool = False


def without_dropped(dataset: Dataset, told: DroppedList, *, path: Path, may_be_empty: bool = False) -> Dataset:
    """Return the dataset without the training captions that a list names. Other splits stay as they are.

    Args:
        dataset: whose training captions are queries of their own.
        told: what the file says.
        path: the file, one of those above, for the messages.
        may_be_empty: take a list that names nothing for an answer.

    Raises:
        InputError: the file is not of its form, names no caption, one twice, one that there is not, or all captions
            of a training video.
    """
    if not told.captions and told.videos is None and not may_be_empty:
        raise InputError(f"{path} names no caption", "leave 'dropped' out of the config, or give another list")
    video_of = {caption.id: caption.video_id for caption in dataset.captions}
    unknown = [caption_id for caption_id in told.captions if caption_id not in video_of]
    if unknown and (not told.is_mask or len(unknown) == len(told.captions)):
        more = f" and {len(unknown) - 1:,} others" if len(unknown) > 1 else ""
        raise InputError(
            f"{path} names caption '{unknown[0]}'{more}, which the dataset does not have", "correct or delete it"
        )
    for caption_id, video_id in told.captions.items():
        if video_id is not None and video_of.get(caption_id, video_id) != video_id:
            raise InputError(
                f"{path} names caption '{caption_id}' of video '{video_id}', but it is one of '{video_of[caption_id]}'",
                "make the list again for this dataset",
            )
    split = dataset.protocol.train
    before = set(dataset.splits[split])
    videos = [v for v in dataset.splits[split] if told.videos is None or v in set(told.videos)]
    if not videos:
        raise InputError(f"{path} leaves no video in split '{split}'", "give the list that belongs to this dataset")
    dropped = {caption_id for caption_id in told.captions if video_of.get(caption_id) in before}
    kept = [caption for caption in dataset.captions if caption.id not in dropped]
    left = {caption.video_id for caption in kept}
    for video_id in videos:
        if video_id not in left:
            raise InputError(
                f"{path} drops every caption of video '{video_id}'",
                f"keep one of them, or take the video out of split '{split}'",
            )
    notes = [f"left out as noisy: {len(dropped):,} training captions ({path.name})"]
    if len(videos) < len(before):
        notes.append(f"left out as noisy: {len(before) - len(videos):,} training videos ({path.name})")
    elsewhere = len(told.captions) - len(unknown) - len(dropped)
    if elsewhere:
        notes.append(f"{path.name} names {elsewhere:,} captions of other splits, which stay")
    if unknown:
        notes.append(f"{path.name} names {len(unknown):,} captions that are not there (first: '{unknown[0]}')")
    splits = {**dataset.splits, split: videos}
    return replace(dataset, captions=kept, splits=splits, notes=[*dataset.notes, *notes])


def read_dropped(path: Path) -> DroppedList:
    """Read a list of captions, `.jsonl` or `.json`.

    Raises:
        InputError: see `without_dropped`.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"{path} is no list of captions", f"give a file that ends in {', '.join(ENDINGS)}")
    if path.suffix == ".jsonl":
        return DroppedList(each_once(path, [_entry(path, *line) for line in enumerate(_lines(path), start=1)]))
    return _read_json(path)


def _read_json(path: Path) -> DroppedList:
    told = read_json(path)
    if isinstance(told, dict):
        mask = {name: told.get(name) for name in ("kept", "dropped", "videos")}
        if mask["dropped"] is not None or mask["videos"] is not None:
            for name, ids in mask.items():
                if ids is not None and not _are_ids(ids):
                    raise InputError(f"{path}: '{name}' is not a list of ids", "import the mask again")
            captions = each_once(path, [(caption_id, None) for caption_id in mask["dropped"] or []])
            return DroppedList(captions, mask["videos"], is_mask=True)
    if not _are_ids(told):
        raise InputError(f"{path} is neither a list of caption ids nor a mask", 'write ["caption id", ...]')
    return DroppedList(each_once(path, [(caption_id, None) for caption_id in told]))


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _lines(path: Path) -> list[str]:
    return read_text(path).removeprefix("\ufeff").split("\n")


def _entry(path: Path, number: int, line: str) -> tuple[str, str | None] | None:
    if not line.strip():
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}, line {number} is not valid JSON ({error})", "correct that line") from error
    caption_id = entry.get("id") if isinstance(entry, dict) else None
    video_id = entry.get("video") if isinstance(entry, dict) else None
    if not isinstance(caption_id, str) or not isinstance(video_id, str | None):
        raise InputError(f"{path}, line {number} names no caption", 'write {"id": "caption id"}')
    return caption_id, video_id


def each_once(path: Path, entries: Sequence[tuple[str, str | None] | None]) -> dict[str, str | None]:
    """Return video ids by caption id; raise InputError for a caption id that stands twice."""
    found: dict[str, str | None] = {}
    for caption_id, video_id in filter(None, entries):
        if caption_id in found:
            raise InputError(f"{path} names caption '{caption_id}' twice", "delete one of them")
        found[caption_id] = video_id
    return found
