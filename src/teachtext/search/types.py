"""What an index holds of a video: the item, its segments with their vectors, the moments with words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.registry import VIDEO_EXPERTS

SUBTITLES = "subtitles"
"""Stands for an expert where words come from subtitles."""


class Moment(NamedTuple):
    """Words that an expert heard or read, or that stand in subtitles.

    Attributes:
        start_s: seconds from the start of the video.
        end_s: seconds from the start of the video.
        expert: name of the expert, or `subtitles`.
        text: the words.
    """

    start_s: float
    end_s: float
    expert: str
    text: str

    @property
    def heard(self) -> bool:
        """Whether the words were heard in the sound, or stand in subtitles; else they were read on the screen."""
        if self.expert == SUBTITLES:
            return True
        entry = VIDEO_EXPERTS.get(self.expert)
        return entry is not None and entry.finds_words == "heard"


@dataclass(frozen=True, kw_only=True)
class Item:
    """A video of an index.

    Attributes:
        id: `<name of an indexed folder>/<path of the file in the folder>`.
        content: hash of the file (see `teachtext.files.content_hash`).
        made: fingerprint of everything that the vectors depend on: content, model, experts, query bank.
        added_s: when the video came into the index, in seconds since 1970.
        size: bytes.
        duration_s: seconds, checked against the last picture; None where the file states no length.
        tags: tags of the user.
        moments: the words that were heard or read, or stand in subtitles, by expert, then by time.
        about: what the file says of itself: `title`, `artist` and others (see `teachtext.video.about`).
    """

    id: str
    content: str
    made: str
    added_s: float
    size: int
    duration_s: float | None = None
    tags: Sequence[str] = ()
    moments: Sequence[Moment] = ()
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_speech(self) -> bool:
        """Whether words were heard in the video, or stand in its subtitles."""
        return any(moment.heard for moment in self.moments)


@dataclass(frozen=True)
class Segment:
    """A part of a video, and its vectors.

    Attributes:
        start_s: seconds from the first picture of the video.
        end_s: seconds from the first picture of the video.
        vectors: by space, (D,) float32 of unit length; at least one. A space that the segment lacks has no key.
        bias: added to the segment's scores when hubs are corrected (see `teachtext.search.hubness`).

    Raises:
        ValueError: no vectors.
    """

    start_s: float
    end_s: float
    vectors: Mapping[str, NDArray[np.float32]]
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not self.vectors:
            raise ValueError("a segment without vectors cannot be found")

    @property
    def pattern(self) -> tuple[str, ...]:
        """The presence pattern: the spaces that the segment has, sorted."""
        return tuple(sorted(self.vectors))


@dataclass(frozen=True)
class Entry:
    """A video with its segments.

    Attributes:
        item: the video.
        segments: at least one, in order of time.

    Raises:
        ValueError: no segments.
    """

    item: Item
    segments: Sequence[Segment]

    def __post_init__(self) -> None:
        if not self.segments:
            raise ValueError("a video without segments cannot be found")

    @classmethod
    def of_clip(cls, item: Item, vectors: Mapping[str, NDArray[np.float32]], bias: float = 0.0) -> "Entry":
        """Return a video of a single segment, which is as long as the video.

        >>> clip = Item(id="clips/dog.mp4", content="", made="", added_s=0, size=9, duration_s=4.5)
        >>> entry = Entry.of_clip(clip, {"scene": np.ones(1, np.float32)})
        >>> len(entry.segments), entry.segments[0].end_s, entry.spaces
        (1, 4.5, ('scene',))
        """
        return cls(item, [Segment(0.0, item.duration_s or 0.0, vectors, bias)])

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces that at least one segment has, sorted."""
        return tuple(sorted({name for segment in self.segments for name in segment.vectors}))


def clock(seconds: float) -> str:
    """Return a time as video players show it.

    >>> clock(65), clock(3725)
    ('1:05', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
