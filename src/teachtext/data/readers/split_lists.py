"""Lists of video ids beside the captions: `train_list.txt`, `val.csv`, `splits/test.json`, the lists of 1k-A, 1k-B."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from teachtext.data.protocol import Caption
from teachtext.data.readers.annotations import MAIN, Remark, some
from teachtext.data.readers.columns import find_columns
from teachtext.data.readers.delimited_rows import split_cells
from teachtext.data.readers.source import ABSENT, SourceFile
from teachtext.data.readers.split_names import split_of, without_shard, words_of
from teachtext.data.readers.tables import DELIMITERS
from teachtext.data.video_files import is_video_name
from teachtext.errors import InputError

# MSR-VTT's lists are known by the names of their authors and by the number of training videos
_FAMILIES = (
    ("1k-b", re.compile(r"1kb|miech")),
    ("1k-a-7k", re.compile(r"(?<!\d)7k")),
    ("1k-a", re.compile(r"1ka|jsfusion|(?<!\d)9k|(?<!\d)1k")),
)
_BENCHMARKS = frozenset(family for family, _ in _FAMILIES)
_IDLE_WORDS = frozenset({"list", "split", "set", "id", "video", "annotation", "caption", "data", "part"})
_ORDER = ("train", "val", "val1", "val2", "test")


@dataclass(frozen=True)
class SplitList:
    """A list of the videos of a split.

    Attributes:
        name: path of the file in its folder, for messages.
        split: such as `train`, `val`, `val1` or `test`.
        family: the lists that belong together have the same family.
        ids: the video ids, each once.
        captions: captions of the videos, where the list has them.
    """

    name: str
    split: str
    family: str
    ids: Sequence[str]
    captions: Sequence[Caption] = field(default=())


def split_and_family(name: str) -> tuple[str, str] | None:
    """Return the split and the family that a path names; None where the path names no split, or two.

    Example:
        >>> split_and_family("train_list.txt"), split_and_family("MSRVTT_JSFUSION_test.csv")
        (('train', ''), ('test', '1k-a'))
        >>> split_and_family("splits/val_2.json"), split_and_family("train_val_videodatainfo.json")
        (('val2', ''), None)
        >>> split_and_family("data/train-00000-of-00002.parquet")
        ('train', '')
    """
    path = Path(name)
    stem = without_shard(path)
    for place in (stem, path.parent.name):
        words = list(words_of(place))
        named = [(at, split) for at, word in enumerate(words) if (split := split_of(word))]
        if len({split for _, split in named}) == 1:
            at, split = named[0]
            # ActivityNet has two validation sets
            following = words[at + 1 : at + 2] if split == "val" else []
            number = next((word for word in following if re.fullmatch("[1-9]", word)), "")
            return split + number, _family(stem, path.parent.name)
        if named:
            return None
    return None


def read_ids(source: SourceFile) -> list[str] | None:
    """Return the video ids of a list: an id a line, all in one line, a column of a table, or a JSON list; else None."""
    content = source.document
    if content is not ABSENT:
        is_list = isinstance(content, list) and bool(content) and all(isinstance(item, str) for item in content)
        return list(dict.fromkeys(content)) if is_list else None
    lines = source.first_lines
    if not lines or source.json_problem or source.first_object is not None:
        return None
    column = _id_column(lines[0])
    if column is not None:
        delimiter, position = column
        rows = [split_cells(line, delimiter) for _, line in source.lines() if line.strip()]
        ids = [row[position] for row in rows[1:] if position < len(row) and row[position]]
    elif len(lines) == 1 and all(_is_id(word) for word in re.split(r"[,;\s]+", lines[0].strip())):
        ids = re.split(r"[,;\s]+", lines[0].strip())
    elif all(_is_id(line.strip()) for line in lines):
        ids = [line.strip() for _, line in source.lines() if line.strip()]
    else:
        return None
    return list(dict.fromkeys(ids))


def read_splits_document(content: object) -> dict[str, list[str]] | None:
    """Return the splits of an object of lists of ids by split; None for other content."""
    if not isinstance(content, dict) or not content or not all(split_of(key) for key in content):
        return None
    if not all(isinstance(ids, list) and all(isinstance(name, str) for name in ids) for ids in content.values()):
        return None
    return {split_of(key) or key: list(dict.fromkeys(ids)) for key, ids in content.items()}


def families_of(lists: Sequence[SplitList]) -> dict[str, dict[str, list[str]]]:
    """Put lists together: the video ids of each split, by the name of the splits.

    Parts of a split become one list. Lists without a benchmark's name are the main splits where those of one split
    agree. Of 1k-A and 1k-B, the list called val is the test set where there is no other: their authors select no
    epoch.

    Raises:
        InputError: two different lists of one split.
    """
    lists = _joined_parts(lists)
    plain = [listed for listed in lists if listed.family not in _BENCHMARKS]
    is_single = len({listed.split for listed in plain}) == len(
        {(listed.split, frozenset(listed.ids)) for listed in plain}
    )
    listings: dict[tuple[str, str], SplitList] = {}
    for listed in lists:
        family = MAIN if listed in plain and (is_single or not listed.family) else listed.family
        other = listings.setdefault((family, listed.split), listed)
        if set(other.ids) != set(listed.ids):
            raise InputError(
                f"{other.name} ({len(other.ids):,} videos) and {listed.name} ({len(listed.ids):,} videos) are both "
                f"lists of '{listed.split}'",
                "keep one of them, or write splits.json",
            )
    families: dict[str, dict[str, list[str]]] = {}
    for (family, split), listed in listings.items():
        families.setdefault(family, {})[split] = list(listed.ids)
    _complete_benchmarks(families)
    return {family: _ordered(splits) for family, splits in sorted(families.items(), key=lambda item: item[0] != MAIN)}


def without_repeats(lists: Sequence[SplitList]) -> tuple[list[SplitList], list[Remark]]:
    """Leave out a list of all validation videos where the lists of their parts are there, as ActivityNet has them.

    Returns:
        The other lists, and a remark on each that is left out.
    """
    kept, remarks = [], []
    for listed in lists:
        parts = [part for part in lists if part.split != listed.split and part.split.rstrip("12") == listed.split]
        if parts and set(listed.ids) <= {video_id for part in parts for video_id in part.ids}:
            remarks.append(Remark(f"{listed.name} repeats the videos of {some([part.name for part in parts])}"))
        else:
            kept.append(listed)
    return kept, remarks


def list_remarks(lists: Sequence[SplitList]) -> list[Remark]:
    """Return the remark on the lists that are used."""
    used = [f"{listed.name} ({listed.split}, {len(listed.ids):,} videos)" for listed in lists]
    return [Remark(f"splits from {', '.join(used)}")] if used else []


def chosen_of(
    lists: Sequence[SplitList], captions: Sequence[Caption]
) -> tuple[dict[str, dict[str, str]], list[Remark]]:
    """Return which caption of each video a list names as its query, by family, for lists that have captions.

    Returns:
        Caption ids by video id, by family; and remarks on captions that are not among those of their video.
    """
    by_text: dict[tuple[str, str], str] = {}
    for caption in captions:
        by_text.setdefault((caption.video_id, _folded(caption.text)), caption.id)
    chosen: dict[str, dict[str, str]] = {}
    remarks = []
    for listed in lists:
        if listed.family not in _BENCHMARKS or len(listed.captions) != len(listed.ids):
            continue
        names = {
            caption.video_id: by_text.get((caption.video_id, _folded(caption.text))) for caption in listed.captions
        }
        absent = [video_id for video_id, caption_id in names.items() if caption_id is None]
        if absent:
            remarks.append(
                Remark(
                    f"{listed.name}: {len(absent):,} queries are not captions of their video ({some(absent)})",
                    "look whether the list and the captions are of one data set",
                )
            )
        chosen.setdefault(listed.family, {}).update(
            {video_id: caption_id for video_id, caption_id in names.items() if caption_id is not None}
        )
    return chosen, remarks


def _joined_parts(lists: Sequence[SplitList]) -> list[SplitList]:
    """Join the parts of a split: shards of one name, and files of captions, without a common video."""
    joined: dict[tuple[str, str], SplitList] = {}
    others = []
    for listed in lists:
        whole = joined.get((listed.family, listed.split))
        if whole is None:
            joined[listed.family, listed.split] = listed
        elif _are_parts(whole, listed):
            joined[listed.family, listed.split] = replace(
                whole, ids=[*whole.ids, *listed.ids], captions=[*whole.captions, *listed.captions]
            )
        else:
            others.append(listed)
    return [*joined.values(), *others]


def _are_parts(first: SplitList, second: SplitList) -> bool:
    paths = Path(first.name), Path(second.name)
    names = {path.with_name(without_shard(path) + path.suffix) for path in paths}
    return (len(names) == 1 or bool(first.captions and second.captions)) and set(first.ids).isdisjoint(second.ids)


def _complete_benchmarks(families: dict[str, dict[str, list[str]]]) -> None:
    seven = families.pop("1k-a-7k", None)
    if seven is not None and "train" not in families.get("1k-a", {}):
        families["1k-a"] = seven | families.get("1k-a", {})
    elif seven is not None:
        families["1k-a-7k"] = {split: ids for split, ids in families["1k-a"].items() if split != "train"} | seven
    for family in ("1k-a", "1k-a-7k", "1k-b"):
        splits = families.get(family, {})
        if "val" in splits and "test" not in splits:
            splits["test"] = splits.pop("val")


def _ordered(splits: Mapping[str, list[str]]) -> dict[str, list[str]]:
    rest = [split for split in splits if split not in _ORDER]
    return {split: splits[split] for split in (*_ORDER, *rest) if split in splits}


def _family(stem: str, folder: str) -> str:
    for place in (stem, folder):
        plain = re.sub(r"[\W_]+", "", place.lower())
        for family, pattern in _FAMILIES:
            if pattern.search(plain):
                return family
    words = [word for word in words_of(stem) if not split_of(word) and word.rstrip("s") not in _IDLE_WORDS]
    return "-".join(word for word in words if not re.fullmatch("[1-9]", word))


def _id_column(line: str) -> tuple[str, int] | None:
    for delimiter in DELIMITERS:
        header = split_cells(line, delimiter)
        columns = find_columns(header)
        if columns is not None and columns.text is None:
            return delimiter, header.index(columns.video)
    return None


def _is_id(line: str) -> bool:
    return bool(line) and (not re.search(r"[\s,;|]", line) or is_video_name(line))


def _folded(text: str) -> str:
    return " ".join(text.lower().split())
