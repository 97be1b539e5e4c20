"""Searches for moments: the places of all videos, ranked as one list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from teachtext.encoders.embedder import QueryVectors
from teachtext.search import GroupBy
from teachtext.search.answer import SearchResult
from teachtext.search.fulltext import WordMatch
from teachtext.search.fusion import fuse_first
from teachtext.search.manifest import Manifest
from teachtext.search.places import Place, place_at, places_of, ranked_places
from teachtext.search.results import result_of
from teachtext.search.types import Entry, Moment

# id of a video, start of a place in seconds
_Key = tuple[str, float]


@dataclass(frozen=True)
class Ranking:
    """How a search has ranked videos.

    Attributes:
        ids: by the model, best first.
        by_words: the videos that have the words of the query, best first.
        group_by: whether results are videos or places.
        exact: whether the model's ranking is the best of all videos.
        corrected: whether hubs were corrected.
        is_of_text: whether the query is a text, and not a video.
        reranked: what a slow scorer has done, in a sentence (see `teachtext.search.reranking`); else empty.
    """

    ids: Sequence[str]
    by_words: Sequence[str] = ()
    group_by: GroupBy = "video"
    exact: bool = True
    corrected: bool = False
    is_of_text: bool = True
    reranked: str = ""


def moments_of(
    ranking: Ranking,
    entries: Mapping[str, Entry],
    query: QueryVectors,
    matches: Mapping[str, WordMatch],
    manifest: Manifest,
) -> list[SearchResult]:
    """Return the places of videos as results, one for each place, best first.

    The ranking of the model has all places of its videos, by score; equal scores are ordered by id, then by start. The
    ranking by words has the places in which the words are heard or read; of a video that has the words in its file's
    name alone, the best place. `fuse_first` joins the two.

    The first k places of all videos are among those of the k best videos, because each of these has a place that is at
    least as good as all places of later videos.

    Args:
        ranking: of videos. Those that `entries` lacks are left out.
        entries: the videos by id.
        query: the query.
        matches: words of the query by id.
        manifest: of the index.
    """
    places: dict[_Key, Place] = {}
    scores: dict[_Key, float] = {}
    spoken: dict[_Key, list[Moment]] = {}
    results: dict[str, SearchResult] = {}
    for name, entry in entries.items():
        results[name] = result_of(entry, places_of(query, entry), matches.get(name), manifest)
        ranked = ranked_places(query, entry, correct=ranking.corrected)
        of_video = [place for _, place in ranked]
        places |= {(name, place.start_s): place for place in of_video}
        scores |= {(name, place.start_s): round(score, 9) for score, place in ranked}
        for moment in results[name].moments:
            place = place_at(query, entry, of_video, moment.start_s)
            places[name, place.start_s] = place
            spoken.setdefault((name, place.start_s), []).append(moment)
        if name in matches and not results[name].moments:
            spoken[name, of_video[0].start_s] = []
    ranked_by_model = set(ranking.ids)
    model_keys = sorted((key for key in scores if key[0] in ranked_by_model), key=lambda key: (-scores[key], *key))
    order = {name: rank for rank, name in enumerate(ranking.by_words)}
    word_keys = sorted((key for key in spoken if key[0] in order), key=lambda key: (order[key[0]], key[1]))
    return [
        replace(
            results[key[0]],
            score=places[key].score,
            why=places[key].why,
            places=[places[key]],
            moments=spoken.get(key, []),
            words=results[key[0]].words if key in spoken else [],
        )
        for key in fuse_first([model_keys, word_keys])
    ]
