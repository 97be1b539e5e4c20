"""The answer to a search: videos with their scores, and the reasons for the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from teachtext.search.places import Place
from teachtext.search.types import Item, Moment

# the end of a video may be known to within so many seconds
_WHOLE_S = 2.0
Level = Literal["strong", "weaker", "nothing"]


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """A video that a search returns.

    Attributes:
        item: the video.
        path: path of its file.
        has_file: whether the file exists.
        score: the model's similarity of the query and the best segment of the video, in [-1, 1].
        why: the part of each space in the score. The sum of the parts is the score.
        is_strong: whether the video answers the query strongly (see `teachtext.search.confidence`); None where the
            index does not say.
        places: the places of the video that answer the query, best first; of a clip the whole clip.
        moments: when words of the query were heard or read, or stand in subtitles.
        words: words of the query that were heard or read, or that stand in subtitles, in what the file says of itself,
            or in the path of the file.
        copies: ids of all copies of the video, its own among them; empty where it has none (see
            `teachtext.search.copies`).
    """

    item: Item
    path: Path
    has_file: bool
    score: float
    why: Mapping[str, float]
    is_strong: bool | None = None
    places: Sequence[Place] = ()
    moments: Sequence[Moment] = ()
    words: Sequence[str] = ()
    copies: Sequence[str] = ()

    @property
    def is_cut(self) -> bool:
        """Whether the best place is a part of the video, not the whole."""
        best = self.places[0]
        return len(self.places) > 1 or best.start_s > 0 or best.end_s < (self.item.duration_s or 0.0) - _WHOLE_S

    @property
    def span_s(self) -> tuple[float, float]:
        """Start and end of what answers the query: where its words are heard or read, else the best place."""
        best = self.moments[0] if self.moments else self.places[0]
        return best.start_s, best.end_s

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
        confidence: `strong` if a result answers the query strongly, `weaker` if none does, `nothing` if nothing in the
            index is like the query; None where the index does not say, and for videos like a video.
        notes: what was left out of the query; a sentence each.
        total_matching: number of videos, or of places where the results are moments, that the filter admits and that
            answer the query: their score is not below the least one that was asked for, nor below the one from which
            the index says that nothing in it is like the query; or words of the query are heard, read or in their
            names. None where it was not counted.
        unread_language: language of the query, where the model does not read it; else empty.
        folded: number of results that were left out because they are copies of others.
        about_model: what the built-in model is, in a sentence, where it has a part in the answer; else empty.
        written: further queries that were asked too, as a writer wrote them (see `teachtext.search.expansion`).
        reranked: which videos a slow scorer has ranked anew, and what a pair cost, in a sentence; else empty.
    """

    results: Sequence[SearchResult]
    total: int
    exact: bool
    corrected: bool
    seconds: float
    confidence: Level | None = None
    notes: Sequence[str] = ()
    total_matching: int | None = None
    unread_language: str = ""
    folded: int = 0
    about_model: str = ""
    written: Sequence[str] = ()
    reranked: str = ""

    def from_score(self, least_score: float) -> "Answer":
        """Return the answer without the results of a lower score."""
        return replace(self, results=[result for result in self.results if result.score >= least_score])


class RankedCaption(NamedTuple):
    """A caption, and the model's similarity of the caption and a video, in [-1, 1]."""

    text: str
    score: float
