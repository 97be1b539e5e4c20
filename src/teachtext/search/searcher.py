"""An index at work: words in, videos out, with the reason why each was found."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from teachtext.encoders.embedder import Embedder, QueryVectors
from teachtext.errors import InputError, NotFound
from teachtext.search.encoders import check_same, load_embedder
from teachtext.search.entry_cache import EntryCache
from teachtext.search.fulltext import FullTextIndex, WordMatch
from teachtext.search.fusion import fuse
from teachtext.search.manifest import Manifest, read_manifest
from teachtext.search.ranking import Gallery, nearly_top
from teachtext.search.stores import is_url, open_store
from teachtext.search.stores.base import Store
from teachtext.search.types import EVERYTHING, Entry, Filter, Item, Moment
from teachtext.search.vectors import contributions

By = Literal["both", "model", "words"]
# up to so many videos a search is exact unless it is told otherwise
EXACT_UP_TO = 50_000
# how far down rankings are fused, at least
_DEPTH = 100
_MOST_CHARACTERS = 10_000


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """A video that was found.

    Attributes:
        item: the video.
        path: where its file is, or was.
        has_file: whether the file is still there.
        score: the model's similarity of query and video, in [-1, 1].
        why: what each space adds to the score; their sum is the score.
        moments: where words of the query were heard or read.
        words: those words, as they stand there.
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

    def as_json(self) -> dict[str, Any]:
        """Return what is told of it wherever it is shown, but where its file is."""
        return {
            "there": self.has_file,
            "score": round(self.score, 6),
            "why": {name: round(part, 6) for name, part in self.why.items()},
            "words": list(self.words),
            "moments": [moment._asdict() for moment in self.moments],
            **self.item.as_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a search found.

    Attributes:
        results: best first.
        total: how many videos the index holds.
        exact: whether they are the best of all, or what a vector index took for them.
        corrected: whether hubs were corrected.
        seconds: how long it took.
    """

    results: Sequence[SearchResult]
    total: int
    exact: bool
    corrected: bool
    seconds: float


class Searcher:
    """An index and the model that made it, kept warm. May be shared by threads; what a writer adds is found at once.

    Args:
        place: folder or URL of the index.
        model: the model, if it was moved, or is loaded already.
        device: where a model that is loaded here computes (see `teachtext.devices`).
        exact: whether searches look at every video; by default up to 50,000 of them.

    Attributes:
        manifest: what the index is, as it was when it was opened.
        model: what embeds queries.
        store: where the index is kept.

    Raises:
        InputError: no index, a model that is gone or another one, a store that is down.
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
        self.manifest: Manifest = read_manifest(self.store)
        if model is None or isinstance(model, (str, Path)):
            self.model = load_embedder(self.manifest.model, model, device=device)
        else:
            check_same(self.manifest.model, model)
            self.model = model
        self._exact = exact
        self._gallery = Gallery(self.store, self.manifest.spaces)
        self._entry_cache = EntryCache(self.store)
        self._versions = self.store.versions()

    @cached_property
    def _words(self) -> FullTextIndex:
        return FullTextIndex(self.store, None if is_url(self.store.place) else Path(self.store.place) / "words.sqlite")

    def search(self, text: str, *, k: int = 10, where: Filter = EVERYTHING, by: By = "both") -> Answer:
        """Find videos with words.

        Args:
            text: the query.
            k: how many videos, at most.
            where: which are looked at.
            by: the model's similarity; the words that were heard and read; or both, fused (see `fuse`).

        Raises:
            InputError: an empty or enormous query, k below 1, a store that is down.
        """
        begin = time.perf_counter()
        _check(k)
        if len(text) > _MOST_CHARACTERS:
            raise InputError(f"the query has {len(text):,} characters", f"keep it under {_MOST_CHARACTERS:,}")
        self._refresh()
        query = self.model.embed_query(text)
        literal = self._literally(text, max(k, _DEPTH), where) if by != "model" else []
        if by == "words":
            return self._answer(begin, _Ranking(literal[:k]), query, text)
        found = self._by_vectors(query, max(k, _DEPTH) if literal else k, where)
        if literal:
            found = replace(found, ids=fuse([found.ids, literal])[:k])
        return self._answer(begin, found, query, text if literal else "")

    def like(self, item_id: str, *, k: int = 10, where: Filter = EVERYTHING) -> Answer:
        """Find videos like one of the index, by all spaces that it has, which count the same; itself is left out.

        Raises:
            NotFound: the index does not hold it.
            InputError: k below 1, a store that is down.
        """
        begin = time.perf_counter()
        _check(k)
        entry = self.entry(item_id)
        vectors = {
            name: entry.vectors.get(name, np.zeros(dim, np.float32)) for name, dim in self.manifest.spaces.items()
        }
        present = np.array([name in entry.vectors for name in sorted(vectors)], np.float32)
        query = QueryVectors(vectors, present / present.sum())
        found = self._by_vectors(query, k + 1, where)
        others = [name for name in found.ids if name != item_id][:k]
        return self._answer(begin, replace(found, ids=others), query, "")

    def entry(self, item_id: str) -> Entry:
        """Return a video.

        Raises:
            NotFound: the index does not hold it.
        """
        self._refresh()
        entry = self._entries([item_id]).get(item_id)
        if entry is None:
            raise NotFound(f"the index holds no video '{item_id[:200]}'", "give the id of a video that was found")
        return entry

    def _refresh(self) -> None:
        versions = self.store.versions()
        if versions != self._versions:
            self.manifest, self._versions = read_manifest(self.store), versions

    def _entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        return self._entry_cache.get(ids, self._versions)

    def _by_vectors(self, query: QueryVectors, k: int, where: Filter) -> "_Ranking":
        exact = self.store.count() <= EXACT_UP_TO if self._exact is None else self._exact

        def top(correct: bool) -> list[str]:
            if exact:
                hits = self._gallery.top(query, k, where=where, correct=correct)
            else:
                hits = nearly_top(self.store, self.manifest.spaces, query, k, where=where, correct=correct)
            return [hit.id for hit in hits]

        ids = top(correct=False)
        # the dynamic rule of QB-Norm: only where a known hub would come first
        hub = bool(ids) and self.manifest.bank is not None and ids[0] in self.manifest.bank.hubs
        return _Ranking(top(correct=True) if hub else ids, exact, hub)

    def _literally(self, text: str, k: int, where: Filter) -> list[str]:
        """Return the best videos that hold the words of a query and that a filter lets through."""
        ids = self._words.find(text)
        kept: list[str] = []
        for start in range(0, len(ids), _DEPTH):
            batch = ids[start : start + _DEPTH]
            entries = self._entries(batch) if where else {}
            kept += [name for name in batch if not where or (name in entries and where.lets(entries[name].item))]
            if len(kept) >= k:
                break
        return kept[:k]

    def _answer(self, begin: float, found: "_Ranking", query: QueryVectors, text: str) -> Answer:
        entries = self._entries(found.ids)
        said = self._words.where(text, found.ids) if text else {}
        results = [self._result(entries[name], query, said.get(name)) for name in found.ids if name in entries]
        return Answer(
            results=results,
            total=self.store.count(),
            exact=found.exact,
            corrected=found.corrected,
            seconds=time.perf_counter() - begin,
        )

    def _result(self, entry: Entry, query: QueryVectors, said: WordMatch | None) -> SearchResult:
        item, path = entry.item, self.manifest.path_of(entry.item.id)
        parts = contributions(query, entry.vectors)
        return SearchResult(
            item=item,
            path=path,
            has_file=path.exists(),
            score=sum(parts.values()),
            why=parts,
            moments=[item.moments[number] for number in said.moments] if said else [],
            words=said.words if said else [],
        )


@dataclass(frozen=True)
class _Ranking:
    ids: Sequence[str]
    exact: bool = True
    corrected: bool = False


def _check(k: int) -> None:
    if k < 1:
        raise InputError(f"{k} videos cannot be found", "ask for 1 at least")
