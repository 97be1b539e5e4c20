"""How well the parts of a video fit a query, over its length: numbers for the API, and a strip for the page."""

from collections.abc import Sequence
from typing import NamedTuple

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.places import segment_parts
from teachtext.search.types import Entry

_HEIGHT, _LEAST = 30.0, 2.0


class Part(NamedTuple):
    """A segment of a video and its score.

    Attributes:
        start_s: seconds from the first picture.
        end_s: seconds from the first picture.
        score: similarity of the segment and the query, in [-1, 1].
    """

    start_s: float
    end_s: float
    score: float


class Stripe(NamedTuple):
    """A segment in a strip that is 100 wide and 30 high.

    Attributes:
        start_s: where the segment begins, in seconds.
        left: left end.
        width: width.
        height: height, greater for a greater score.
    """

    start_s: float
    left: float
    width: float
    height: float


def scored(entry: Entry, query: QueryVectors) -> list[Part]:
    """Return all segments of a video with their scores, in order of time."""
    scores = [sum(parts.values()) for parts in segment_parts(query, entry)]
    return [Part(segment.start_s, segment.end_s, score) for segment, score in zip(entry.segments, scores, strict=True)]


def strip(parts: Sequence[Part], duration_s: float | None) -> list[Stripe]:
    """Return the strip of a video: a stripe for each segment, high where it stands out from the median.

    Args:
        parts: all segments, in order of time.
        duration_s: seconds of the video, if its file states them.
    """
    if not parts:
        return []
    length = max(duration_s or 0.0, parts[-1].end_s, 0.001)
    scores = sorted(part.score for part in parts)
    low, high = scores[len(scores) // 2], scores[-1]
    return [
        Stripe(
            part.start_s,
            100 * part.start_s / length,
            max(0.2, 100 * (part.end_s - part.start_s) / length),
            _LEAST + (_HEIGHT - _LEAST) * (max(0.0, part.score - low) / (high - low) if high > low else 0.0),
        )
        for part in parts
    ]
