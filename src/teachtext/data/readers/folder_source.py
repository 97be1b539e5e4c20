"""Reads the caption files and split lists of a folder: which files belong together, and what each of them is."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from teachtext.data.protocol import Caption
from teachtext.data.readers.annotations import MAIN, Annotations, Remark, some
from teachtext.data.readers.format import Format
from teachtext.data.readers.registry import FORMATS, format_named, formats_of, not_understood, read_file, seen
from teachtext.data.readers.source import SourceFile
from teachtext.data.readers.split_lists import (
    SplitList,
    chosen_of,
    families_of,
    list_remarks,
    read_ids,
    read_splits_document,
    split_and_family,
    splits_by_folder,
    without_repeats,
)
from teachtext.data.video_ids import plain
from teachtext.errors import InputError

CAPTION_FILES = ("captions.jsonl", "captions.csv", "captions.json")
"""The files that a dataset folder written for TeachText has; one of them goes before all others."""

_ENDINGS = frozenset(
    {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".lst", ".list", ".pkl", ".pickle", ".parquet", ""}
)
_SHARDS = ".tar"
_OWN = ("splits*.json", "chosen*.json", "questions.json", "wrong-captions.json", "import.json", "config.json", "*.md")
_OWN_FOLDERS = frozenset({"features", "denoising", "teachers", "runs", "models", "index"})
_MOST_FILES = 300
_FIRST_NAMES = 100
_LARGEST_LIST = 32 * 2**20


@dataclass(frozen=True)
class Reading:
    """What was read from a file or folder.

    Attributes:
        folder: the folder, or that of the file.
        files: the caption files.
        form: their format.
        annotations: what they say, with the splits of lists beside them.
        splits_name: the names of the files that name the splits.
    """

    folder: Path
    files: Sequence[Path]
    form: Format
    annotations: Annotations
    splits_name: str

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
    form = format_named(name) if name is not None else None
    folder = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else _caption_files(folder, form)
    parts = {file: read_file(file, name) for file in files}
    parts = {file: (form, _with_folder(folder, file, read)) for file, (form, read) in parts.items()}
    form = form or next(iter(parts.values()))[0]
    annotations, lists, used = _together(folder, {file: read for file, (_, read) in parts.items()})
    beside, remarks = _lists_beside(folder, parts, annotations)
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
    splits_name = some([entry.name for entry in lists] or [_name(path, folder) for path in used])
    return Reading(folder, used, form, annotations, splits_name)


def _with_folder(folder: Path, path: Path, annotations: Annotations) -> Annotations:
    """Return the annotations of a file in an inner folder, with that folder before the names of files that are there.

    `train/metadata.csv` may name `0001.mp4`, and `test/metadata.csv` another file of that name.
    """
    place = path.parent.relative_to(folder).as_posix()
    if place == "." or not any((path.parent / name).is_file() for name in annotations.video_ids[:_FIRST_NAMES]):
        return annotations
    placed = {name: f"{place}/{name}" for name in annotations.video_ids if (path.parent / name).is_file()}
    return replace(
        annotations,
        captions=[
            replace(caption, video_id=placed.get(caption.video_id, caption.video_id))
            for caption in annotations.captions
        ],
        splits={
            family: {split: [placed.get(name, name) for name in names] for split, names in splits.items()}
            for family, splits in annotations.splits.items()
        },
    )


def _caption_files(folder: Path, wanted: Format | None) -> list[Path]:
    """Return the caption files of a folder.

    Raises:
        InputError: there is none, or there are several of different formats.
    """
    native = [folder / file for file in CAPTION_FILES if (folder / file).is_file()]
    if len(native) > 1:
        names = ", ".join(path.name for path in native)
        raise InputError(f"{folder} has several captions files: {names}", f"keep exactly one of {names}")
    if native:
        return native
    candidates = list(_candidates(folder))
    forms = {path: _formats(SourceFile(path), wanted) for path in candidates}
    captioned = [path for path in candidates if forms[path]]
    if not captioned:
        raise _nothing(folder, candidates, wanted)
    certain = [path for path in captioned if not any(form.is_general for form in forms[path])]
    captioned = certain or captioned
    kinds = Counter(form.name for path in captioned for form in forms[path])
    if len(kinds) > 1 and certain:
        names = ", ".join(f"{_name(path, folder)} ({forms[path][0].name})" for path in captioned)
        raise InputError(f"{folder} has captions in several formats: {names}", "choose with --format, or give a file")
    unsplit = [path for path in captioned if split_and_family(_name(path, folder)) is None]
    if len(unsplit) > 1 and not certain:
        names = some([_name(path, folder) for path in unsplit])
        raise InputError(f"{folder} has {len(unsplit)} files of captions: {names}", "give the one that you mean")
    return captioned


def _formats(source: SourceFile, wanted: Format | None) -> list[Format]:
    try:
        forms = formats_of(source) if wanted is None else [wanted]
        return [form for form in forms if form.recognises(source)]
    except InputError:
        return []  # too large or damaged: not a file of captions


def _together(folder: Path, parts: dict[Path, Annotations]) -> tuple[Annotations, list[SplitList], list[Path]]:
    """Return the captions of several files, their lists, and the files whose captions are used."""
    if len(parts) == 1:
        path, annotations = next(iter(parts.items()))
        split = split_and_family(_name(path, folder))
        # a test set alone is no set to be divided
        is_test = split is not None and split[0] == "test" and not annotations.splits
        lists = [SplitList(path.name, "test", "", annotations.captioned_ids)] if is_test else []
        return annotations, lists, [path]
    lists = []
    for path, part in parts.items():
        split = split_and_family(_name(path, folder))
        if split is not None and not part.splits:
            lists.append(SplitList(_name(path, folder), *split, part.captioned_ids, part.captions))
    listed = {entry.name for entry in lists}
    # a file without a split in its name is the whole data set; the others are lists of it, or add to it
    order = sorted(parts, key=lambda path: (_name(path, folder) in listed, -len(parts[path].captions)))
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
        return lists
    remarks.append(
        Remark(
            f"{_name(path, folder)} describes videos of another file in other words; it was left out",
            "give that file itself to read it",
        )
    )
    return [entry for entry in lists if entry.name != _name(path, folder)]


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


def _lists_beside(
    folder: Path, read: Collection[Path], annotations: Annotations
) -> tuple[list[SplitList], list[Remark]]:
    """Return the lists of videos beside the caption files `read`, and remarks on files that are not used."""
    videos = {_stem(video_id) for video_id in annotations.video_ids}
    lists: list[SplitList] = []
    ignored: list[str] = []
    for path in _candidates(folder):
        if path in read or path.stat().st_size > _LARGEST_LIST:
            continue
        name, source = _name(path, folder), SourceFile(path)
        split = split_and_family(name)
        ids, captions = _ids_and_captions(source)
        if ids and split and any(_stem(entry) in videos for entry in ids):
            lists.append(SplitList(name, *split, ids, captions))
        elif ids and sum(_stem(entry) in videos for entry in ids) * 2 > len(ids):
            ignored.append(f"{name} ({len(ids):,} videos)")
        elif by_split := read_splits_document(source.document):
            lists += [SplitList(name, key, "", value) for key, value in by_split.items()]
        elif ids and split:
            ignored.append(f"{name} ({len(ids):,} videos, none of them has a caption)")
        elif split:
            ignored.append(f"{name} ({seen(source)})")
    remarks = [
        Remark(
            f"{folder.name}: {len(ignored):,} files beside the captions are not used: {some(ignored)}",
            "name a list by its split, such as train.txt, with an id a line; or write splits.json",
        )
    ]
    return lists, remarks if ignored else []


def _ids_and_captions(source: SourceFile) -> tuple[list[str] | None, Sequence[Caption]]:
    try:
        ids = read_ids(source)
        if ids is not None:
            return ids, ()
        forms = formats_of(source)
        if len(forms) != 1:
            return None, ()
        captions = forms[0].read(source).captions
    except InputError:
        return None, ()
    return list(dict.fromkeys(caption.video_id for caption in captions)), captions


def _candidates(folder: Path, depth: int = 2) -> Iterator[Path]:
    """Yield the files of a folder that may hold captions or lists, sorted; at most 300 of a folder."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    files = [path for path in entries if path.is_file() and not _is_own(path)]
    yield from [path for path in files if path.suffix.lower() in _ENDINGS][:_MOST_FILES]
    yield from (path for path in files if path.suffix.lower() == _SHARDS)
    for path in entries:
        if depth > 0 and path.is_dir() and not path.name.startswith(".") and path.name not in _OWN_FOLDERS:
            # captions often lie among the videos, but not one folder further
            yield from _candidates(path, depth - 1 if path.name != "videos" else 0)


def _is_own(path: Path) -> bool:
    return path.name.startswith(".") or any(path.match(pattern) for pattern in _OWN)


def _nothing(folder: Path, candidates: Collection[Path], wanted: Format | None) -> InputError:
    """Return the error for a folder without captions: what is there, and what the largest file holds."""
    names = some([_name(path, folder) for path in candidates]) if candidates else "no text, csv or json file"
    problem = f"{folder} has no captions file{f' that is {wanted.title}' if wanted else ''}: there is {names}"
    if wanted is not None or not candidates:
        return InputError(problem, f"write for example captions.jsonl, with lines such as {FORMATS['records'].shows}")
    error = not_understood(SourceFile(max(candidates, key=lambda path: path.stat().st_size)))
    return InputError(f"{problem}; {error.problem}", error.mend)


def _stem(video_id: str) -> str:
    return plain(video_id).rpartition("/")[2]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
