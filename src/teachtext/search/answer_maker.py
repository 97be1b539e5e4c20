"""From the ranking of a search to its answer: the results, their words and places, how many match."""

import time
from dataclasses import replace

from teachtext.encoders.embedder import QueryVectors
from teachtext.search.answer import Answer, SearchResult
from teachtext.search.fusion import FUSED, fuse_first
from teachtext.search.matching import count_matching
from teachtext.search.moments import Ranking, moments_of
from teachtext.search.places import places_of_all
from teachtext.search.request import SearchRequest
from teachtext.search.results import judged, notes_on, result_of
from teachtext.search.snapshots import Snapshot
from teachtext.search.video_ranker import VideoRanker


class AnswerMaker:
    """Makes the answers of searches. May be shared by threads.

    Args:
        ranker: ranks the videos of the index.
        about_model: what the built-in model is, in a sentence; empty for any other model.
    """

    def __init__(self, ranker: VideoRanker, *, about_model: str) -> None:
        self._ranker = ranker
        self._about_model = about_model

    def answer_to(
        self, request: SearchRequest, query: QueryVectors, ranking: Ranking, snapshot: Snapshot, *, begin: float
    ) -> Answer:
        """Return the answer to a request.

        Args:
            request: what was asked.
            query: the vectors of its text.
            ranking: see `VideoRanker.rankings`.
            snapshot: of the index.
            begin: when the search began, by `time.perf_counter`.
        """
        text = request.text if ranking.by_words else ""
        if request.by == "words":
            # the model has no part in the answer
            query = replace(query, unread="")
        shown = replace(ranking, by_words=ranking.by_words[: max(request.k, FUSED)])
        answer = self.answer(shown, query, text, request.k, snapshot, begin=begin).from_score(request.least_score)
        if request.expansion is not None:
            expansion = request.expansion
            answer = replace(answer, notes=[*answer.notes, *expansion.notes], written=expansion.texts)
        if request.by == "words":
            answer = replace(answer, about_model="")
        if not (request.count and ranking.exact):
            return answer
        total = count_matching(
            ranking,
            self._ranker.gallery,
            query,
            lambda every: self._results(every, query, request.text, snapshot),
            where=request.where,
            least_score=request.least_score,
            confidence=snapshot.manifest.confidence,
            versions=snapshot.state.versions,
        )
        return replace(answer, total_matching=total)

    def answer(
        self, ranking: Ranking, query: QueryVectors, text: str, k: int, snapshot: Snapshot, *, begin: float
    ) -> Answer:
        """Return the answer with the first k results of a ranking.

        Args:
            ranking: of videos.
            query: what they are compared with.
            text: the query, if its words are looked for in the videos; else empty.
            k: at most so many results.
            snapshot: of the index.
            begin: when the search began, by `time.perf_counter`.
        """
        manifest = snapshot.manifest
        if ranking.group_by == "video":
            ranking = replace(ranking, ids=fuse_first([ranking.ids, ranking.by_words])[:k], by_words=())
        results = self._results(ranking, query, text, snapshot)[:k]
        marked, level = judged(results, manifest.confidence if ranking.is_of_text else None)
        return Answer(
            results=marked,
            confidence=level,
            total=snapshot.video_count,
            exact=ranking.exact,
            corrected=ranking.corrected,
            seconds=time.perf_counter() - begin,
            notes=notes_on(query),
            unread_language=query.unread,
            about_model=self._about_model,
            reranked=ranking.reranked,
        )

    def _results(self, ranking: Ranking, query: QueryVectors, text: str, snapshot: Snapshot) -> list[SearchResult]:
        """Return all results of a ranking."""
        names = list(dict.fromkeys([*ranking.ids, *ranking.by_words]))
        manifest = snapshot.manifest
        # an entry may be newer than the manifest
        read = self._ranker.entries(names, snapshot).items()
        entries = {name: entry for name, entry in read if name.partition("/")[0] in manifest.roots}
        matches = self._ranker.words.matches(text, entries) if text else {}
        if ranking.group_by == "moment":
            return moments_of(ranking, entries, query, matches, manifest)
        places = places_of_all(query, list(entries.values()))
        return [
            result_of(entry, best, matches.get(name), manifest, manifest.confidence if ranking.is_of_text else None)
            for (name, entry), best in zip(entries.items(), places, strict=True)
        ]
