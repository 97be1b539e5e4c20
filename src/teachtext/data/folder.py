"""A dataset folder: one that a person writes by hand, or one with the caption files of the field.

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
`<video>#<number>`. Captions that say the same in several languages have ids that differ in a final `.<language>` alone:
`a#0` and `a#0.de`. Any other caption file of `teachtext.data.readers` may stand there instead, and lists of video ids
such as `train_list.txt` instead of `splits.json`. Without `videos/` the video files lie beside the captions; see
`teachtext.data.video_ids` for ids that are written with an ending, a folder, or other forms of accents.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from teachtext.data.protocol import Caption, Protocol
from teachtext.data.questions import check_unlearned, read_questions
from teachtext.data.readers.annotations import MAIN, Annotations, Remark, chosen_file_of, some, splits_file_of
from teachtext.data.readers.folder_source import Reading, read_source
from teachtext.data.readers.importing import cleaned, in_language, read_import_remarks
from teachtext.data.splits import automatic_splits
from teachtext.data.types import Dataset, Question, Video
from teachtext.data.video_ids import IdMatch, VideoFolder, read_video_folder
from teachtext.errors import InputError
from teachtext.files import read_json

DEFAULT_SPLITS = "splits.json"
ALL_LANGUAGES = "all"


@dataclass(frozen=True)
class RawFolder:
    """The content of a dataset folder, before anything is checked or left out.

    Attributes:
        path: the folder.
        captions_name: the names of the caption files.
        video_folder: the video files.
        match: what the ids in captions and splits mean.
        captions: all captions, with the ids of the video files.
        splits_name: the file of the splits, or the files of the lists that make them.
        splits: ids of the video files by split; None where nothing names splits.
        all_splits: splits by name, as lists and captions give them; `main` are those of `splits`.
        format_name: the name of the captions' format.
        holds_videos: whether the caption files are archives that hold the videos too.
        chosen: the id of the caption that is a video's query, by video id; None where nothing names them.
        remarks: how captions and lists were read, and what was mended or left out.
    """

    path: Path
    captions_name: str
    video_folder: VideoFolder
    match: IdMatch
    captions: Sequence[Caption]
    splits_name: str
    splits: Mapping[str, Sequence[str]] | None
    all_splits: Mapping[str, Mapping[str, Sequence[str]]]
    format_name: str
    holds_videos: bool
    chosen: Mapping[str, str] | None
    remarks: Sequence[Remark]

    @property
    def videos(self) -> Mapping[str, Sequence[Path]]:
        """Video files by id."""
        return self.video_folder.files


def read_raw(
    source: Path,
    splits_file: str = DEFAULT_SPLITS,
    chosen_file: str | None = None,
    *,
    language: str | None = None,
) -> RawFolder:
    """Read a dataset folder without checks.

    Args:
        source: the folder, or a caption file in the folder.
        splits_file: name of the file with the splits. Where the file is missing, lists that give the same splits do.
        chosen_file: name of the file with the caption of each video that is its query, likewise.
        language: of the captions that a published format with several languages gives: a code, `all`, or None for
            English. Other formats give the captions of all languages.

    Raises:
        InputError: the folder, its captions or a splits file other than the default one are missing, or a file is
            not in its format.
    """
    if not source.exists():
        raise InputError(f"{source} is not a folder", "give the folder that holds videos/ and a captions file")
    reading = read_source(source)
    folder = reading.folder
    preferred = None if language == ALL_LANGUAGES else language or "en"
    annotations = reading.annotations if reading.form.is_general else cleaned(reading.annotations, preferred)
    splits, splits_name, remarks = _splits(reading, annotations, splits_file)
    video_folder = read_video_folder(folder, regular=True, apart=reading.files)
    listed = [video_id for ids in (splits or {}).values() for video_id in ids]
    names = [*(caption.video_id for caption in annotations.captions), *listed]
    match = video_folder.match(names, reading.other_names)
    captions = [replace(caption, video_id=match[caption.video_id]) for caption in annotations.captions]
    return RawFolder(
        path=folder,
        captions_name=reading.name,
        video_folder=video_folder,
        match=match,
        captions=captions,
        splits_name=splits_name,
        splits=None if splits is None else {split: [match[name] for name in ids] for split, ids in splits.items()},
        all_splits=annotations.splits if splits is None else {**annotations.splits, MAIN: splits},
        format_name=reading.form.name,
        holds_videos=reading.form.unpack is not None,
        chosen=_chosen(folder, annotations, chosen_file, captions, match) if chosen_file else None,
        remarks=[*annotations.remarks, *remarks, *read_import_remarks(folder)],
    )


def load_folder(
    folder: Path,
    *,
    protocol: Protocol | None = None,
    missing_videos: Literal["error", "drop", "keep"] = "error",
    seed: int = 0,
    splits_file: str = DEFAULT_SPLITS,
    chosen_file: str | None = None,
    language: str | None = None,
) -> Dataset:
    """Load a dataset folder and check its rules.

    Args:
        folder: the dataset folder, or a caption file in the folder.
        protocol: how captions become queries, and which splits are needed; by default each caption is a query, and any
            splits will do.
        missing_videos: treatment of captions and split entries whose video has no file. `error` refuses the folder.
            `drop` leaves the entries out and notes their number. `keep` keeps them; their features come from
            elsewhere.
        seed: seed of the automatic splits of a folder without splits.json.
        splits_file: name of the file with the splits.
        chosen_file: name of the file with the caption of each video that is its query, where the protocol chooses.
        language: of the captions that are used, such as `de`, or `all`. By default the English captions, or all
            captions where none is English. The notes count the others.

    Returns:
        The dataset: only videos and captions that can be used.

    Raises:
        InputError: no caption in the language, empty or duplicate captions, unknown or overlapping splits, captions or
            splits that name videos without a file (see `missing_videos`).
    """
    whole = read_raw(folder, splits_file, chosen_file, language=language)
    raw = _in_language(whole, language)
    empty = [caption.id for caption in raw.captions if not caption.text.strip()]
    if empty:
        raise InputError(
            f"{raw.path / raw.captions_name} has an empty caption ({some(empty)})",
            "delete that entry or write its text; 'teachtext data import' leaves such captions out",
        )
    captioned = {caption.video_id for caption in raw.captions}
    named = captioned | {video_id for ids in (raw.splits or {}).values() for video_id in ids}
    absent = sorted(named - raw.videos.keys())
    of_videos = [*raw.match.notes, *raw.video_folder.notes]
    if absent and missing_videos == "error":
        raise InputError(
            f"{raw.path / raw.captions_name} or {raw.splits_name} names {len(absent)} videos without a file in "
            f"{raw.video_folder.folder} (first: '{absent[0]}'){''.join(f'; {note}' for note in of_videos)}",
            "add the files, remove the entries, or set 'missing_videos: drop'",
        )
    notes = [*(remark.what for remark in raw.remarks), *of_videos]
    kept = named if missing_videos == "keep" else named & raw.videos.keys()
    if missing_videos == "drop" and absent:
        notes.append(f"left out, captioned but without a file: {len(absent)} (first: '{absent[0]}')")
    splits = _clean_splits(raw, kept & captioned, notes, seed)
    chosen = protocol or Protocol()
    for split in protocol.splits if protocol else ():
        if split not in splits:
            raise InputError(f"{folder} has no split '{split}'", f"use one of {', '.join(splits)}, or add it")
        if not splits[split]:
            raise InputError(f"split '{split}' of {folder} has no captioned video with a file", "add some to it")
    videos = {
        video_id: Video(video_id, raw.videos[video_id][0] if video_id in raw.videos else None)
        for video_id in sorted(kept)
    }
    captions = [caption for caption in raw.captions if caption.video_id in videos]
    if not captions:
        raise InputError(f"{folder} has no captions of the videos that can be used", "add some")
    listed = {split: len(ids) for split, ids in (raw.splits or splits).items()}
    questions = _questions(whole, named, videos, chosen, notes)
    used = {caption.id for caption in raw.captions}
    questions = [question for question in questions if question.caption.id in used]
    check_unlearned(questions, splits, chosen)
    dataset = Dataset(
        raw.path.resolve().name, videos, captions, splits, chosen, listed, notes, raw.chosen or {}, questions
    )
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


def _in_language(raw: RawFolder, language: str | None) -> RawFolder:
    """Return the folder with the captions in a language alone (see `load_folder`), and with a remark on the others."""
    spoken = sorted({caption.language for caption in raw.captions})
    if language not in (None, ALL_LANGUAGES, *spoken) and spoken:
        raise InputError(
            f"{raw.path / raw.captions_name} has no caption in the language '{language}'",
            f"use one of {', '.join(spoken)}, or '{ALL_LANGUAGES}'",
        )
    captions, remarks = in_language(list(raw.captions), None if language == ALL_LANGUAGES else language or "en")
    used = {caption.id for caption in captions}
    chosen = raw.chosen and {video_id: name for video_id, name in raw.chosen.items() if name in used}
    return replace(raw, captions=captions, chosen=chosen, remarks=[*raw.remarks, *remarks])


def _clean_splits(raw: RawFolder, usable: set[str], notes: list[str], seed: int) -> dict[str, list[str]]:
    if raw.splits is None:
        notes.append(f"no splits.json: split 70/10/20 at random with seed {seed}, clips of one source together")
        return automatic_splits(usable, seed=seed)
    split_of: dict[str, str] = {}
    for split, ids in raw.splits.items():
        for video_id in ids:
            if split_of.setdefault(video_id, split) != split:
                raise InputError(
                    f"{raw.path / raw.splits_name} puts '{video_id}' into both '{split_of[video_id]}' and '{split}'",
                    "keep it in one of them",
                )
    splits = {split: [v for v in dict.fromkeys(ids) if v in usable] for split, ids in raw.splits.items()}
    for split, ids in raw.splits.items():
        if len(splits[split]) < len(ids):
            notes.append(f"split '{split}': {len(splits[split])} of {len(ids)} videos can be used")
    return splits


def _splits(
    reading: Reading, annotations: Annotations, splits_file: str
) -> tuple[Mapping[str, Sequence[str]] | None, str, list[Remark]]:
    """Return the splits of a file, or else of lists and captions; what names them; and remarks on lists not used."""
    path = reading.folder / splits_file
    listed = {splits_file_of(name): splits for name, splits in annotations.splits.items()}
    if path.exists():
        splits = _read_splits(path)
        others = listed.get(splits_file, splits)
        if {split: set(ids) for split, ids in splits.items()} == {split: set(ids) for split, ids in others.items()}:
            return splits, splits_file, []
        counts = ", ".join(f"{split} {len(ids):,}" for split, ids in others.items())
        what = f"{splits_file} is used, and not the splits of lists or captions beside it ({counts})"
        return splits, splits_file, [Remark(what, f"remove {splits_file} to use them")]
    if splits_file in listed:
        return listed[splits_file], reading.splits_name, []
    if splits_file != DEFAULT_SPLITS:
        names = sorted({*(path.name for path in reading.folder.glob("splits*.json")), *listed})
        raise InputError(f"{path} does not exist", f"add it; there is {', '.join(names) or 'no other'}")
    return None, splits_file, []


def _read_splits(path: Path) -> dict[str, list[str]]:
    content = read_json(path)
    if not isinstance(content, dict) or not all(
        isinstance(ids, list) and all(isinstance(video_id, str) for video_id in ids) for ids in content.values()
    ):
        raise InputError(f"{path} is not an object of lists of ids", 'write {"train": ["id", ...], "test": [...]}')
    return content


def _chosen(
    folder: Path, annotations: Annotations, chosen_file: str, captions: Sequence[Caption], match: IdMatch
) -> dict[str, str]:
    """Return the chosen captions of a file, or else of a list with captions."""
    path = folder / chosen_file
    listed = {chosen_file_of(name): chosen for name, chosen in annotations.chosen.items()}
    if not path.exists() and chosen_file not in listed:
        raise InputError(f"{path} does not exist", 'write {"video id": "id of the caption that is its query"} there')
    content = read_json(path) if path.exists() else listed[chosen_file]
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
