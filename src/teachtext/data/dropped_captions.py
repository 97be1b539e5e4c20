"""Lists of captions that are left out of training, and datasets without these captions.

A list is a file that a person can read and edit:

```
dropped.jsonl   {"id": "<caption>", ...} a line, as `teachtext denoise` writes it. Only the id and the video are read.
dropped.json    ["<caption>", ...]
mask.json       {"kept": [...], "dropped": [...], "videos": [...]}, an imported mask.
                The optional `videos` is the reduced list of training videos.
mask.pkl        the authors' mask as it was published (see `teachtext.originals.denoising_masks`).
                The optional mask.txt beside the file is the reduced list of training videos.
```
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from teachtext.data.types import Dataset
from teachtext.errors import InputError
from teachtext.files import parse_json, read_json, read_text

ENDINGS = (".jsonl", ".json", ".pkl", ".pickle")


@dataclass(frozen=True)
class DroppedList:
    """The content of a list.

    Attributes:
        captions: by caption id, the video id that the file names, or None.
        videos: the reduced list of training videos; None where the file has no such list.
        is_mask: whether the file also names captions that are kept. A mask may name captions that the dataset lacks.
    """

    captions: Mapping[str, str | None]
    videos: Sequence[str] | None = None
    is_mask: bool = False


def without_dropped(dataset: Dataset, dropped_list: DroppedList, *, path: Path, may_be_empty: bool = False) -> Dataset:
    """Return the dataset without the training captions that a list names. Other splits do not change.

    Args:
        dataset: a dataset whose training captions are separate queries.
        dropped_list: the content of the file.
        path: the file, for messages.
        may_be_empty: whether the list may be empty.

    Raises:
        InputError: the list is empty, names a caption that the dataset does not have or has of another video, or
            leaves a training video without a caption.
    """
    if not dropped_list.captions and dropped_list.videos is None and not may_be_empty:
        raise InputError(f"{path} names no caption", "leave 'dropped' out of the config, or give another list")
    video_of = {caption.id: caption.video_id for caption in dataset.captions}
    unknown = [caption_id for caption_id in dropped_list.captions if caption_id not in video_of]
    if unknown and (not dropped_list.is_mask or len(unknown) == len(dropped_list.captions)):
        more = f" and {len(unknown) - 1:,} others" if len(unknown) > 1 else ""
        raise InputError(
            f"{path} names caption '{unknown[0]}'{more}, which the dataset does not have", "correct or delete it"
        )
    for caption_id, video_id in dropped_list.captions.items():
        if video_id is not None and video_of.get(caption_id, video_id) != video_id:
            raise InputError(
                f"{path} names caption '{caption_id}' of video '{video_id}', but it is one of '{video_of[caption_id]}'",
                "make the list again for this dataset",
            )
    split = dataset.protocol.train
    before = set(dataset.splits[split])
    videos = [v for v in dataset.splits[split] if dropped_list.videos is None or v in set(dropped_list.videos)]
    if not videos:
        raise InputError(f"{path} leaves no video in split '{split}'", "give the list that belongs to this dataset")
    dropped = {caption_id for caption_id in dropped_list.captions if video_of.get(caption_id) in before}
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
    elsewhere = len(dropped_list.captions) - len(unknown) - len(dropped)
    if elsewhere:
        notes.append(f"{path.name} names {elsewhere:,} captions of other splits, which stay")
    if unknown:
        notes.append(f"{path.name} names {len(unknown):,} captions that the dataset lacks (first: '{unknown[0]}')")
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
    content = read_json(path)
    if isinstance(content, dict):
        mask = {name: content.get(name) for name in ("kept", "dropped", "videos")}
        if mask["dropped"] is not None or mask["videos"] is not None:
            for name, ids in mask.items():
                if ids is not None and not _are_ids(ids):
                    raise InputError(f"{path}: '{name}' is not a list of ids", "import the mask again")
            captions = each_once(path, [(caption_id, None) for caption_id in mask["dropped"] or []])
            return DroppedList(captions, mask["videos"], is_mask=True)
    if not _are_ids(content):
        raise InputError(f"{path} is neither a list of caption ids nor a mask", 'write ["caption id", ...]')
    return DroppedList(each_once(path, [(caption_id, None) for caption_id in content]))


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _lines(path: Path) -> list[str]:
    return read_text(path).removeprefix("\ufeff").split("\n")


def _entry(path: Path, number: int, line: str) -> tuple[str, str | None] | None:
    if not line.strip():
        return None
    try:
        entry = parse_json(line)
    except ValueError as error:
        raise InputError(f"{path}, line {number} is not valid JSON ({error})", "correct that line") from error
    caption_id = entry.get("id") if isinstance(entry, dict) else None
    video_id = entry.get("video") if isinstance(entry, dict) else None
    if not isinstance(caption_id, str) or not isinstance(video_id, str | None):
        raise InputError(f"{path}, line {number} names no caption", 'write {"id": "caption id"}')
    return caption_id, video_id


def each_once(path: Path, entries: Sequence[tuple[str, str | None] | None]) -> dict[str, str | None]:
    """Return video ids by caption id.

    Raises:
        InputError: a caption id is repeated.
    """
    video_of: dict[str, str | None] = {}
    for caption_id, video_id in filter(None, entries):
        if caption_id in video_of:
            raise InputError(f"{path} names caption '{caption_id}' twice", "delete one of them")
        video_of[caption_id] = video_id
    return video_of
