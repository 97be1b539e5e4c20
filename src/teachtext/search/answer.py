"""The answer to a search: videos with their scores, and the reasons for the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from teachtext.search.types import Item, Moment


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """A video that a search returns.

    Attributes:
        item: the video.
        path: path of its file.
        has_file: whether the file exists.
        score: the model's similarity of query and video, in [-1, 1].
        why: the part of each space in the score. The sum of the parts is the score.
        moments: when words of the query were heard or read.
        words: words of the query that were heard or read, or that stand in the path of the file.
    """

    item: Item
    path: Path
    has_file: bool
    score: float
    why: Mapping[str, float]
    moments: Sequence[Moment] = ()
    words: Sequence[str] = ()

    @property
    def video_id(self) -> str:
        """The id of the video in the index."""
        return self.item.id


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The results of a search.

    Attributes:
        results: best first.
        total: number of videos in the index.
        exact: whether the results are the best of all videos, not only of a vector index's candidates.
        corrected: whether hubs were corrected.
        seconds: duration of the search.
        notes: what was left out of the query; a sentence each.
    """

    results: Sequence[SearchResult]
    total: int
    exact: bool
    corrected: bool
    seconds: float
    notes: Sequence[str] = ()


class RankedCaption(NamedTuple):
    """A caption, and the model's similarity of the caption and a video, in [-1, 1]."""

    text: str
    score: float
