"""Filters as people write them: `duration<=30`, `added>=2026-01-31`, `tag=fun`, `speech=yes`, `id=clips/dog.mp4`."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from teachtext.errors import InputError
from teachtext.search.types import EVERYTHING, Filter

_FORM = re.compile(r"\s*(?P<key>\w+)\s*(?P<sign><=|>=|<|>|=)\s*(?P<value>.*\S)\s*", re.DOTALL)
_YES_NO: Mapping[str, bool] = {"yes": True, "no": False}
_HELP = "write duration<=30, added>=2026-01-31, tag=<tag>, speech=yes or id=<id>"


def parse_filters(told: Sequence[str]) -> Filter:
    """Read filters; a video has to meet all of them, but be only one of the ids.

    Raises:
        InputError: one that is not understood.
    """
    asked = EVERYTHING
    for one in told:
        match = _FORM.fullmatch(one)
        if match is None:
            raise InputError(f"filter '{one}' is not understood", _HELP)
        try:
            asked = _with(asked, match["key"], match["sign"], match["value"])
        except (ValueError, OverflowError, KeyError) as error:
            raise InputError(f"filter '{one}' is not understood", _HELP) from error
    return asked


def _with(asked: Filter, key: str, sign: str, value: str) -> Filter:
    match key, sign:
        case "duration", "<" | "<=" | ">" | ">=":
            return _bounded(asked, "shortest_s", "longest_s", sign, _number(value))
        case "added", "<" | "<=" | ">" | ">=":
            begin = datetime.combine(date.fromisoformat(value), datetime.min.time())
            # a whole day: after it is from the next one on, until it is up to its end
            moment = begin + timedelta(days=1) if sign in ("<=", ">") else begin
            return _bounded(asked, "added_from_s", "added_until_s", ">=" if ">" in sign else "<", moment.timestamp())
        case "tag", "=":
            return _replaced(asked, tags=(*asked.tags, value))
        case "speech", "=":
            return _replaced(asked, has_speech=_YES_NO[value.casefold()])
        case "id", "=":
            return _replaced(asked, ids=(*(asked.ids or ()), value))
    raise KeyError(key)


def _bounded(asked: Filter, least: str, most: str, sign: str, value: float) -> Filter:
    """Return a filter with one more bound; bounds of a filter are inclusive."""
    if sign == "<":
        value = math.nextafter(value, -math.inf)
    if sign == ">":
        value = math.nextafter(value, math.inf)
    name, choose = (least, max) if ">" in sign else (most, min)
    before = getattr(asked, name)
    return _replaced(asked, **{name: value if before is None else choose(before, value)})


def _replaced(asked: Filter, **changes: object) -> Filter:
    return Filter(**{**vars(asked), **changes})


def _number(value: str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number
