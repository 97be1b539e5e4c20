"""Search in an index: a text query returns videos, with the reasons for their scores."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.errors import InputError, NotFound
from teachtext.search import GroupBy, RankBy
from teachtext.search.answer import Answer, RankedCaption
from teachtext.search.answer_maker import AnswerMaker
from teachtext.search.blend import with_shares
from teachtext.search.built_in import about_model
from teachtext.search.expansion import Expansion
from teachtext.search.filters import EVERYTHING, Filter
from teachtext.search.index_model import check_same, load_embedder
from teachtext.search.manifest import Manifest
from teachtext.search.places import places_of
from teachtext.search.request import SearchRequest, check_k
from teachtext.search.snapshots import Snapshot, Snapshots
from teachtext.search.stores import open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import Entry
from teachtext.search.vectors import mean_vectors
from teachtext.search.video_ranker import ModelQuery, VideoRanker

if TYPE_CHECKING:
    from teachtext.search.like_file import FileEmbedder, FileVectors
    from teachtext.search.reranking import Reranker

_MOST_CAPTIONS = 10_000
# captions that are embedded at once; searches wait as long
_TOGETHER = 32


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
        self.device = device
        self._lock = Lock()
        self._files: FileEmbedder | None = None
        self._ranker = VideoRanker(self.store, manifest.spaces, exact=exact)
        self._maker = AnswerMaker(self._ranker, about_model=self.about_model)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the index, as the last search has read it."""
        return self._snapshots.last.manifest

    @cached_property
    def about_model(self) -> str:
        """What the built-in model is, and what finds more, in a sentence; empty for any other model."""
        return about_model(self.manifest.model)

    def snapshot(self) -> Snapshot:
        """Return the present index. Costs one request to the store, and more only if the index has changed.

        Raises:
            Unavailable: the store is down; the index was deleted, or was made anew with another model.
        """
        return self._snapshots.now(self.model)

    def forget_removed(self) -> None:
        """Overwrite the words of videos that were removed."""
        self._ranker.words.forget_removed()

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
        reranker: "Reranker | None" = None,
    ) -> Answer:
        """Find videos with words.

        See `SearchRequest` for the arguments.

        Raises:
            InputError: the query is empty or enormous, k is below 1, the store is down; or there are further queries
                or a reranker, and results are moments or are ranked by words alone.
        """
        request = SearchRequest(
            text=text,
            k=k,
            where=where,
            by=by,
            group_by=group_by,
            least_score=least_score,
            count=count,
            expansion=expansion,
            reranker=reranker,
        )
        [answer] = self.search_all([request])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def search_all(
        self, requests: Sequence[SearchRequest], *, embedded: Callable[[], None] = lambda: None
    ) -> Iterator[Answer | Exception]:
        """Search several times at once, which takes less time than one search after another.

        All queries are embedded together, and compared with the videos together, in one state of the index. A query has
        the vectors that it has alone, up to a rounding (see `QueryEmbedder.embed_queries`), and so the answer.

        Args:
            requests: what is asked.
            embedded: called once the queries are embedded: those of others need wait no longer.

        Yields:
            For each request its answer, or the error that `search` raises. An error is of its request alone.
        """
        begin = time.perf_counter()
        errors: dict[int, Exception] = {}
        for number, request in enumerate(requests):
            try:
                request.check()
            except InputError as error:
                errors[number] = error
        checked = [number for number in range(len(requests)) if number not in errors]
        queries: dict[int, QueryVectors] = {}
        for number, query in zip(
            checked, self._embedded_each([requests[number].text for number in checked]), strict=True
        ):
            if isinstance(query, Exception):
                errors[number] = query
            else:
                queries[number] = query
        embedded()
        answers = self._answers([requests[number] for number in queries], list(queries.values()), begin)
        for number in range(len(requests)):
            yield errors[number] if number in errors else next(answers)

    def _embedded_each(self, texts: Sequence[str]) -> Sequence[QueryVectors | Exception]:
        """Return the vectors of each text, or the error that the text alone causes."""
        try:
            return self.model.embed_queries(texts) if texts else []
        except Exception as error:
            return [error] if len(texts) == 1 else [each for text in texts for each in self._embedded_each([text])]

    def _answers(
        self, requests: Sequence[SearchRequest], queries: Sequence[QueryVectors], begin: float
    ) -> Iterator[Answer | Exception]:
        if not requests:
            return
        try:
            snapshot = self.snapshot()
            shared = [with_shares(query, snapshot.manifest.blend) for query in queries]
            rankings = self._ranker.rankings(requests, shared, snapshot)
        except Exception as error:
            if len(requests) == 1:
                yield error
                return
            # the cause may be a single one of them
            for request, query in zip(requests, queries, strict=True):
                yield from self._answers([request], [query], begin)
            return
        for request, query, ranking in zip(requests, shared, rankings, strict=True):
            try:
                answer: Answer | Exception = self._maker.answer_to(request, query, ranking, snapshot, begin=begin)
            except Exception as error:
                answer = error
            yield answer

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
        [ranking] = self._ranker.by_model([ModelQuery(query, k + bool(leave_out), where)], snapshot)
        others = [name for name in ranking.ids if name != leave_out][:k]
        ranking = replace(ranking, ids=others, is_of_text=False)
        return self._maker.answer(ranking, query, "", k, snapshot, begin=begin)

    def best_places(
        self, query: QueryVectors, ids: Sequence[str], snapshot: Snapshot
    ) -> dict[str, tuple[float, float]]:
        """Return the best places of videos; see `VideoRanker.best_places`."""
        return self._ranker.best_places(query, ids, snapshot)

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
        queries: list[QueryVectors] = []
        for start in range(0, len(texts), _TOGETHER):
            queries += self.model.embed_queries(texts[start : start + _TOGETHER])
        shares = self.manifest.blend
        return {text: with_shares(query, shares) for text, query in zip(texts, queries, strict=True)}

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
        entry = self._ranker.entries([item_id], snapshot).get(item_id)
        if entry is None:
            raise NotFound(f"the index holds no video '{item_id[:200]}'", "give the id of a video of the index")
        return entry
