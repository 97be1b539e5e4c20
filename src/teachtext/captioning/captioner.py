"""What captions the events of a video.

A caption is a text and nothing else: it is embedded, never executed, never shown as markup, and never part of a prompt.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from teachtext.data.types import Video


class Event(NamedTuple):
    """A stretch of a video, in seconds from its start; an end of None is the end of the video."""

    start_s: float
    end_s: float | None


class EventCaption(NamedTuple):
    """A text about an event, as it was written: it may be empty, or an essay."""

    event: Event
    text: str


class Captioner(Protocol):
    """Writes captions of the events of videos.

    Attributes:
        settings: everything that changes its captions, as plain data.
        needs_events: whether it captions the events that it is given; one that knows its own is given none.
    """

    settings: Mapping[str, Any]
    needs_events: bool

    @property
    def name(self) -> str:
        """The captioner in messages."""
        ...

    def caption(self, video: Video, events: Sequence[Event]) -> Sequence[EventCaption]:
        """Return the captions of one video.

        Raises:
            InputError: the video cannot be read, or the captioner does not answer.
        """
        ...

    def remarks(self, asked: Collection[str]) -> Sequence[str]:
        """Return sentences on captions that were not asked for.

        Args:
            asked: ids of the videos that are captioned.
        """
        ...
