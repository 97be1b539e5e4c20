"""What an index holds of a video: the item, its vectors, the moments in which words were heard or read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.registry import VIDEO_EXPERTS


class Moment(NamedTuple):
    """Words that an expert heard or read.

    Attributes:
        start_s: seconds from the start of the video.
        end_s: seconds from the start of the video.
        expert: name of the expert.
        text: the words.
    """

    start_s: float
    end_s: float
    expert: str
    text: str

    @property
    def heard(self) -> bool:
        """Whether the words were heard in the sound; else they were read on the screen."""
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
        moments: the words that were heard or read, by expert, then by time.
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
        """Whether words were heard in the video."""
        return any(moment.heard for moment in self.moments)


@dataclass(frozen=True)
class Entry:
    """A video with its vectors.

    Attributes:
        item: the video.
        vectors: by space, (D,) float32 of unit length. A space that the video lacks has no key.
        bias: added to the video's scores when hubs are corrected (see `teachtext.search.hubness`).
    """

    item: Item
    vectors: Mapping[str, NDArray[np.float32]]
    bias: float = 0.0

    @property
    def pattern(self) -> tuple[str, ...]:
        """The presence pattern: the spaces that the video has, sorted."""
        return tuple(sorted(self.vectors))


def clock(seconds: float) -> str:
    """Return a time as video players show it.

    >>> clock(65), clock(3725)
    ('1:05', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
