"""What an index holds of a video, and which videos a search is to look at."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

SPEECH = "speech"


class Moment(NamedTuple):
    """Words that an expert heard or read, and from when to when, in seconds from the start of the video."""

    start_s: float
    end_s: float
    expert: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """A video of an index.

    Attributes:
        id: `<name of an indexed folder>/<path of the file in it>`.
        content: hash of the file (see `teachtext.files.content_hash`).
        made: stands for all that its vectors depend on: content, model, query bank.
        added_s: when it came into the index, in seconds since 1970.
        size: bytes.
        duration_s: None where the file does not tell.
        tags: whatever somebody wrote there.
        moments: the words that were heard or read in it, in order of experts and time.
    """

    id: str
    content: str
    made: str
    added_s: float
    size: int
    duration_s: float | None = None
    tags: Sequence[str] = ()
    moments: Sequence[Moment] = ()

    @property
    def has_speech(self) -> bool:
        """Whether words were heard in it."""
        return any(moment.expert == SPEECH for moment in self.moments)

    def as_json(self) -> dict[str, Any]:
        """Return what is told of it wherever it is shown, without its moments."""
        return {
            "id": self.id,
            "duration_s": self.duration_s,
            "added_s": self.added_s,
            "size": self.size,
            "tags": list(self.tags),
            "has_speech": self.has_speech,
        }


@dataclass(frozen=True)
class Entry:
    """A video with its vectors.

    Attributes:
        item: the video.
        vectors: by space, (D,) float32 of unit length; what it lacks is not there.
        bias: what is added to its scores when hubs are corrected (see `teachtext.search.hubness`).
    """

    item: Item
    vectors: Mapping[str, NDArray[np.float32]]
    bias: float = 0.0

    @property
    def pattern(self) -> tuple[str, ...]:
        """The spaces that it has, sorted."""
        return tuple(sorted(self.vectors))


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which videos a search looks at: those that meet all that is asked. Bounds are inclusive.

    Args:
        shortest_s: seconds. Asked for a length, videos that do not tell theirs are left out.
        longest_s: seconds.
        added_from_s: seconds since 1970.
        added_until_s: seconds since 1970.
        tags: it has all of them.
        has_speech: words were heard in it, or not.
        ids: it is one of them.

    Raises:
        InputError: a bound that is not finite.
    """

    shortest_s: float | None = None
    longest_s: float | None = None
    added_from_s: float | None = None
    added_until_s: float | None = None
    tags: Collection[str] = ()
    has_speech: bool | None = None
    ids: Collection[str] | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return bool(self.tags) or any(one is not None for one in (*self._bounds, self.has_speech, self.ids))

    def __post_init__(self) -> None:
        if not all(bound is None or math.isfinite(bound) for bound in self._bounds):
            raise InputError("a bound of a filter is not finite", "give a number of seconds, or leave it out")

    @property
    def _bounds(self) -> tuple[float | None, ...]:
        return self.shortest_s, self.longest_s, self.added_from_s, self.added_until_s

    def lets(self, item: Item) -> bool:
        """Say whether a video is let through."""
        length = math.nan if item.duration_s is None else item.duration_s
        return (
            (self.shortest_s is None or length >= self.shortest_s)
            and (self.longest_s is None or length <= self.longest_s)
            and (self.added_from_s is None or item.added_s >= self.added_from_s)
            and (self.added_until_s is None or item.added_s <= self.added_until_s)
            and set(self.tags) <= set(item.tags)
            and (self.has_speech is None or item.has_speech == self.has_speech)
            and (self.ids is None or item.id in self.ids)
        )


EVERYTHING = Filter()


def clock(seconds: float) -> str:
    """Return a time as players show it: 1:05, 1:02:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
