"""Reads the caption files and split lists of a folder: which files belong together, and what each of them is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from teachtext.data.protocol import Caption
from teachtext.data.readers.annotations import MAIN, Annotations, Remark, some
from teachtext.data.readers.folder_files import caption_files, name_in
from teachtext.data.readers.format import Format
from teachtext.data.readers.lists_beside import lists_beside
from teachtext.data.readers.registry import format_named, read_file
from teachtext.data.readers.split_lists import (
    SplitList,
    chosen_of,
    families_of,
    list_remarks,
    split_and_family,
    without_repeats,
)
from teachtext.data.readers.split_names import splits_by_folder
from teachtext.errors import InputError

_FIRST_NAMES = 100


@dataclass(frozen=True)
class Reading:
    """What was read from a file or folder.

    Attributes:
        folder: the folder, or that of the file.
        files: the caption files.
        form: their format.
        annotations: what they say, with the splits of lists beside them.
        splits_name: the names of the files that name the splits.
        other_names: the other names of videos, by the names that captions give them.
        places: by file that holds videos, the folder before the ids of its videos; files without such a folder lack.
    """

    folder: Path
    files: Sequence[Path]
    form: Format
    annotations: Annotations
    splits_name: str
    other_names: Mapping[str, str]
    places: Mapping[Path, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The names of the caption files."""
        return some([path.relative_to(self.folder).as_posix() for path in self.files])


def read_source(path: Path, name: str | None = None) -> Reading:
    """Read captions from a file or a folder, and the split lists beside them.

    In a folder, `captions.jsonl`, `captions.csv` or `captions.json` goes before all other files. Otherwise all files
    are looked at: one file of captions, or files of one format, each with a split in its name.

    Args:
        path: the file or folder.
        name: name of the format; by default the format is recognised.

    Raises:
        InputError: there are no captions, or several files of captions that do not belong together.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", "give a file of captions, or the folder that holds such a file")
    if not path.is_dir() and not path.is_file():
        raise InputError(
            f"{path} is a pipe or a device", "give a file of captions, or the folder that holds such a file"
        )
    form = format_named(name) if name is not None else None
    folder = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else caption_files(folder, form)
    parts = {file: read_file(file, name) for file in files}
    form = form or next(iter(parts.values()))[0]
    read = {file: _with_folder(folder, file, annotations) for file, (_, annotations) in parts.items()}
    places = _places(folder, read) if form.unpack else {}
    for file, place in places.items():
        read[file] = _renamed(read[file], {name: f"{place}/{name}" for name in read[file].video_ids})
    annotations, lists, used = _together(folder, read)
    beside, other_names, remarks = lists_beside(path, parts, annotations)
    if places:
        example = next(iter(places.values()))
        remarks.append(
            Remark(f"several archives have videos of one id; ids begin with the archive, such as '{example}/'")
        )
    lists, repeats = without_repeats([*lists, *beside])
    remarks += repeats
    splits = dict(annotations.splits)
    families = families_of(lists)
    if families and splits and MAIN in families:
        # lists that people made go before the splits that the captions name
        remarks.append(Remark(f"the splits of the lists are used, and not those in {some([f.name for f in used])}"))
    splits.update(families)
    if not splits and (by_folder := splits_by_folder(annotations.video_ids)):
        splits = {MAIN: by_folder}
        remarks.append(Remark("the splits are the folders before the names of the videos"))
    if splits and MAIN not in splits:
        splits = {MAIN: next(iter(splits.values())), **splits}
    chosen, absent = chosen_of(lists, annotations.captions)
    annotations = replace(
        annotations,
        splits=splits,
        chosen={**annotations.chosen, **chosen},
        remarks=[*annotations.remarks, *list_remarks(lists), *absent, *remarks],
    )
    splits_name = some([entry.name for entry in lists] or [name_in(path, folder) for path in used])
    return Reading(folder, used, form, annotations, splits_name, other_names, places)


def _with_folder(folder: Path, path: Path, annotations: Annotations) -> Annotations:
    """Return the annotations of a file in an inner folder, with that folder before the names of files that are there.

    `train/metadata.csv` may name `0001.mp4`, and `test/metadata.csv` another file of that name.
    """
    place = path.parent.relative_to(folder).as_posix()
    if place == "." or not any((path.parent / name).is_file() for name in annotations.video_ids[:_FIRST_NAMES]):
        return annotations
    return _renamed(
        annotations,
        {name: f"{place}/{name}" for name in annotations.video_ids if (path.parent / name).is_file()},
    )


def _places(folder: Path, parts: Mapping[Path, Annotations]) -> dict[Path, str]:
    """Return the path of each archive without its ending, where several archives have videos of one id."""
    count = Counter(name for part in parts.values() for name in part.video_ids)
    if max(count.values(), default=0) < 2:
        return {}
    return {path: path.relative_to(folder).with_name(path.name.partition(".tar")[0]).as_posix() for path in parts}


def _renamed(annotations: Annotations, ids: Mapping[str, str]) -> Annotations:
    """Return annotations with the ids of some videos changed."""
    return replace(
        annotations,
        captions=[
            replace(caption, video_id=ids.get(caption.video_id, caption.video_id)) for caption in annotations.captions
        ],
        splits={
            family: {split: [ids.get(name, name) for name in names] for split, names in splits.items()}
            for family, splits in annotations.splits.items()
        },
    )


def _together(folder: Path, parts: dict[Path, Annotations]) -> tuple[Annotations, list[SplitList], list[Path]]:
    """Return the captions of several files, their lists, and the files whose captions are used."""
    if len(parts) == 1:
        path, annotations = next(iter(parts.items()))
        split = split_and_family(name_in(path, folder))
        # a test set alone is no set to be divided
        is_test = split is not None and split[0] == "test" and not annotations.splits
        lists = [SplitList(path.name, "test", "", annotations.captioned_ids)] if is_test else []
        return annotations, lists, [path]
    lists = []
    for path, part in parts.items():
        split = split_and_family(name_in(path, folder))
        if split is not None and not part.splits:
            lists.append(SplitList(name_in(path, folder), *split, part.captioned_ids, part.captions))
    listed = {entry.name for entry in lists}
    # a file without a split in its name is the whole data set; the others are lists of it, or add to it
    order = sorted(parts, key=lambda path: (name_in(path, folder) in listed, -len(parts[path].captions)))
    captions: list[Caption] = []
    used: list[Path] = []
    videos: set[str] = set()
    splits: dict[str, dict[str, list[str]]] = {}
    remarks: list[Remark] = []
    for path in order:
        part = parts[path]
        described = {caption.video_id for caption in part.captions}
        remarks += part.remarks
        for family, by_split in part.splits.items():
            for split_name, names in by_split.items():
                mine = splits.setdefault(family, {}).setdefault(split_name, [])
                mine.extend(name for name in names if name not in set(mine))
        if len(described & videos) * 2 > len(described):
            lists = _checked_repeat(folder, path, part, captions, lists, remarks)
            continue
        videos |= described
        captions.extend(part.captions)
        used.append(path)
    return Annotations(captions=_renumbered(captions), splits=splits, remarks=remarks), lists, used


def _checked_repeat(
    folder: Path,
    path: Path,
    part: Annotations,
    captions: Sequence[Caption],
    lists: list[SplitList],
    remarks: list[Remark],
) -> list[SplitList]:
    """Keep a file that repeats the videos of others as a list, if its captions are among theirs; else leave it out."""
    read_before = {(caption.video_id, caption.text) for caption in captions}
    repeated = sum((caption.video_id, caption.text) in read_before for caption in part.captions)
    if repeated * 2 > len(part.captions):
        others = [caption.id for caption in part.captions if (caption.video_id, caption.text) not in read_before]
        if others:
            remarks.append(
                Remark(
                    f"{name_in(path, folder)} repeats the captions of another file; {len(others):,} further captions "
                    f"of it were left out ({some(others)})",
                    "give that file itself to read them",
                )
            )
        return lists
    remarks.append(
        Remark(
            f"{name_in(path, folder)} describes videos of another file in other words; it was left out",
            "give that file itself to read it",
        )
    )
    return [entry for entry in lists if entry.name != name_in(path, folder)]


def _renumbered(captions: Sequence[Caption]) -> list[Caption]:
    """Give captions of several files different ids."""
    ids: set[str] = set()
    count: Counter[str] = Counter()
    result = []
    for caption in captions:
        name = caption.id
        while name in ids:
            name = f"{caption.video_id}#{count[caption.video_id]}"
            count[caption.video_id] += 1
        ids.add(name)
        result.append(caption if name == caption.id else replace(caption, id=name))
    return result
