"""Search in an index: a text query returns videos, with the reasons for their scores."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.encoders.query import check_text
from teachtext.errors import InputError, NotFound
from teachtext.rewriting.fusion import fuse_rankings
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import Answer, RankedCaption, SearchResult
from teachtext.search.blend import with_shares
from teachtext.search.built_in import about_model
from teachtext.search.entry_cache import EntryCache
from teachtext.search.expansion import Expansion, check_can_expand
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.fulltext import FullTextIndex
from teachtext.search.fusion import FUSED, fuse_first
from teachtext.search.index_model import check_same, load_embedder
from teachtext.search.manifest import Manifest
from teachtext.search.matching import count_matching
from teachtext.search.moments import Ranking, moments_of
from teachtext.search.places import places_of
from teachtext.search.ranking import Gallery, RankedVideo, nearly_top
from teachtext.search.results import judged, notes_on, result_of
from teachtext.search.snapshots import Snapshot, Snapshots
from teachtext.search.stores import is_url, open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry
from teachtext.search.vectors import mean_vectors

if TYPE_CHECKING:
    from teachtext.search.like_file import FileEmbedder, FileVectors

# By default a search is exact up to so many segments.
EXACT_UP_TO = 50_000
_EVERY = sys.maxsize
_MOST_CHARACTERS = 10_000
_MOST_CAPTIONS = 10_000


class Searcher:
    """An index, and the model that made it. May be shared by threads. What a writer adds is found at once.

    Args:
        place: folder or URL of the index.
        model: folder of the model, if it was moved; or the model itself, if it is loaded already.
        device: device of a model that is loaded here (see `teachtext.devices`).
        exact: whether searches compare with every video; by default up to 50,000 segments.

    Attributes:
        model: embeds queries.
        store: keeps the index.
        device: of experts that look at files from outside.

    Raises:
        InputError: there is no index; the model is gone or another one; the store is down.
    """

    def __init__(
        self,
        place: str | Path,
        *,
        model: Embedder | str | Path | None = None,
        device: str = "auto",
        exact: bool | None = None,
    ) -> None:
        self.store: Store = open_store(place)
        self._snapshots = Snapshots(self.store)
        manifest = self.manifest
        if model is None or isinstance(model, (str, Path)):
            self.model = load_embedder(manifest.model, model, device=device)
        else:
            check_same(manifest.model, model)
            self.model = model
        self._exact = exact
        self.device = device
        self._lock = Lock()
        self._files: FileEmbedder | None = None
        self._gallery = Gallery(self.store, manifest.spaces)
        self._entry_cache = EntryCache(self.store)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the index, as the last search has read it."""
        return self._snapshots.last.manifest

    @cached_property
    def about_model(self) -> str:
        """What the built-in model is, and what finds more, in a sentence; empty for any other model."""
        return about_model(self.manifest.model)

    @cached_property
    def _words(self) -> FullTextIndex:
        return FullTextIndex(self.store, None if is_url(self.store.place) else Path(self.store.place) / "words.sqlite")

    def snapshot(self) -> Snapshot:
        """Return the present index. Costs one request to the store, and more only if the index has changed.

        Raises:
            Unavailable: the store is down; the index was deleted, or was made anew with another model.
        """
        return self._snapshots.now(self.model)

    def forget_removed(self) -> None:
        """Overwrite the words of videos that were removed."""
        self._words.forget_removed()

    def search(
        self,
        text: str,
        *,
        k: int = 10,
        where: Filter = EVERYTHING,
        by: RankBy = "both",
        group_by: GroupBy = "video",
        least_score: float = -1.0,
        count: bool = False,
        expansion: Expansion | None = None,
    ) -> Answer:
        """Find videos with words.

        Args:
            text: the query.
            k: at most so many results.
            where: the filter.
            by: `model` ranks by the model's similarity, `words` by words that are heard, read, in subtitles, titles or
                file names, `both` by their fusion (see `fuse_first`).
            group_by: `video` returns each video once, with its best places; `moment` returns each place by itself, all
                places of all videos in one ranking (see `moments_of`).
            least_score: results with a lower score are left out.
            count: also count all that answer the query (see `Answer.total_matching`). Only searches that compare with
                every video can.
            expansion: further queries whose rankings by the model are fused with that of the query (see `Expander`).
                Scores, places and words are those of the query itself.

        Raises:
            InputError: the query is empty or enormous, k is below 1, the store is down; or there are further queries,
                and results are moments or are ranked by words alone.
        """
        begin = time.perf_counter()
        check_query(text, k)
        if expansion is not None:
            check_can_expand(by, group_by)
        snapshot = self.snapshot()
        query = with_shares(self.model.embed_query(text), snapshot.manifest.blend)
        depth = max(k, FUSED)
        literal = self._rank_by_words(text, _EVERY if count else depth, where, snapshot) if by != "model" else []
        if by == "words":
            # the model has no part in the answer
            query, ranking = replace(query, unread=""), Ranking([])
        else:
            ranking = self._rank_by_vectors(query, depth if literal else k, where, snapshot, expansion)
        ranking = replace(ranking, by_words=literal[:depth], group_by=group_by)
        answer = self._answer(begin, ranking, query, text if literal else "", snapshot, k).from_score(least_score)
        if expansion is not None:
            answer = replace(answer, notes=[*answer.notes, *expansion.notes], written=expansion.texts)
        if by == "words":
            answer = replace(answer, about_model="")
        if not (count and ranking.exact):
            return answer
        total = count_matching(
            replace(ranking, by_words=literal),
            self._gallery,
            query,
            lambda every: self._results(every, query, text, snapshot),
            where=where,
            least_score=least_score,
            confidence=snapshot.manifest.confidence,
            versions=snapshot.state.versions,
        )
        return replace(answer, total_matching=total)

    def like(self, item_id: str, *, k: int = 10, where: Filter = EVERYTHING) -> Answer:
        """Find videos like a video of the index, which itself is left out. All its spaces have the same weight.

        Raises:
            NotFound: the index does not hold the video.
            InputError: k is below 1, the store is down.
        """
        begin = time.perf_counter()
        check_k(k)
        snapshot = self.snapshot()
        vectors = mean_vectors(self._entry(item_id, snapshot).segments)
        return self._like(begin, vectors, k, where, snapshot, leave_out=item_id)

    def embed_file(self, path: Path) -> "FileVectors":
        """Embed a picture, a sound or a clip once for many calls of `like_vectors`.

        The first call starts a process with the experts of the index, which stays until `close`.

        Raises:
            InputError: see `FileEmbedder.embed`.
        """
        from teachtext.search.like_file import FileEmbedder

        with self._lock:
            self._files = self._files or FileEmbedder(self.model, self.manifest, device=self.device)
        return self._files.embed(path)

    def like_vectors(
        self, vectors: Mapping[str, NDArray[np.float32]], *, k: int = 10, where: Filter = EVERYTHING
    ) -> Answer:
        """Find videos by vectors, by space, that `embed_file` returned.

        Raises:
            InputError: k is below 1, the store is down.
        """
        check_k(k)
        return self._like(time.perf_counter(), vectors, k, where, self.snapshot())

    def close(self) -> None:
        """End the process that embeds files, if there is one."""
        if self._files is not None:
            self._files.close()

    def _like(
        self,
        begin: float,
        vectors: Mapping[str, NDArray[np.float32]],
        k: int,
        where: Filter,
        snapshot: Snapshot,
        *,
        leave_out: str = "",
    ) -> Answer:
        spaces = snapshot.manifest.spaces
        whole = {name: vectors.get(name, np.zeros(dim, np.float32)) for name, dim in spaces.items()}
        present = np.array([name in vectors for name in sorted(whole)], np.float32)
        query = with_shares(QueryVectors(whole, present / present.sum()), snapshot.manifest.blend)
        ranking = self._rank_by_vectors(query, k + bool(leave_out), where, snapshot)
        others = [name for name in ranking.ids if name != leave_out][:k]
        return self._answer(begin, replace(ranking, ids=others, is_of_text=False), query, "", snapshot, k)

    def entry(self, item_id: str) -> Entry:
        """Return a video of the index.

        Raises:
            NotFound: the index does not hold the video.
        """
        return self._entry(item_id, self.snapshot())

    def embed_captions(self, captions: Sequence[str]) -> dict[str, QueryVectors]:
        """Embed captions once for many calls of `rank_captions`.

        Raises:
            InputError: no caption, more than 10,000, or an empty one.
        """
        texts = list(dict.fromkeys(captions))
        if not 1 <= len(texts) <= _MOST_CAPTIONS:
            raise InputError(f"{len(texts):,} captions cannot be ranked", f"give 1 to {_MOST_CAPTIONS:,}")
        shares = self.manifest.blend
        return {text: with_shares(self.model.embed_queries([text])[0], shares) for text in texts}

    def rank_captions(self, item_id: str, captions: Mapping[str, QueryVectors], k: int) -> list[RankedCaption]:
        """Return the k captions that are most similar to a video, best first.

        Args:
            item_id: id of the video.
            captions: see `embed_captions`.
            k: at most so many captions.

        Raises:
            NotFound: the index does not hold the video.
        """
        entry = self.entry(item_id)
        ranked = [RankedCaption(text, places_of(query, entry, most=1)[0].score) for text, query in captions.items()]
        return sorted(ranked, key=lambda caption: (-caption.score, caption.text))[:k]

    def _entry(self, item_id: str, snapshot: Snapshot) -> Entry:
        entry = self._entries([item_id], snapshot).get(item_id)
        if entry is None:
            raise NotFound(f"the index holds no video '{item_id[:200]}'", "give the id of a video of the index")
        return entry

    def _entries(self, ids: Sequence[str], snapshot: Snapshot) -> Mapping[str, Entry]:
        return self._entry_cache.get(ids, snapshot.state.versions)

    def _rank_by_vectors(
        self, query: QueryVectors, k: int, where: Filter, snapshot: Snapshot, expansion: Expansion | None = None
    ) -> Ranking:
        """Return the ranking of a query; with further queries, that of all of them."""
        if expansion is None or not expansion.queries:
            videos, ranking = self._top(query, k, where, snapshot)
            return replace(ranking, ids=[video.id for video in videos])
        tops = [self._top(each, max(k, FUSED), where, snapshot) for each in (query, *expansion.queries)]
        ids = fuse_rankings([videos for videos, _ in tops], expansion.fuse)
        return replace(tops[0][1], ids=ids, corrected=any(ranking.corrected for _, ranking in tops))

    def _top(
        self, query: QueryVectors, k: int, where: Filter, snapshot: Snapshot
    ) -> tuple[Sequence[RankedVideo], Ranking]:
        """Return the best videos of a query, and how they were ranked."""
        versions, manifest = snapshot.state.versions, snapshot.manifest
        exact = snapshot.segment_count <= EXACT_UP_TO if self._exact is None else self._exact

        def top(correct: bool) -> list[RankedVideo]:
            if exact:
                return self._gallery.top(query, k, where=where, correct=correct, versions=versions)
            return nearly_top(
                self.store, manifest.spaces, query, k, where=where, correct=correct, patterns=versions.keys()
            )

        videos = top(correct=False)
        # dynamic QB-Norm: a query is corrected only if a hub would come first
        corrected = bool(videos) and manifest.bank is not None and videos[0].id in manifest.bank.hubs
        return top(correct=True) if corrected else videos, Ranking([], exact=exact, corrected=corrected)

    def _rank_by_words(self, text: str, k: int, where: Filter, snapshot: Snapshot) -> list[str]:
        """Return the ids of the best videos that have the words of a query and that a filter admits."""
        ids = self._words.find(text, snapshot.state.versions)
        if not where:
            return ids[:k]
        admitted: list[str] = []
        for start in range(0, len(ids), FUSED):
            entries = self._entries(ids[start : start + FUSED], snapshot)
            admitted += [name for name, entry in entries.items() if where.admits(entry.item)]
            if len(admitted) >= k:
                break
        return admitted[:k]

    def _results(self, ranking: Ranking, query: QueryVectors, text: str, snapshot: Snapshot) -> list[SearchResult]:
        """Return all results of a ranking."""
        names = list(dict.fromkeys([*ranking.ids, *ranking.by_words]))
        manifest = snapshot.manifest
        # an entry may be newer than the manifest
        read = self._entries(names, snapshot).items()
        entries = {name: entry for name, entry in read if name.partition("/")[0] in manifest.roots}
        matches = self._words.matches(text, entries) if text else {}
        if ranking.group_by == "moment":
            return moments_of(ranking, entries, query, matches, manifest)
        return [result_of(entry, query, matches.get(name), manifest) for name, entry in entries.items()]

    def _answer(
        self, begin: float, ranking: Ranking, query: QueryVectors, text: str, snapshot: Snapshot, k: int
    ) -> Answer:
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
            about_model=self.about_model,
        )


def check_query(text: str, k: int) -> None:
    """Check a query and the number of its results; no model is needed.

    Raises:
        InputError: the query is empty or enormous, k is below 1.
    """
    check_k(k)
    check_text(text, "the query")
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"the query has {len(text):,} characters", f"keep it under {_MOST_CHARACTERS:,}")


def check_k(k: int) -> None:
    """Raise InputError for a number of results below 1."""
    if k < 1:
        raise InputError(f"the number of results is {k}", "ask for at least 1")
