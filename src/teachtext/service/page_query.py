"""A search as the address of a page states it: the query, filters, order and page."""

import math
from dataclasses import replace
from datetime import date
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from teachtext.errors import InputError
from teachtext.search import RankBy
from teachtext.search.filters import Filter, parse_filters
from teachtext.search.types import Item
from teachtext.service.overview import Overview
from teachtext.service.rendering import duration
from teachtext.service.state import DEEPEST, SHOWN

Order = Literal["newest", "oldest", "longest", "shortest", "name"]
ORDERS: dict[Order, str] = {
    "newest": "newest first",
    "oldest": "oldest first",
    "longest": "longest first",
    "shortest": "shortest first",
    "name": "by name",
}


class Condition(NamedTuple):
    """A filter that is set: its words, and the query string of the search without it."""

    label: str
    without: str


class PageQuery(BaseModel):
    """A search as the address of a page states it. An empty field is no condition."""

    q: str = ""
    by: RankBy = "both"
    shortest: str = ""
    longest: str = ""
    after: str = ""
    before: str = ""
    tag: list[str] = Field([], max_length=50)
    folder: str = ""
    speech: Literal["", "yes", "no"] = ""
    copies: Literal["", "all"] = ""
    sort: Order = "newest"
    debug: str | None = None
    page: int = Field(1, ge=1, le=DEEPEST)

    @property
    def first(self) -> int:
        """Place of the first result, from 0."""
        return (self.page - 1) * SHOWN

    @property
    def tags(self) -> list[str]:
        """The tags, without empty fields."""
        return [tag for tag in self.tag if tag]

    def where(self, overview: Overview) -> Filter:
        """Return the filter.

        Raises:
            InputError: a length is no number, or a day is no date.
        """
        texts = [
            f"duration>={_seconds(self.shortest)!r}" if self.shortest else "",
            f"duration<={_seconds(self.longest)!r}" if self.longest else "",
            f"added>={_day(self.after)}" if self.after else "",
            f"added<={_day(self.before)}" if self.before else "",
            f"speech={self.speech}" if self.speech else "",
        ]
        where = parse_filters([text for text in texts if text] + [f"tag={tag}" for tag in self.tags])
        if not self.folder:
            return where
        ids = frozenset(item.id for item in overview.items if item.id.startswith(f"{self.folder}/"))
        return replace(where, ids=ids)

    def at(self, **changes: Any) -> str:
        """Return the query string of the search with some fields changed. A change leads to the first page."""
        fields = self.model_dump() | {"page": 1} | changes
        default = {name: field.default for name, field in type(self).model_fields.items()}
        return urlencode({name: value for name, value in fields.items() if value != default[name]}, doseq=True)

    @property
    def conditions(self) -> list[Condition]:
        """The filters that are set."""
        texts = {
            "shortest": f"at least {_length(self.shortest)}",
            "longest": f"at most {_length(self.longest)}",
            "after": f"added from {self.after}",
            "before": f"added until {self.before}",
            "speech": "with speech" if self.speech == "yes" else "without speech",
            "folder": f"in {self.folder}",
            "copies": "copies one by one",
        }
        conditions = [Condition(text, self.at(**{name: ""})) for name, text in texts.items() if getattr(self, name)]
        if self.by != "both":
            label = "words only" if self.by == "words" else "pictures and sound only"
            conditions.append(Condition(label, self.at(by="both")))
        return conditions + [
            Condition(tag, self.at(tag=[other for other in self.tags if other != tag])) for tag in self.tags
        ]

    @property
    def narrowed(self) -> bool:
        """Whether a filter is set."""
        return bool(self.conditions)

    def ordered(self, items: list[Item]) -> list[Item]:
        """Return videos, the newest first, in the chosen order. Videos without a length come last."""
        match self.sort:
            case "oldest":
                return items[::-1]
            case "longest":
                return sorted(items, key=lambda item: -math.inf if item.duration_s is None else item.duration_s)[::-1]
            case "shortest":
                return sorted(items, key=lambda item: math.inf if item.duration_s is None else item.duration_s)
            case "name":
                return sorted(items, key=lambda item: item.id.casefold())
        return items


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise InputError(f"'{text[:100]}' is not a length", "write a number of seconds, such as 30")
    return seconds


def _length(text: str) -> str:
    try:
        return duration(_seconds(text))
    except (InputError, OverflowError):
        return text[:20]


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InputError(f"'{text[:100]}' is not a day", "write it as 2026-01-31") from error
