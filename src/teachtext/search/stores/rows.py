"""Rows of a store: what stands in them, and which of them count."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from teachtext.search.types import Entry, Item, Moment, Segment
from teachtext.search.vectors import PresencePattern

# columns of an item without its moments
FACTS = ["id", "content", "made", "written", "added_s", "size", "duration_s", "tags"]
# columns of a segment without its vector
PLACE = ["segment", "segments", "start_s", "end_s"]
# What tells complete videos: of a row the video's id, the time of writing, and the number of the video's rows.
Stamp = tuple[str, float, int]
STAMP = ["id", "written", "segments"]
# no expert has such a name
_ABOUT = "about:"


class Row(NamedTuple):
    """A segment that is to be written.

    Attributes:
        entry: the video.
        number: of the segment, from 0.
        written: time of writing, in seconds since 1970.
    """

    entry: Entry
    number: int
    written: float

    @property
    def segment(self) -> Segment:
        """The segment."""
        return self.entry.segments[self.number]


class Stored(NamedTuple):
    """Where a video is stored: the patterns of its rows, and their number."""

    patterns: frozenset[PresencePattern]
    segments: int


def current_of(counts: Mapping[Stamp, int]) -> dict[str, float]:
    """Return, by id, when the newest complete rows were written, from the number of rows by stamp."""
    current: dict[str, float] = {}
    for (name, written, segments), count in counts.items():
        if count == segments and written >= current.get(name, written):
            current[name] = written
    return current


def by_pattern(stored: Mapping[str, Stored], ids: Iterable[str]) -> dict[PresencePattern, list[str]]:
    """Return those of some ids that are stored, by pattern."""
    groups: dict[PresencePattern, list[str]] = {}
    for name in ids:
        for pattern in stored[name].patterns if name in stored else ():
            groups.setdefault(pattern, []).append(name)
    return groups


def texts_of(row: Row) -> list[Moment]:
    """Return what a row keeps of the words of its video: in the first row all of them, in other rows none.

    What the file says of itself stands before the moments, so that tables have no further column.
    """
    if row.number:
        return []
    item = row.entry.item
    return [*(Moment(0.0, 0.0, f"{_ABOUT}{name}", text) for name, text in item.about.items()), *item.moments]


def make_item(columns: Mapping[str, Any], texts: Iterable[Sequence[Any]]) -> Item:
    """Return the item of a row, with its texts (see `texts_of`). A length that is None or negative is unknown."""
    duration_s = columns["duration_s"]
    moments = [Moment(*values) for values in texts]
    return Item(
        id=columns["id"],
        content=columns["content"],
        made=columns["made"],
        added_s=columns["added_s"],
        size=columns["size"],
        duration_s=None if duration_s is None or duration_s < 0 else duration_s,
        tags=tuple(columns["tags"]),
        moments=tuple(moment for moment in moments if not moment.expert.startswith(_ABOUT)),
        about={
            moment.expert.removeprefix(_ABOUT): moment.text for moment in moments if moment.expert.startswith(_ABOUT)
        },
    )
