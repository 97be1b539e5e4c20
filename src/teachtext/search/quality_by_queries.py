"""How well an index finds videos, by the number of queries that are asked for each caption, and what that costs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from teachtext.data.types import Dataset
from teachtext.encoders.embedder import QueryVectors
from teachtext.progress import Progress, silent
from teachtext.rewriting.fusion import Fusion
from teachtext.rewriting.quality import COUNTS, TIMED, QualityByQueries, check_counts, rank_by_queries
from teachtext.rewriting.writer import Writer
from teachtext.search.all_scores import AllScores
from teachtext.search.blend import with_shares
from teachtext.search.expansion import WRITER_S, Expansion, query_rows
from teachtext.search.quality import find_captions
from teachtext.search.searcher import Searcher


@dataclass(frozen=True)
class _Embedded:
    """Queries of an index (see `teachtext.rewriting.quality.AskedQueries`)."""

    queries: Sequence[QueryVectors]
    gallery: AllScores
    spaces: Mapping[str, int]

    @property
    def rows(self) -> NDArray[np.float64]:
        return query_rows(self.queries, self.spaces)

    def scores(self, places: Sequence[int]) -> NDArray[np.float64]:
        return self.gallery.of([self.queries[place] for place in places])


def measure_by_queries(
    searcher: Searcher,
    dataset: Dataset,
    split: str,
    writer: Writer,
    *,
    counts: Sequence[int] = COUNTS,
    fuse: Fusion = "reciprocal",
    seconds: float = WRITER_S,
    progress: Progress = silent,
) -> QualityByQueries:
    """Rank the videos of a split's captions among all videos of an index, with one and with several queries.

    Scores are those of a search by the model alone, exact, with hubs corrected query by query.

    Args:
        searcher: the opened index.
        dataset: captions and videos; see `measure_quality`.
        split: of the dataset.
        writer: writes the queries.
        counts: numbers of queries, the caption itself among them.
        fuse: how the rankings of several queries become one.
        seconds: time limit of the writer for a caption.
        progress: told how many captions are ranked.

    Raises:
        InputError: see `measure_quality`; or a number of queries is below 1 or above 21.
    """
    numbers = check_counts(counts)
    findable, manifest = find_captions(searcher, dataset, split), searcher.manifest

    def ask(texts: Sequence[str]) -> _Embedded:
        queries = [with_shares(query, manifest.blend) for query in searcher.model.embed_queries(texts)]
        return _Embedded(queries, findable.gallery, manifest.spaces)

    measured = rank_by_queries(
        findable.captions,
        findable.targets.tolist(),
        ask,
        writer,
        counts=numbers,
        fuse=fuse,
        seconds=seconds,
        progress=progress,
    )
    search_ms = {count: _search_ms(searcher, list(measured.asked.values()), count, fuse) for count in numbers}
    return replace(measured, search_ms=search_ms, notes=[*findable.notes, *measured.notes])


def _search_ms(searcher: Searcher, asked: Sequence[Sequence[str]], count: int, fuse: Fusion) -> float:
    """Return the median time of a search with a number of queries, in milliseconds, over some captions."""
    taken = []
    for text, *others in asked[:TIMED]:
        begin = time.perf_counter()
        queries = searcher.model.embed_queries(others[: count - 1]) if others[: count - 1] else []
        shared = [with_shares(query, searcher.manifest.blend) for query in queries]
        searcher.search(text, by="model", expansion=Expansion(fuse=fuse, queries=shared))
        taken.append(time.perf_counter() - begin)
    return 1000 * float(np.median(taken))
