"""Filters of a search, and how people write them: `duration<=30`, `added>=2026-01-31`, `tag=fun`, `speech=yes`."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from teachtext.errors import InputError
from teachtext.search.types import Item

_FORM = re.compile(r"\s*(?P<key>\w+)\s*(?P<sign><=|>=|<|>|=)\s*(?P<value>.*\S)\s*", re.DOTALL)
_YES_NO: Mapping[str, bool] = {"yes": True, "no": False}
_HELP = "write duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>"


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which videos a search looks at: those that meet all conditions. Bounds are inclusive.

    Args:
        shortest_s: seconds. A bound on the length leaves out videos whose length is unknown.
        longest_s: seconds.
        added_from_s: seconds since 1970.
        added_until_s: seconds since 1970.
        tags: the video has all of them.
        has_speech: words were heard in the video, or not.
        ids: the video is one of them.
        without: the video is none of them.

    Raises:
        InputError: a bound is not finite.
    """

    shortest_s: float | None = None
    longest_s: float | None = None
    added_from_s: float | None = None
    added_until_s: float | None = None
    tags: Collection[str] = ()
    has_speech: bool | None = None
    ids: Collection[str] | None = None
    without: Collection[str] = ()

    def __bool__(self) -> bool:
        """Whether there is any condition."""
        return bool(self.tags or self.bounds or self.without) or self.has_speech is not None or self.ids is not None

    def __post_init__(self) -> None:
        if not all(math.isfinite(bound) for _, _, bound in self.bounds):
            raise InputError("a bound of a filter is not finite", "give a number of seconds, or leave it out")

    @property
    def bounds(self) -> list[tuple[str, str, float]]:
        """The bounds: name of the attribute of `Item`, `>=` or `<=`, seconds."""
        bounds = (
            ("duration_s", ">=", self.shortest_s),
            ("duration_s", "<=", self.longest_s),
            ("added_s", ">=", self.added_from_s),
            ("added_s", "<=", self.added_until_s),
        )
        return [(name, sign, value) for name, sign, value in bounds if value is not None]

    def admits(self, item: Item) -> bool:
        """Return whether a video meets all conditions.

        >>> dog = Item(id="clips/dog.mp4", content="", made="", added_s=0, size=9, duration_s=12, tags=("fun",))
        >>> Filter(longest_s=30, tags=["fun"]).admits(dog), Filter(shortest_s=30).admits(dog)
        (True, False)
        """
        for name, sign, bound in self.bounds:
            value = getattr(item, name)
            if value is None or not (value >= bound if sign == ">=" else value <= bound):
                return False
        return (
            set(self.tags) <= set(item.tags)
            and (self.has_speech is None or item.has_speech == self.has_speech)
            and (self.ids is None or item.id in self.ids)
            and item.id not in self.without
        )


EVERYTHING = Filter()


def parse_filters(texts: Sequence[str]) -> Filter:
    """Parse filters. A video has to meet all of them; of several ids, it has to be one.

    Raises:
        InputError: a text is not understood.

    >>> parse_filters(["duration<=30", "tag=fun"]).longest_s
    30.0
    """
    where = EVERYTHING
    for text in texts:
        match = _FORM.fullmatch(text)
        if match is None:
            raise InputError(f"filter '{text}' is not understood", _HELP)
        try:
            where = _with(where, match["key"], match["sign"], match["value"])
        except (ValueError, OverflowError, KeyError) as error:
            raise InputError(f"filter '{text}' is not understood", _HELP) from error
    return where


def _with(where: Filter, key: str, sign: str, value: str) -> Filter:
    match key, sign:
        case "duration", "<" | "<=" | ">" | ">=":
            return _bounded(where, "shortest_s", "longest_s", sign, _number(value))
        case "added", "<" | "<=" | ">" | ">=":
            midnight = datetime.combine(date.fromisoformat(value), datetime.min.time())
            # a date is a whole day: `>` begins with the next day, `<=` ends with this day
            moment = midnight + timedelta(days=1) if sign in ("<=", ">") else midnight
            return _bounded(where, "added_from_s", "added_until_s", ">=" if ">" in sign else "<", moment.timestamp())
        case "tag", "=":
            return replace(where, tags=(*where.tags, value))
        case "speech", "=":
            return replace(where, has_speech=_YES_NO[value.casefold()])
        case "id", "=":
            return replace(where, ids=(*(where.ids or ()), value))
    raise KeyError(key)


def _bounded(where: Filter, lower: str, upper: str, sign: str, value: float) -> Filter:
    """Return a filter with a further bound. Bounds are inclusive, so `<` takes the next smaller number."""
    if sign == "<":
        value = math.nextafter(value, -math.inf)
    if sign == ">":
        value = math.nextafter(value, math.inf)
    name, narrower = (lower, max) if ">" in sign else (upper, min)
    before = getattr(where, name)
    changes: dict[str, Any] = {name: value if before is None else narrower(before, value)}
    return replace(where, **changes)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
