"""A dataset folder that a person can write by hand.

```
videos/<id>.mp4 ...                     (any container, in any folder; the id is the file name without its ending)
captions.jsonl | captions.csv | captions.json
splits.json                             (optional: {"train": [ids], "val": [ids], "test": [ids]})
splits-<name>.json, chosen-<name>.json  (optional: further lists; {video id: id of the caption that is its query})
questions.json                          (optional: captions that are searched among a few videos; see `data.questions`)
wrong-captions.json                     (optional: ids of captions that are wrong on purpose)
```

`captions.jsonl` has an object a line with `video` and `text`, and optionally `id` and `language`. `captions.csv` has
columns of the same names. `captions.json` maps a video id to a list of captions. A caption without an id gets
`<video>#<number>`. Without `videos/` the video files lie beside the captions; see `teachtext.data.video_ids` for ids
that are written with an ending, a folder, or other forms of accents.
"""

import csv
import json
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from teachtext.data.protocol import Caption, Protocol
from teachtext.data.questions import check_unlearned, read_questions
from teachtext.data.splits import automatic_splits
from teachtext.data.types import Dataset, Question, Video
from teachtext.data.video_ids import IdMatch, VideoFolder, read_video_folder
from teachtext.errors import InputError
from teachtext.files import read_json

DEFAULT_SPLITS = "splits.json"
CAPTION_FILES = ("captions.jsonl", "captions.csv", "captions.json")


@dataclass(frozen=True)
class RawFolder:
    """The content of a dataset folder, before anything is checked or left out.

    Attributes:
        path: the folder.
        captions_path: file of the captions.
        video_folder: the video files.
        match: what the ids in captions and splits mean.
        captions: all captions, with the ids of the video files.
        splits_path: file of the splits, which may be missing.
        splits: ids of the video files by split; None without a file.
    """

    path: Path
    captions_path: Path
    video_folder: VideoFolder
    match: IdMatch
    captions: Sequence[Caption]
    splits_path: Path
    splits: Mapping[str, Sequence[str]] | None

    @property
    def videos(self) -> Mapping[str, Sequence[Path]]:
        """Video files by id."""
        return self.video_folder.files


def read_raw(folder: Path, splits_file: str = DEFAULT_SPLITS) -> RawFolder:
    """Read a dataset folder without checks.

    Raises:
        InputError: the folder, its captions or a splits file other than the default one are missing, or a file is
            not in its format.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give the folder that holds videos/ and a captions file")
    captions_path = _captions_path(folder)
    splits_path = folder / splits_file
    if splits_file != DEFAULT_SPLITS and not splits_path.exists():
        names = sorted(path.name for path in folder.glob("splits*.json"))
        raise InputError(f"{splits_path} does not exist", f"add it; there is {', '.join(names) or 'no other'}")
    captions = list(_read_captions(captions_path))
    splits = _read_splits(splits_path) if splits_path.exists() else None
    video_folder = read_video_folder(folder, regular=True)
    listed = [video_id for ids in (splits or {}).values() for video_id in ids]
    match = video_folder.match([*(caption.video_id for caption in captions), *listed])
    return RawFolder(
        path=folder,
        captions_path=captions_path,
        video_folder=video_folder,
        match=match,
        captions=[replace(caption, video_id=match[caption.video_id]) for caption in captions],
        splits_path=splits_path,
        splits=None if splits is None else {split: [match[name] for name in ids] for split, ids in splits.items()},
    )


def load_folder(
    folder: Path,
    *,
    protocol: Protocol | None = None,
    missing_videos: Literal["error", "drop", "keep"] = "error",
    seed: int = 0,
    splits_file: str = DEFAULT_SPLITS,
    chosen_file: str | None = None,
) -> Dataset:
    """Load a dataset folder and check its rules.

    Args:
        folder: the dataset folder.
        protocol: how captions become queries.
        missing_videos: treatment of captions and split entries whose video has no file. `error` refuses the folder.
            `drop` leaves the entries out and notes their number. `keep` keeps them; their features come from
            elsewhere.
        seed: seed of the automatic splits of a folder without splits.json.
        splits_file: name of the file with the splits.
        chosen_file: name of the file with the caption of each video that is its query, where the protocol chooses.

    Returns:
        The dataset: only videos and captions that can be used.

    Raises:
        InputError: empty or duplicate captions, unknown or overlapping splits, captions or splits that name videos
            without a file (see `missing_videos`).
    """
    raw = read_raw(folder, splits_file)
    for caption in raw.captions:
        if not caption.text.strip():
            raise InputError(
                f"{raw.captions_path} has an empty caption ('{caption.id}')", "delete that entry or write its text"
            )
    captioned = {caption.video_id for caption in raw.captions}
    named = captioned | {video_id for ids in (raw.splits or {}).values() for video_id in ids}
    absent = sorted(named - raw.videos.keys())
    notes = [*raw.match.notes, *raw.video_folder.notes]
    if absent and missing_videos == "error":
        raise InputError(
            f"{raw.captions_path} or {raw.splits_path.name} names {len(absent)} videos without a file in "
            f"{raw.video_folder.folder} (first: '{absent[0]}'){''.join(f'; {note}' for note in notes)}",
            "add the files, remove the entries, or set 'missing_videos: drop'",
        )
    kept = named if missing_videos == "keep" else named & raw.videos.keys()
    if missing_videos == "drop" and absent:
        notes.append(f"left out, captioned but without a file: {len(absent)} (first: '{absent[0]}')")
    splits = _clean_splits(raw, kept & captioned, notes, seed)
    chosen = protocol or Protocol()
    for split in chosen.splits:
        if split not in splits:
            raise InputError(f"{folder} has no split '{split}'", f"use one of {', '.join(splits)}, or add it")
        if not splits[split]:
            raise InputError(f"split '{split}' of {folder} has no captioned video with a file", "add some to it")
    videos = {
        video_id: Video(video_id, raw.videos[video_id][0] if video_id in raw.videos else None)
        for video_id in sorted(kept)
    }
    captions = [caption for caption in raw.captions if caption.video_id in videos]
    choices = _read_chosen(folder / chosen_file, captions, raw.match) if chosen_file else {}
    listed = {split: len(ids) for split, ids in (raw.splits or splits).items()}
    questions = _questions(raw, named, videos, chosen, notes)
    check_unlearned(questions, splits, chosen)
    dataset = Dataset(folder.resolve().name, videos, captions, splits, chosen, listed, notes, choices, questions)
    _check_choices(dataset, chosen_file)
    return dataset


def _questions(
    raw: RawFolder, named: Collection[str], videos: Container[str], protocol: Protocol, notes: list[str]
) -> list[Question]:
    questions = read_questions(raw.path, raw.captions, {*named, *raw.videos}, max_words=protocol.max_words)
    kept = [question for question in questions if all(video_id in videos for video_id in question.among)]
    if len(kept) < len(questions):
        notes.append(f"left out, questions about videos that cannot be used: {len(questions) - len(kept)}")
    return kept


def _clean_splits(raw: RawFolder, usable: set[str], notes: list[str], seed: int) -> dict[str, list[str]]:
    if raw.splits is None:
        notes.append(f"no splits.json: split 70/10/20 at random with seed {seed}, clips of one source together")
        return automatic_splits(usable, seed=seed)
    split_of: dict[str, str] = {}
    for split, ids in raw.splits.items():
        for video_id in ids:
            if split_of.setdefault(video_id, split) != split:
                raise InputError(
                    f"{raw.splits_path} puts '{video_id}' into both '{split_of[video_id]}' and '{split}'",
                    "keep it in one of them",
                )
    splits = {split: [v for v in dict.fromkeys(ids) if v in usable] for split, ids in raw.splits.items()}
    for split, ids in raw.splits.items():
        if len(splits[split]) < len(ids):
            notes.append(f"split '{split}': {len(splits[split])} of {len(ids)} videos can be used")
    return splits


def _captions_path(folder: Path) -> Path:
    paths = [folder / name for name in CAPTION_FILES if (folder / name).is_file()]
    if len(paths) != 1:
        what = "several captions files: " + ", ".join(path.name for path in paths) if paths else "no captions file"
        raise InputError(f"{folder} has {what}", f"keep exactly one of {', '.join(CAPTION_FILES)}")
    return paths[0]


def _read_captions(path: Path) -> Iterator[Caption]:
    counts: dict[str, int] = {}
    ids: set[str] = set()
    for where, entry in _caption_entries(path):
        video_id, text = entry.get("video"), entry.get("text")
        if not isinstance(video_id, str) or not video_id or not isinstance(text, str):
            raise InputError(f"{path}, {where}: a caption needs 'video' and 'text', both text", "correct that entry")
        number = counts.get(video_id, 0)
        counts[video_id] = number + 1
        caption_id = str(entry.get("id") or f"{video_id}#{number}")
        if caption_id in ids:
            raise InputError(
                f"{path}, {where}: caption id '{caption_id}' is used twice", "give every caption its own id"
            )
        ids.add(caption_id)
        yield Caption(caption_id, video_id, text.strip(), str(entry.get("language") or "en"))


def _caption_entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".json":
        content = read_json(path)
        if not isinstance(content, dict) or not all(isinstance(texts, list) for texts in content.values()):
            raise InputError(f"{path} is not an object of lists", 'write {"video id": ["caption", ...]}')
        for video_id, texts in content.items():
            for text in texts:
                yield f"video '{video_id}'", {"video": video_id, "text": text}
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _csv_entries(path, file) if path.suffix == ".csv" else _jsonl_entries(path, file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})", "save it as UTF-8 text") from error


def _csv_entries(path: Path, file: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # without this a caption of over 128 KiB would be refused
    csv.field_size_limit(2**27)
    reader = csv.DictReader(file)
    if not {"video", "text"} <= set(reader.fieldnames or ()):
        raise InputError(f"{path} lacks a column 'video' or 'text'", "name its columns in the first line: video,text")
    for row in reader:
        yield f"line {reader.line_num}", row


def _jsonl_entries(path: Path, file: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number} is not valid JSON ({error})", "correct that line") from error
        if not isinstance(entry, dict):
            raise InputError(f"{path}, line {number} is not an object", 'write {"video": ..., "text": ...}')
        yield f"line {number}", entry


def _read_splits(path: Path) -> dict[str, list[str]]:
    content = read_json(path)
    if not isinstance(content, dict) or not all(
        isinstance(ids, list) and all(isinstance(video_id, str) for video_id in ids) for ids in content.values()
    ):
        raise InputError(f"{path} is not an object of lists of ids", 'write {"train": ["id", ...], "test": [...]}')
    return content


def _read_chosen(path: Path, captions: Sequence[Caption], match: IdMatch) -> dict[str, str]:
    if not path.exists():
        raise InputError(f"{path} does not exist", 'write {"video id": "id of the caption that is its query"} there')
    content = read_json(path)
    video_of = {caption.id: caption.video_id for caption in captions}
    captioned = set(video_of.values())
    if not isinstance(content, dict):
        raise InputError(f"{path} is not an object of caption ids", 'write {"video id": "caption id"}')
    content = {match[video_id]: caption_id for video_id, caption_id in content.items()}
    for video_id, caption_id in content.items():
        if video_id in captioned and video_of.get(str(caption_id)) != video_id:
            raise InputError(f"{path}: '{caption_id}' is no caption of video '{video_id}'", "name one of its captions")
    return content


def _check_choices(dataset: Dataset, chosen_file: str | None) -> None:
    for split in dataset.protocol.splits:
        if dataset.protocol.captions_in(split) != "chosen":
            continue
        unchosen = [video for video in dataset.splits[split] if video not in dataset.chosen]
        if unchosen:
            raise InputError(
                f"{chosen_file or 'the config'} names no caption of video '{unchosen[0]}' of split '{split}'",
                "name the caption that is its query in a chosen file",
            )
