"""Places of a video that fit a query: segments with their scores, and the strip that shows them over the video."""

from collections.abc import Sequence
from typing import NamedTuple

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.types import Entry
from teachtext.search.vectors import contributions

_MOST = 5


class Place(NamedTuple):
    """A segment and its score, the model's similarity in [-1, 1].

    Attributes:
        start_s: seconds from the first picture.
        end_s: seconds from the first picture.
        score: similarity of the segment and the query.
    """

    start_s: float
    end_s: float
    score: float

    @property
    def middle_s(self) -> int:
        """The whole second of which a picture is shown."""
        return int((self.start_s + self.end_s) / 2)


class Stripe(NamedTuple):
    """A segment in a strip that is 100 wide and 30 high.

    Attributes:
        place: the segment.
        left: left end.
        width: width.
        height: height, greater for a greater score.
    """

    place: Place
    left: float
    width: float
    height: float


def scored(entry: Entry, query: QueryVectors) -> list[Place]:
    """Return all segments of a video with their scores, in order of time."""
    return [
        Place(segment.start_s, segment.end_s, float(sum(contributions(query, segment.vectors).values())))
        for segment in entry.segments
    ]


def best(places: Sequence[Place], most: int = _MOST) -> list[Place]:
    """Return the best places, best first; neighbours with nearly the best score are one.

    >>> best([Place(0, 4, 0.1), Place(4, 9, 0.5), Place(9, 12, 0.49), Place(12, 20, 0.1), Place(20, 25, 0.4)])
    [Place(start_s=4, end_s=12, score=0.5), Place(start_s=20, end_s=25, score=0.4)]
    """
    if not places:
        return []
    scores = sorted(place.score for place in places)
    # halfway between an ordinary segment and the best one
    bound = (scores[len(scores) // 2] + scores[-1]) / 2 if len(scores) > 1 else scores[-1]
    merged: list[Place] = []
    for place in places:
        if place.score < bound:
            continue
        last = merged[-1] if merged else None
        if last is not None and last.end_s >= place.start_s and abs(last.score - place.score) < 0.1 * abs(last.score):
            merged[-1] = Place(last.start_s, place.end_s, max(last.score, place.score))
        else:
            merged.append(place)
    return sorted(merged, key=lambda place: (-place.score, place.start_s))[:most]


def strip(places: Sequence[Place], duration_s: float | None) -> list[Stripe]:
    """Return the strip of a video: a stripe for each segment that stands out, and a low one for any other.

    Args:
        places: all segments, in order of time.
        duration_s: seconds of the video, if its file states them.
    """
    if not places:
        return []
    length = max(duration_s or 0.0, places[-1].end_s, 0.001)
    scores = sorted(place.score for place in places)
    low, high = scores[len(scores) // 2], scores[-1]
    return [
        Stripe(
            place,
            100 * place.start_s / length,
            max(0.2, 100 * (place.end_s - place.start_s) / length),
            2 + 28 * (max(0.0, place.score - low) / (high - low) if high > low else 0.0),
        )
        for place in places
    ]
