"""Ranks the videos of an index: by the similarity of a model, or by words that videos have."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from teachtext.encoders.embedder import QueryVectors
from teachtext.rewriting.fusion import fuse_rankings
from teachtext.search.background import BackgroundReader
from teachtext.search.entry_cache import EntryCache
from teachtext.search.expansion import Expansion
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.fulltext import FullTextIndex
from teachtext.search.fusion import FUSED
from teachtext.search.gallery import Asked, Gallery
from teachtext.search.moments import Ranking
from teachtext.search.places import places_of
from teachtext.search.ranking import RankedVideo, nearly_top
from teachtext.search.request import SearchRequest
from teachtext.search.snapshots import Snapshot
from teachtext.search.stores import is_url
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry

if TYPE_CHECKING:
    from teachtext.search.reranking import Reranker

EXACT_UP_TO = 50_000
"""By default a search is exact up to so many segments."""
IN_MEMORY_UP_TO = 500_000
"""Up to so many segments a process that searches more than once keeps all vectors of a folder in memory."""
_EVERY = sys.maxsize


class ModelQuery(NamedTuple):
    """A query that the model of an index ranks.

    Attributes:
        vectors: of the query.
        k: at most so many videos.
        where: the filter.
        expansion: further queries, whose rankings are fused with that of the query.
        reranker: ranks the first videos anew; it reads the text.
        text: the query itself.
    """

    vectors: QueryVectors
    k: int
    where: Filter = EVERYTHING
    expansion: Expansion | None = None
    reranker: "Reranker | None" = None
    text: str = ""


class VideoRanker:
    """Ranks the videos of an index. May be shared by threads.

    Args:
        store: keeps the index.
        spaces: dimension by space.
        exact: whether the model compares with every video; by default up to 50,000 segments.

    Attributes:
        gallery: the vectors of the index in memory.
    """

    def __init__(self, store: Store, spaces: Mapping[str, int], *, exact: bool | None = None) -> None:
        self.gallery = Gallery(store, spaces)
        self._store = store
        self._reader = BackgroundReader(self.gallery)
        self._exact = exact
        self._entry_cache = EntryCache(store)

    @cached_property
    def words(self) -> FullTextIndex:
        """The words of the videos."""
        place = self._store.place
        return FullTextIndex(self._store, None if is_url(place) else Path(place) / "words.sqlite")

    def entries(self, ids: Collection[str], snapshot: Snapshot) -> Mapping[str, Entry]:
        """Return videos by id, in the order of the ids. Ids that the index does not hold are left out."""
        return self._entry_cache.get(ids, snapshot.state.versions)

    def rankings(
        self, requests: Sequence[SearchRequest], queries: Sequence[QueryVectors], snapshot: Snapshot
    ) -> list[Ranking]:
        """Return the ranking of each request: by the model, and by words beside it.

        Where all that match are counted, the ranking by words has all videos with the words.

        Args:
            requests: what was asked.
            queries: the vectors of their texts.
            snapshot: of the index.
        """
        by_words = [
            self.by_words(request.text, _EVERY if request.count else max(request.k, FUSED), request.where, snapshot)
            if request.by != "model"
            else []
            for request in requests
        ]
        by_model = self.by_model(
            [
                ModelQuery(
                    query,
                    max(request.k, FUSED) if ids else request.k,
                    request.where,
                    request.expansion,
                    request.reranker,
                    request.text,
                )
                for request, query, ids in zip(requests, queries, by_words, strict=True)
                if request.by != "words"
            ],
            snapshot,
        )
        rankings = iter(by_model)
        return [
            replace(Ranking([]) if request.by == "words" else next(rankings), by_words=ids, group_by=request.group_by)
            for request, ids in zip(requests, by_words, strict=True)
        ]

    def by_model(self, queries: Sequence[ModelQuery], snapshot: Snapshot) -> list[Ranking]:
        """Return the rankings of several queries; of one with further queries, that of all of them."""
        asked: list[Asked] = []
        parts: list[slice] = []
        for query in queries:
            further = query.expansion.queries if query.expansion is not None else ()
            k = max(query.k, FUSED) if further else query.k
            k = k if query.reranker is None else max(k, query.reranker.shortlist)
            parts.append(slice(len(asked), len(asked) + 1 + len(further)))
            asked += [Asked(vectors, k, query.where) for vectors in (query.vectors, *further)]
        exact, tops, corrected = self._tops(asked, snapshot)
        rankings = []
        for query, part in zip(queries, parts, strict=True):
            reranked = ""
            if query.reranker is not None:
                first = [video.id for video in tops[part.start][: query.reranker.shortlist]]
                places = self.best_places(query.vectors, first, snapshot)
                tops[part.start], reranked = query.reranker.rerank(query.text, tops[part.start], places)
            if query.expansion is None or len(tops[part]) == 1:
                ids = [video.id for video in tops[part.start]][: query.k]
            else:
                ids = fuse_rankings(tops[part], query.expansion.fuse)
            rankings.append(Ranking(ids, exact=exact, corrected=any(corrected[part]), reranked=reranked))
        return rankings

    def best_places(
        self, query: QueryVectors, ids: Collection[str], snapshot: Snapshot
    ) -> dict[str, tuple[float, float]]:
        """Return start and end in seconds of the best place of videos, by id; none of a video that is gone."""
        entries = self.entries(ids, snapshot)
        best = [places_of(query, entry, most=1)[0] for entry in entries.values()]
        return {name: (place.start_s, place.end_s) for name, place in zip(entries, best, strict=True)}

    def by_words(self, text: str, k: int, where: Filter, snapshot: Snapshot) -> list[str]:
        """Return the ids of the best videos that have the words of a query and that a filter admits."""
        ids = self.words.find(text, snapshot.state.versions)
        if not where:
            return ids[:k]
        admitted: list[str] = []
        for start in range(0, len(ids), FUSED):
            entries = self.entries(ids[start : start + FUSED], snapshot)
            admitted += [name for name, entry in entries.items() if where.admits(entry.item)]
            if len(admitted) >= k:
                break
        return admitted[:k]

    def _tops(self, asked: Sequence[Asked], snapshot: Snapshot) -> tuple[bool, list[Sequence[RankedVideo]], list[bool]]:
        """Return whether searches are exact; by query its best videos, and whether hubs were corrected."""
        exact = snapshot.segment_count <= EXACT_UP_TO if self._exact is None else self._exact
        in_memory = exact or (bool(asked) and self._is_in_memory(snapshot))
        versions, spaces, bank = snapshot.state.versions, snapshot.manifest.spaces, snapshot.manifest.bank

        def top(asked: Sequence[Asked], *, correct: bool) -> Sequence[Sequence[RankedVideo]]:
            if in_memory:
                return self.gallery.top_all(asked, correct=correct, nearly=not exact, versions=versions)
            return [
                nearly_top(self._store, spaces, query, k, where=where, correct=correct, patterns=versions.keys())
                for query, k, where in asked
            ]

        tops: list[Sequence[RankedVideo]] = list(top(asked, correct=False))
        # dynamic QB-Norm: a query is corrected only if a hub would come first
        corrected = [bool(videos) and bank is not None and videos[0].id in bank.hubs for videos in tops]
        again = [number for number, is_corrected in enumerate(corrected) if is_corrected]
        for number, videos in zip(again, top([asked[number] for number in again], correct=True), strict=True):
            tops[number] = videos
        return exact, tops, corrected

    def _is_in_memory(self, snapshot: Snapshot) -> bool:
        """Return whether all vectors are in memory. If not, the store's own indexes propose candidates meanwhile."""
        if snapshot.segment_count > IN_MEMORY_UP_TO or is_url(self._store.place):
            return False
        return self._reader.is_ready(snapshot.state.versions)
