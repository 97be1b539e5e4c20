"""Finds the ids of a dataset for which the names in a container stand."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from teachtext.data.video_ids import plain
from teachtext.errors import InputError

_SHOWN = 3


@dataclass(frozen=True)
class NameMatch:
    """For which ids the names in a container stand.

    Attributes:
        ids: the id of every name; a name that stands for no id of the dataset is its own id.
        matched: number of names that stand for an id of the dataset.
        others: names that stand for none.
        missing: ids of the dataset for which no name stands.
    """

    ids: Mapping[str, str]
    matched: int
    others: Sequence[str]
    missing: Sequence[str]


def names_as_ids(names: Sequence[str], where: str) -> dict[str, str]:
    """Return an id for every name, where there is no dataset: that which a video file of this name would have.

    Raises:
        InputError: two names stand for one id.

    >>> names_as_ids(["clips/a.mp4", "clips/b"], "features")
    {'clips/a.mp4': 'a', 'clips/b': 'b'}
    """
    short = {name: _last_part(name) for name in names}
    ids = short if len(set(short.values())) == len(names) else {name: plain(name) for name in names}
    first: dict[str, str] = {}
    for name, item_id in ids.items():
        if first.setdefault(item_id, name) != name:
            raise _twice(where, first[item_id], name, item_id)
    return ids


def match_names(names: Sequence[str], ids: Collection[str], *, where: str) -> NameMatch:
    """Find the id of a dataset for which each name stands.

    A name stands for the id that is equal; or else for the id that is equal without the endings of videos and with
    composed accents; or else for the id whose last part, behind the folders, is equal.

    Args:
        names: of the items, each once.
        ids: of the dataset, each once.
        where: the container, for messages.

    Raises:
        InputError: two names stand for one id, or a name may stand for several ids.

    >>> match_names(["a.mp4", "day/b", "x"], ["a", "b", "c"], where="features")
    NameMatch(ids={'a.mp4': 'a', 'day/b': 'b', 'x': 'x'}, matched=2, others=['x'], missing=['c'])
    """
    left, wanted = list(names), dict.fromkeys(ids)
    matched: dict[str, str] = {}
    forms: Sequence[Callable[[str], str]] = (str, plain, _last_part)
    for form in forms:
        matches = _matches(left, list(wanted), form, where)
        matched |= matches
        left = [name for name in left if name not in matches]
        for item_id in matches.values():
            del wanted[item_id]
    return NameMatch({name: matched.get(name, name) for name in names}, len(matched), left, list(wanted))


def some(names: Iterable[str]) -> str:
    """Show the first names of many.

    >>> some(["a", "b", "c", "d"])
    "'a', 'b', 'c', ..."
    """
    listed = list(names)
    return ", ".join(f"'{name}'" for name in listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")


def _last_part(name: str) -> str:
    return plain(name).rpartition("/")[2]


def _twice(where: str, first: str, second: str, item_id: str) -> InputError:
    return InputError(
        f"{where}: '{first}' and '{second}' both stand for '{item_id}'", "keep one of them, or give the folder of one"
    )


def _matches(names: Sequence[str], ids: Sequence[str], form: Callable[[str], str], where: str) -> dict[str, str]:
    """Return the ids by name that are equal in a form."""
    by_form: dict[str, list[str]] = defaultdict(list)
    for item_id in ids:
        by_form[form(item_id)].append(item_id)
    matches: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in names:
        candidates = by_form.get(form(name), [])
        if len(candidates) > 1:
            raise InputError(f"{where}: '{name}' may stand for {some(candidates)}", "write the whole id")
        if candidates:
            if first.setdefault(candidates[0], name) != name:
                raise _twice(where, first[candidates[0]], name, candidates[0])
            matches[name] = candidates[0]
    return matches
