"""How well an index finds videos, by the number of queries that are asked for each caption, and what that costs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.data.protocol import Caption
from teachtext.data.types import Dataset
from teachtext.errors import InputError, first_of
from teachtext.evaluation.metrics import Metrics, metrics_from_ranked
from teachtext.evaluation.ranks import Ranked, rank_t2v
from teachtext.evaluation.significance import Difference, Interval, compare, interval
from teachtext.progress import Progress, silent
from teachtext.rewriting.fusion import Fusion, fuse_scores
from teachtext.rewriting.writer import MOST_TEXTS, Writer, write_queries
from teachtext.search.blend import with_shares
from teachtext.search.expansion import WRITER_S, Expander, chosen
from teachtext.search.quality import find_captions
from teachtext.search.searcher import Searcher

COUNTS = (1, 2, 3, 5)
"""Numbers of queries that are compared by default."""
# captions whose searches are timed
_TIMED = 50


@dataclass(frozen=True)
class QualityByQueries:
    """The ranks of C captions by the number of queries.

    Attributes:
        captions: C captions whose video is in the index.
        fuse: how the rankings of several queries become one.
        ranked: by number of queries, ranks as in `SearchQuality`.
        search_ms: by number of queries, the median time of a search without the writer, in milliseconds.
        writer_ms: the median time in which the writer answers, in milliseconds.
        notes: remarks for readers of the numbers, a sentence each.
    """

    captions: Sequence[Caption]
    fuse: Fusion
    ranked: Mapping[int, Ranked]
    search_ms: Mapping[int, float]
    writer_ms: float
    notes: Sequence[str]

    @property
    def video_of(self) -> NDArray[np.int64]:
        """(C,) the number of each caption's video."""
        return np.unique([caption.video_id for caption in self.captions], return_inverse=True)[1]

    def metrics(self, count: int) -> Metrics:
        """Return the metrics of a number of queries."""
        return metrics_from_ranked(self.ranked[count])

    def interval(self, count: int) -> Interval | None:
        """Return the 95 % interval of R@1 over videos; None where the captions have a single video."""
        if not self.video_of.any():
            return None
        return interval([self.ranked[count].ranks], self.video_of, statistic="r1")

    def gain(self, count: int) -> Difference | None:
        """Return R@1 minus that of one query; None for one query, and where there is a single video."""
        if count == 1 or 1 not in self.ranked or not self.video_of.any():
            return None
        return compare([self.ranked[count].ranks], [self.ranked[1].ranks], self.video_of, statistic="r1")

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for files."""
        counts = {}
        for count in self.ranked:
            bounds, gain = self.interval(count), self.gain(count)
            counts[str(count)] = {
                "t2v": self.metrics(count).as_dict(),
                "r1_interval": [bounds.low, bounds.high] if bounds else None,
                "r1_gain": {"value": gain.value, "low": gain.low, "high": gain.high} if gain else None,
                "search_ms": self.search_ms[count],
            }
        facts = {"fuse": self.fuse, "captions": len(self.captions), "writer_ms": self.writer_ms}
        return {**facts, "queries": counts, "notes": list(self.notes)}


class _Rewritten:
    """A writer whose texts are written already, so that a search is timed without the writer."""

    name = "the texts that were written"

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._texts = texts

    def write(self, text: str, *, seconds: float) -> Sequence[str]:
        return self._texts[text]


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

    Scores are those of a search by the model alone, exact, with hubs corrected query by query. The writer is asked
    once for each different caption.

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
    captions, gallery = findable.captions, findable.gallery
    written: dict[str, Sequence[str]] = {}
    writer_s: list[float] = []
    notes: dict[str, None] = {}
    parts: dict[int, list[Ranked]] = {count: [] for count in numbers}
    for row, caption in enumerate(captions):
        progress("rank the captions", row, len(captions))
        if caption.text not in written:
            begin = time.perf_counter()
            answer = write_queries(writer, caption.text, seconds=seconds)
            writer_s.append(time.perf_counter() - begin)
            written[caption.text] = answer.texts
            notes |= dict.fromkeys(answer.notes)
        texts = [caption.text, *written[caption.text]]
        queries = [with_shares(query, manifest.blend) for query in searcher.model.embed_queries(texts)]
        asked = [queries[place] for place in chosen(queries, manifest.spaces, max(numbers))]
        scores, target = gallery.of(asked), findable.targets[row : row + 1]
        for count, ranks in parts.items():
            fused = fuse_scores(scores[:count], fuse) if len(scores[:count]) > 1 else scores[0]
            ranks.append(rank_t2v(fused[None], target))
    progress("rank the captions", len(captions), len(captions))
    alone = [caption.id for caption in captions if not written[caption.text]]
    return QualityByQueries(
        captions=captions,
        fuse=fuse,
        ranked={count: Ranked(*map(np.concatenate, zip(*ranks, strict=True))) for count, ranks in parts.items()},
        search_ms=_search_ms(searcher, [caption.text for caption in captions], written, numbers, fuse),
        writer_ms=1000 * float(np.median(writer_s)),
        notes=[*findable.notes, *_shortened(list(notes)), *_few(alone, len(captions), written, max(numbers))],
    )


def check_counts(counts: Sequence[int]) -> list[int]:
    """Return numbers of queries, sorted, each once.

    Raises:
        InputError: none, or one below 1 or above 21.
    """
    if not counts or not all(1 <= count <= MOST_TEXTS + 1 for count in counts):
        raise InputError(f"the numbers of queries are {list(counts)}", f"give numbers from 1 to {MOST_TEXTS + 1}")
    return sorted(set(counts))


def _search_ms(
    searcher: Searcher, texts: Sequence[str], written: Mapping[str, Sequence[str]], counts: Sequence[int], fuse: Fusion
) -> dict[int, float]:
    """Return the median time of a search by number of queries, in milliseconds, over some captions."""
    some, rewritten = list(dict.fromkeys(texts))[:_TIMED], _Rewritten(written)
    times = {}
    for count in counts:
        expander, taken = Expander(rewritten, queries=count, fuse=fuse), []
        for text in some:
            begin = time.perf_counter()
            searcher.search(text, by="model", expansion=expander.expand(text, searcher))
            taken.append(time.perf_counter() - begin)
        times[count] = 1000 * float(np.median(taken))
    return times


def _shortened(notes: Sequence[str], most: int = 5) -> list[str]:
    """Return the first of many notes, and how many more there are."""
    more = [f"{len(notes) - most:,} more notes on what the writer wrote"] if len(notes) > most else []
    return [*notes[:most], *more]


def _few(alone: Sequence[str], captions: int, written: Mapping[str, Sequence[str]], most: int) -> list[str]:
    """Return notes on captions with fewer queries than asked for."""
    notes = []
    if alone:
        notes.append(f"{len(alone):,} of {captions:,} captions have no written query: {first_of(alone)}")
    mean = float(np.mean([min(len(texts), most - 1) for texts in written.values()]))
    if mean < most - 1:
        notes.append(f"where {most} queries are asked, captions have {1 + mean:.1f} in the mean: no more were written")
    return notes
