"""Retrieval by the number of queries that are asked for each caption: ranks, gains with intervals, and times."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from teachtext.data.protocol import Caption
from teachtext.errors import InputError, first_of
from teachtext.evaluation.metrics import Metrics, metrics_from_ranked
from teachtext.evaluation.ranks import Ranked, rank_t2v
from teachtext.evaluation.significance import Difference, Interval, compare, interval
from teachtext.progress import Progress, silent
from teachtext.rewriting.farthest import farthest
from teachtext.rewriting.fusion import Fusion, fuse_scores
from teachtext.rewriting.writer import Writer, write_queries
from teachtext.written_texts import MOST_TEXTS

COUNTS = (1, 2, 3, 5)
"""Numbers of queries that are compared by default."""
TIMED = 50
"""Captions whose queries are timed."""
# notes on what the writer wrote that are shown
_SHOWN = 5


class AskedQueries(Protocol):
    """Q queries that a model has embedded."""

    @property
    def rows(self) -> NDArray[np.floating]:
        """(Q, D) rows whose cosines say how far two queries are apart."""
        ...

    def scores(self, places: Sequence[int]) -> NDArray[np.floating]:
        """Return the scores of some queries and all N videos, (places, N)."""
        ...


class Asks(Protocol):
    """Embeds texts as queries."""

    def __call__(self, texts: Sequence[str]) -> AskedQueries:
        """Embed Q texts."""
        ...


@dataclass(frozen=True)
class QualityByQueries:
    """The ranks of C captions by the number of queries.

    Attributes:
        captions: the captions.
        fuse: how the rankings of several queries become one.
        ranked: by number of queries, (C,) 0-based ranks of their videos, ties averaged; and the ties.
        asked: by caption text, the queries in the order of their choice, the caption first.
        writer_ms: the median time in which the writer answers, in milliseconds.
        search_ms: by number of queries, the median time of a search without the writer, in milliseconds.
        notes: remarks for readers of the numbers, a sentence each.
    """

    captions: Sequence[Caption]
    fuse: Fusion
    ranked: Mapping[int, Ranked]
    asked: Mapping[str, Sequence[str]]
    writer_ms: float
    search_ms: Mapping[int, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

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
                "search_ms": self.search_ms.get(count),
            }
        facts = {"fuse": self.fuse, "captions": len(self.captions), "writer_ms": self.writer_ms}
        return {**facts, "queries": counts, "notes": list(self.notes)}


def rank_by_queries(
    captions: Sequence[Caption],
    targets: Sequence[int],
    ask: Asks,
    writer: Writer,
    *,
    counts: Sequence[int],
    fuse: Fusion,
    seconds: float,
    progress: Progress = silent,
) -> QualityByQueries:
    """Rank all videos for each caption, with one and with several queries.

    The writer is asked once for each different caption. Farthest query sampling is greedy, so that fewer queries are
    the first of more.

    Args:
        captions: C captions.
        targets: C columns of their videos.
        ask: embeds queries, and scores them.
        writer: writes the queries.
        counts: numbers of queries, the caption itself among them (see `check_counts`).
        fuse: how the rankings of several queries become one.
        seconds: time limit of the writer for a caption.
        progress: told how many captions are ranked.
    """
    asked: dict[str, Sequence[str]] = {}
    writer_s: list[float] = []
    notes: dict[str, None] = {}
    parts: dict[int, list[Ranked]] = {count: [] for count in counts}
    for row, caption in enumerate(captions):
        progress("rank the captions", row, len(captions))
        texts = asked.get(caption.text)
        if texts is None:
            begin = time.perf_counter()
            written = write_queries(writer, caption.text, seconds=seconds)
            writer_s.append(time.perf_counter() - begin)
            notes |= dict.fromkeys(written.notes)
            every = [caption.text, *written.texts]
            queries = ask(every)
            places = farthest(queries.rows, max(counts))
            asked[caption.text] = [every[place] for place in places]
        else:
            queries, places = ask(texts), range(len(texts))
        scores = queries.scores(places)
        for count, ranks in parts.items():
            several = scores[:count]
            fused = fuse_scores(several, fuse) if len(several) > 1 else several[0]
            ranks.append(rank_t2v(fused[None], np.array([targets[row]])))
    progress("rank the captions", len(captions), len(captions))
    return QualityByQueries(
        captions=captions,
        fuse=fuse,
        ranked={count: Ranked(*map(np.concatenate, zip(*ranks, strict=True))) for count, ranks in parts.items()},
        asked=asked,
        writer_ms=1000 * float(np.median(writer_s)),
        notes=[*_first(list(notes)), *_few(captions, asked, max(counts))],
    )


def check_counts(counts: Sequence[int]) -> list[int]:
    """Return numbers of queries, sorted, each once.

    Raises:
        InputError: none, or one below 1 or above 21.

    >>> check_counts([3, 1, 3])
    [1, 3]
    """
    if not counts or not all(1 <= count <= MOST_TEXTS + 1 for count in counts):
        raise InputError(f"the numbers of queries are {list(counts)}", f"give numbers from 1 to {MOST_TEXTS + 1}")
    return sorted(set(counts))


def _first(notes: Sequence[str]) -> list[str]:
    """Return the first of many notes, and how many more there are."""
    more = [f"{len(notes) - _SHOWN:,} more notes on what the writer wrote"] if len(notes) > _SHOWN else []
    return [*notes[:_SHOWN], *more]


def _few(captions: Sequence[Caption], asked: Mapping[str, Sequence[str]], most: int) -> list[str]:
    """Return notes on captions with fewer queries than were asked for."""
    notes = []
    alone = [caption.id for caption in captions if len(asked[caption.text]) == 1]
    if alone:
        notes.append(f"{len(alone):,} of {len(captions):,} captions have no written query: {first_of(alone)}")
    mean = float(np.mean([len(asked[caption.text]) for caption in captions]))
    if mean < most:
        notes.append(f"where {most} queries are asked, captions have {mean:.1f} in the mean: no more were written")
    return notes
