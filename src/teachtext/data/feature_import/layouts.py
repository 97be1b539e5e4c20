"""Finds the items in what a container holds: a mapping of ids, columns beside a column of ids, or a list of records."""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from teachtext.data.feature_import.content import Content, LazyMapping, StoredArray, kind_of
from teachtext.errors import InputError

_IDS = re.compile(r"(\w*_)?(ids?|names?|keys?|videos?|vids?)|(video|file|clip|vid)(ids?|names?)", re.I)
_TIMES = re.compile(r"times?(tamps?)?(_s)?|seconds?", re.I)
_LENGTHS = re.compile(r"(num_?)?(lengths?|lens?|n_?rows|n_?frames|frames_?count)|num_?(frames|rows)", re.I)
_FEATURES = re.compile(r".*(feat|emb|repr).*|x|values?|vectors?|data|arr_0|array|output", re.I)
_SHAPES = "store floats of shape (items, D) or (items, T, D)"
_SHOWN = 20


@dataclass(frozen=True)
class Record:
    """What is said of an item.

    Attributes:
        values: of its rows.
        times: seconds at which its rows begin, or begin and end; None where they are not known.
        length: number of rows that count, where the rest is padding; None where all count.
    """

    values: Content
    times: Content = None
    length: int | None = None


@dataclass(frozen=True)
class Items:
    """The items of a container.

    Attributes:
        names: by which the container calls them.
        read: reads the record of a name.
        key: name of the array that was chosen; empty where there was no choice.
        columns: whether the container has columns beside a column of ids.
    """

    names: Sequence[str]
    read: Callable[[str], Record]
    key: str = ""
    columns: bool = False


@dataclass(frozen=True)
class Choice:
    """Which array is wanted, where a container has several.

    Attributes:
        path: of the container, for messages.
        key: the name that the user gave; None where none was given.
        expert: name of the expert: chosen where an array has that name.
    """

    path: Path
    key: str | None = None
    expert: str | None = None

    def of(self, names: Iterable[str]) -> str | None:
        """Return the name that is wanted, or else the only name, or else the only one that sounds like features."""
        listed = list(names)
        wanted = self.key if self.key is not None else self.expert
        if wanted in listed:
            return wanted
        if self.key is not None:
            return None
        sounding = [name for name in listed if _FEATURES.fullmatch(name)]
        return next((group[0] for group in (listed, sounding) if len(group) == 1), None)

    def missing(self, names: Iterable[str]) -> InputError:
        """Return the error for a name that is not there."""
        wanted = self.key if self.key is not None else self.expert
        listed = _listed(names) or "(none)"
        if wanted is None:
            return InputError(f"{self.path} holds several arrays", f"give 'key', one of {listed}")
        return InputError(f"{self.path} has no array '{wanted}' with 'ids'", f"use one of {listed}")


def items_of(content: Content, choice: Choice) -> Items:
    """Find the items of a container.

    Raises:
        InputError: there are none, or the wanted array is not there.
    """
    if isinstance(content, Mapping):
        return _columns(content, choice) or _group(content, choice) or _by_name(content, choice)
    if _is_list(content) and content and all(isinstance(row, Mapping) for row in content):
        return _records(content, choice)
    raise InputError(
        f"{choice.path} holds no ids: it is a {kind_of(content)}",
        "give a folder with one such file a video, or one file that maps ids to arrays, or has 'ids' beside them",
    )


def _is_list(content: Content) -> bool:
    return isinstance(content, Sequence) and not isinstance(content, str | bytes)


def _columns(content: Mapping[str, Content], choice: Choice) -> Items | None:
    """Return the items of columns beside a column of ids; None where there is no such column."""
    if isinstance(content, LazyMapping) and content.items_only:
        return None
    texts = {name: _texts(content[name]) for name in content if _IDS.fullmatch(name)}
    columns = [(name, ids) for name, ids in texts.items() if ids is not None]
    # 'ids' before all others, which may be the id of a video
    columns.sort(key=lambda pair: pair[0] != "ids")
    if not columns and "ids" not in content:
        return None
    ids_name, ids = columns[0] if columns else ("ids", None)
    times, lengths = _named(content, _TIMES), _named(content, _LENGTHS)
    apart = {ids_name, times, lengths}
    arrays = [name for name in content if name not in apart and not _IDS.fullmatch(name)]
    key = choice.of(arrays)
    if key is None:
        if not arrays and ids_name != "ids":
            return None
        raise choice.missing(arrays)
    column = content[key]
    if ids is None or not _is_column(column, len(ids)):
        if ids_name != "ids" and choice.key is None:
            return None
        form = kind_of(column).replace("single array of", "type", 1)
        count = "ids of an odd shape" if ids is None else f"{len(ids)} ids"
        raise InputError(f"{choice.path}: array '{key}' ({form}) does not fit its {count}", _SHAPES)
    if len(set(ids)) < len(ids):
        raise InputError(f"{choice.path} has repeated ids", "keep one row an id")
    read_values, read_times = _parts(column), None if times is None else _parts(content[times])
    counts = None if lengths is None else _numbers(content[lengths], f"{choice.path}: '{lengths}'", len(ids))
    places = {name: place for place, name in enumerate(ids)}

    def read(name: str) -> Record:
        place = places[name]
        return Record(
            read_values(place),
            None if read_times is None else read_times(place),
            None if counts is None else counts[place],
        )

    return Items(ids, read, key, columns=True)


def _texts(content: Content) -> list[str] | None:
    """Return a list of ids as texts: of texts, of bytes, or of whole numbers; None for anything else."""
    if isinstance(content, StoredArray):
        if len(content.shape) != 1 or content.dtype.kind not in "USiuO":
            return None
        content = content.read().tolist()
    if not _is_list(content) or not all(isinstance(item, str | bytes | int) for item in content):
        return None
    return [item.decode(errors="replace") if isinstance(item, bytes) else str(item) for item in content]


def _named(content: Mapping[str, Content], pattern: re.Pattern[str]) -> str | None:
    return next((name for name in content if pattern.fullmatch(name)), None)


def _is_column(content: Content, count: int) -> bool:
    if isinstance(content, StoredArray):
        return len(content.shape) in (2, 3) and content.shape[0] == count and content.dtype.kind in "fV"
    return _is_list(content) and len(content) == count


def _parts(content: Content) -> Callable[[int], Content]:
    parts = content.parts() if isinstance(content, StoredArray) and content.shape else content
    if not _is_list(parts):
        raise InputError(f"a column is a {kind_of(content)}", _SHAPES)
    return lambda place: parts[place]


def _numbers(content: Content, where: str, count: int) -> list[int]:
    values = content.read().tolist() if isinstance(content, StoredArray) else content
    if not _is_list(values) or len(values) != count or not all(isinstance(value, int) for value in values):
        raise InputError(f"{where} is not {count} whole numbers", "give the number of rows of each item")
    return list(values)


def _group(content: Mapping[str, Content], choice: Choice) -> Items | None:
    """Return the items inside the mapping that is wanted, or inside the only one; None where there is none."""
    if isinstance(content, LazyMapping) and content.items_only:
        return None
    names = list(content)
    wanted = choice.key if choice.key is not None else choice.expert
    if wanted in names:
        inner = content[wanted]
        if isinstance(inner, Mapping) or (_is_list(inner) and inner and isinstance(inner[0], Mapping)):
            items = items_of(inner, Choice(choice.path))
            return Items(items.names, items.read, wanted or "", items.columns)
        if choice.key is not None:
            raise choice.missing(name for name in names if name != wanted)
    if len(names) == 1 and isinstance(content[names[0]], Mapping) and _record(content[names[0]], choice) is None:
        return items_of(content[names[0]], choice)
    return None


def _by_name(content: Mapping[str, Content], choice: Choice) -> Items:
    """Return the items of a mapping from ids to arrays or records; inner mappings are folders of items."""
    leaves: dict[str, Callable[[], Content]] = {}
    grouped: dict[str, set[str]] = {}
    only_items = isinstance(content, LazyMapping) and content.items_only

    def collect(inner: Mapping[str, Content], prefix: str) -> None:
        for name in inner:
            value = None if only_items else inner[name]
            if isinstance(value, Mapping) and _record(value, choice) is None:
                grouped[f"{prefix}{name}"] = set(value)
                collect(value, f"{prefix}{name}/")
            else:
                leaves[f"{prefix}{name}"] = partial(inner.__getitem__, name)

    collect(content, "")
    keys = _keys_of_records(grouped)
    if keys:
        key = choice.of(keys)
        if key is None:
            raise InputError(f"{choice.path} holds several arrays of each video", f"give 'key', one of {_listed(keys)}")
        return _by_name(content, Choice(choice.path, key=key))
    _refuse_several(grouped, choice)
    if not leaves:
        raise InputError(f"{choice.path} holds no features", "give a file that maps ids to arrays")

    def read(name: str) -> Record:
        value = leaves[name]()
        record = _record(value, choice) if isinstance(value, Mapping) else Record(value)
        if record is None:
            raise choice.missing(value)
        return record

    return Items(list(leaves), read, choice.key or "")


def _keys_of_records(grouped: Mapping[str, set[str]]) -> list[str]:
    """Return the names that each of many inner mappings has: the arrays of a video; empty where they are videos."""
    ends = [names for group, names in grouped.items() if not any(f"{group}/{name}" in grouped for name in names)]
    same = len(ends) > 1 and all(names == ends[0] for names in ends) and len(ends[0]) < len(ends)
    return sorted(ends[0]) if same else []


def _refuse_several(grouped: Mapping[str, set[str]], choice: Choice) -> None:
    """Raise InputError where several inner mappings name the same items: each is an expert of its own."""
    tops = [group for group in grouped if "/" not in group]
    if any(grouped[a] & grouped[b] for a, b in itertools.pairwise(tops)):
        raise InputError(f"{choice.path} holds several groups of the same items", f"give 'key', one of {_listed(tops)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:_SHOWN])


def _records(rows: Sequence[Mapping[str, Content]], choice: Choice) -> Items:
    """Return the items of a list of mappings, each with the id of a video and its features."""
    ids_name = next((name for name in rows[0] if _IDS.fullmatch(name) and isinstance(rows[0][name], str | int)), None)
    if ids_name is None:
        raise InputError(f"{choice.path} is a list of records without 'id'", f"add it; there is {_listed(rows[0])}")
    by_id: dict[str, Mapping[str, Content]] = {}
    for row in rows:
        name = str(row.get(ids_name))
        if name in by_id:
            raise InputError(f"{choice.path} names '{name}' twice", "keep one record an id")
        by_id[name] = row

    def read(name: str) -> Record:
        fields = {field: value for field, value in by_id[name].items() if field != ids_name}
        record = _record(fields, choice)
        if record is None:
            raise choice.missing(fields)
        return record

    return Items(list(by_id), read, choice.key or "")


def _record(value: Content, choice: Choice) -> Record | None:
    """Return the record of a video that has its own mapping; None where the mapping is no record."""
    if not isinstance(value, Mapping):
        return Record(value)
    times, lengths = _named(value, _TIMES), _named(value, _LENGTHS)
    arrays = [name for name in value if name not in (times, lengths)]
    wanted = choice.key if choice.key is not None else choice.expert
    sounding = [name for name in arrays if _FEATURES.fullmatch(name)]
    if wanted in arrays:
        inner = value[wanted]
        if isinstance(inner, Mapping):
            return _record(inner, Choice(choice.path))
        name = wanted
    elif choice.key is None and len(sounding) == 1:
        name = sounding[0]
    elif choice.key is None and len(arrays) == 1 and times is not None:
        name = arrays[0]
    else:
        return None
    length = None if lengths is None else _length(value[lengths])
    return Record(value[name], None if times is None else value[times], length)


def _length(content: Content) -> int | None:
    value = content.read().tolist() if isinstance(content, StoredArray) and not content.shape else content
    return value if isinstance(value, int) and not isinstance(value, bool) else None
