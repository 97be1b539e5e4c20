"""Writes a dataset folder from the caption files of the field: `teachtext data import`."""

import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from teachtext.data.protocol import Caption
from teachtext.data.readers.annotations import Annotations, Remark, some
from teachtext.data.readers.folder_files import RECORD
from teachtext.data.readers.folder_source import Reading, read_source
from teachtext.data.readers.format import Unpack
from teachtext.data.readers.published_counts import count_remarks
from teachtext.data.readers.writing import write_annotations
from teachtext.data.video_ids import AMBIGUOUS_MEND, VideoFolder, read_video_folder
from teachtext.errors import InputError
from teachtext.files import atomic_folder, read_json, write_json
from teachtext.progress import Progress, silent

VideoUse = Literal["link", "copy", "none"]


@dataclass(frozen=True)
class Imported:
    """A dataset folder that was written.

    Attributes:
        folder: of the dataset.
        format: title of the format.
        counts: what was written, as names and numbers.
        remarks: how the files were read, and what was mended or left out.
    """

    folder: Path
    format: str
    counts: dict[str, int]
    remarks: list[Remark]


def import_source(
    source: Path,
    out: Path,
    *,
    form: str | None = None,
    language: str | None = "en",
    videos: VideoUse = "link",
    progress: Progress = silent,
) -> Imported:
    """Write a dataset folder from a file or folder of captions.

    `out` then holds `captions.jsonl`, the splits that are named, `videos/` with the videos that the source has, and
    `import.json`: what was read, mended and left out.

    Args:
        source: file of captions, or folder with such a file, and with the videos and split lists beside it.
        out: a new or empty folder.
        form: name of the format; by default the format is recognised by the content.
        language: captions in other languages are left out, where there are any in this one; None keeps all.
        videos: `link` makes symbolic links to the videos, `copy` copies them, `none` leaves them where they are.
        progress: is called with the number of videos that are done.

    Raises:
        InputError: nothing or several things can be read, a file has faults that cannot be mended, or `out` is in use.
    """
    reading = read_source(source, form)
    files = read_video_folder(reading.folder, regular=True, apart=reading.files)
    annotations = cleaned(matched(reading.annotations, files, reading.other_names), language)
    if not annotations.captions:
        raise InputError(f"{source} has no caption that can be used", "write some")
    with atomic_folder(out) as folder:
        write_annotations(annotations, folder)
        placed = _place_videos(annotations, files, folder / "videos", videos, progress)
        if reading.form.unpack and videos != "none":
            placed += _unpack(reading, reading.form.unpack, set(annotations.video_ids) - files.files.keys(), folder)
        counts = {
            "captions": len(annotations.captions),
            "captioned videos": len({caption.video_id for caption in annotations.captions}),
            "videos": placed,
        }
        remarks = [*annotations.remarks, *count_remarks(annotations.splits, reading.form.name)]
        if not reading.form.unpack:
            remarks += _left_out(annotations, files)
        write_json(folder / RECORD, _record(reading, counts, remarks))
    absent = [] if videos == "none" or reading.form.unpack else _absent(annotations, files)
    return Imported(out, reading.form.title, counts, [*remarks, *absent])


def read_import_remarks(folder: Path) -> list[Remark]:
    """Return the remarks of the import that wrote a dataset folder; none where another program wrote the folder."""
    path = folder / RECORD
    content = read_json(path) if path.is_file() else {}
    rows = content.get("remarks") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        return []
    return [
        Remark(str(row["what"]), str(row.get("mend", ""))) for row in rows if isinstance(row, dict) and "what" in row
    ]


def matched(annotations: Annotations, files: VideoFolder, other_names: Mapping[str, str]) -> Annotations:
    """Return the annotations with the ids of the video files, where other spellings or names of them are used."""
    match = files.match(annotations.video_ids, other_names)
    remarks = [Remark(note) for note in (match.respelled_note,) if note]
    if match.ambiguous_note:
        remarks.append(Remark(match.ambiguous_note, AMBIGUOUS_MEND))
    return replace(
        annotations,
        captions=[replace(caption, video_id=match[caption.video_id]) for caption in annotations.captions],
        splits={
            name: {split: list(dict.fromkeys(match[video_id] for video_id in ids)) for split, ids in splits.items()}
            for name, splits in annotations.splits.items()
        },
        chosen={
            name: {match[video_id]: caption_id for video_id, caption_id in chosen.items()}
            for name, chosen in annotations.chosen.items()
        },
        remarks=[*annotations.remarks, *remarks],
    )


def cleaned(annotations: Annotations, language: str | None) -> Annotations:
    """Return the annotations without empty captions and without those in other languages; remarks count them."""
    captions, remarks = list(annotations.captions), list(annotations.remarks)
    empty = [caption.id for caption in captions if not caption.text]
    if empty:
        captions = [caption for caption in captions if caption.text]
        remarks.append(Remark(f"{len(empty):,} empty captions were left out ({some(empty)})", "write their texts"))
    captions, left_out = in_language(captions, language)
    return replace(annotations, captions=captions, remarks=[*remarks, *left_out])


def in_language(captions: list[Caption], language: str | None) -> tuple[list[Caption], list[Remark]]:
    """Return the captions in a language, and a remark on the others; all captions where none is in that language."""
    others = Counter(caption.language for caption in captions if caption.language != language)
    if language is None or not others or others.total() == len(captions):
        return captions, []
    counts = ", ".join(f"{name} {count:,}" for name, count in others.most_common(5))
    remark = Remark(
        f"{others.total():,} captions in other languages than '{language}' were left out ({counts})",
        "import with --language all to keep them",
    )
    return [caption for caption in captions if caption.language == language], [remark]


def _place_videos(annotations: Annotations, files: VideoFolder, folder: Path, use: VideoUse, progress: Progress) -> int:
    """Link or copy the videos that captions or splits name; return their number."""
    wanted = [video_id for video_id in annotations.video_ids if video_id in files.files]
    if use == "none" or not wanted:
        return 0
    folder.mkdir()
    for number, video_id in enumerate(wanted, start=1):
        path = files.files[video_id][0]
        target = folder / f"{video_id}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if use == "copy":
            shutil.copyfile(path, target)
        else:
            target.symlink_to(path.resolve())
        progress("videos", number, len(wanted))
    return len(wanted)


def _left_out(annotations: Annotations, files: VideoFolder) -> list[Remark]:
    """Return remarks on the files of the source that the dataset folder lacks."""
    remarks = [Remark(str(row), row.mend) for row in files.left_out]
    named = set(annotations.video_ids)
    mute = [video_id for video_id in files.files if video_id not in named]
    if mute:
        remarks.append(Remark(f"{len(mute):,} videos have neither caption nor split, and were left out ({some(mute)})"))
    return remarks


def _absent(annotations: Annotations, files: VideoFolder) -> list[Remark]:
    """Return the remark on captioned videos without a file, which `data check` tells of the dataset folder too."""
    absent = [video_id for video_id in annotations.captioned_ids if video_id not in files.files]
    if not absent:
        return []
    what = f"{len(absent):,} captioned videos have no file in {files.folder} ({some(absent)})"
    return [Remark(what, "import the folder that holds them too, or set 'missing_videos: keep' to use features alone")]


def _unpack(reading: Reading, unpack: Unpack, wanted: Collection[str], folder: Path) -> int:
    """Unpack the videos of archives into `videos/` of a dataset folder; return their number."""
    count = 0
    for path in reading.files:
        before = f"{reading.places[path]}/" if path in reading.places else ""
        keys = {name.removeprefix(before) for name in wanted if name.startswith(before)}
        count += unpack(path, folder / "videos" / before, keys)
    return count


def _record(reading: Reading, counts: dict[str, int], remarks: list[Remark]) -> dict[str, Any]:
    return {
        "source": reading.name,
        "format": reading.form.name,
        "counts": counts,
        "remarks": [{"what": remark.what, **({"mend": remark.mend} if remark.mend else {})} for remark in remarks],
    }
