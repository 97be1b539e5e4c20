"""How many videos or places answer a query, of all that a search has ranked."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.answer import SearchResult
from teachtext.search.confidence import Confidence
from teachtext.search.filters import Filter
from teachtext.search.gallery import Gallery
from teachtext.search.moments import Ranking
from teachtext.search.vectors import PresencePattern

# places of more videos are not counted: all their segments would be looked at
_MOST_VIDEOS = 2000


def count_matching(
    ranking: Ranking,
    gallery: Gallery,
    query: QueryVectors,
    results: Callable[[Ranking], Sequence[SearchResult]],
    *,
    where: Filter,
    least_score: float,
    confidence: Confidence | None,
    versions: Mapping[PresencePattern, Hashable],
) -> int | None:
    """Return `Answer.total_matching`; None for the places of more than 2,000 videos.

    Args:
        ranking: of the search, with all videos that have the words of the query. Without `ids` the model has ranked
            nothing, and words alone count.
        gallery: all segments.
        query: the query.
        results: returns all results of a ranking.
        where: the filter.
        least_score: results with a lower score do not count.
        confidence: of the index, if it says so.
        versions: of the store.
    """
    likely = least_score if confidence is None else max(least_score, confidence.nothing_below)

    def from_score(score: float, of: Filter) -> list[str]:
        segments = gallery.top_segments(query, None, where=of, least_score=score, versions=versions)
        return list(dict.fromkeys(segment.id for segment in segments))

    by_model = from_score(likely, where) if ranking.ids else []
    by_words = from_score(least_score, replace(where, ids=ranking.by_words)) if ranking.by_words else []
    videos = {*by_model, *by_words}
    if ranking.group_by == "video":
        return len(videos)
    if len(videos) > _MOST_VIDEOS:
        return None
    matching = results(replace(ranking, ids=by_model, by_words=by_words))
    return sum(result.score >= (least_score if result.words else likely) for result in matching)
