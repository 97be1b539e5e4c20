"""How well a student agrees with its teachers, and what a query costs each of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.encoders.embedder import QueryEmbedder
from teachtext.evaluation.floor_and_ceiling import chance_metrics
from teachtext.evaluation.metrics import Metrics, metrics_from_ranked
from teachtext.evaluation.ranks import rank_t2v
from teachtext.evaluation.significance import Interval, interval

Scores = NDArray[np.float32]

_TIMED = 20


@dataclass(frozen=True)
class Agreement:
    """The agreement of a student with its teachers on C sentences and B videos that it did not learn from.

    The right video of a sentence is here the first one of the teachers, whoever is right.

    Attributes:
        metrics: how often the student has that video among its first 1, 5 or 10.
        interval: 95 % interval of R@1 over videos; None where all first videos are the same.
        chance: the same metrics by chance.
        correlation: mean over the sentences of the rank correlation (Spearman) of both orders of the videos.
        sentences: C.
        videos: B.
    """

    metrics: Metrics
    interval: Interval | None
    chance: Mapping[str, float]
    correlation: float
    sentences: int
    videos: int

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for files."""
        return {
            "t2v": self.metrics.as_dict(),
            "r1_interval": self.interval and [self.interval.low, self.interval.high],
            "chance": dict(self.chance),
            "rank_correlation": self.correlation,
            "sentences": self.sentences,
            "videos": self.videos,
        }


def agreement_of(student: Scores, teachers: Scores) -> Agreement:
    """Compare the scores of a student and of its teachers, both (C, B).

    >>> scores = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.1]], np.float32)
    >>> round(agreement_of(scores, 10 * scores).correlation, 3), agreement_of(scores, scores).metrics["r1"]
    (1.0, 100.0)
    """
    first = teachers.argmax(axis=1)
    ranked = rank_t2v(student, first)
    videos = np.unique(first, return_inverse=True)[1]
    return Agreement(
        metrics=metrics_from_ranked(ranked),
        interval=interval([ranked.ranks], videos, statistic="r1") if videos.any() else None,
        chance=chance_metrics(student.shape[1]),
        correlation=float(np.mean([_correlation(*rows) for rows in zip(student, teachers, strict=True)])),
        sentences=len(student),
        videos=student.shape[1],
    )


def _correlation(left: NDArray[Any], right: NDArray[Any]) -> float:
    """Return Spearman's correlation of two rows; 0 where one of them is constant."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(left), rankdata(right)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1)
    return float(ranks[0] @ ranks[1] / (lengths[0] * lengths[1])) if lengths.all() else 0.0


@dataclass(frozen=True)
class QueryCost:
    """What a query costs on this machine, in milliseconds of processor time: the median over some sentences."""

    student_ms: float
    teachers_ms: float

    @property
    def share(self) -> float:
        """The student's part of the teachers' cost."""
        return self.student_ms / max(self.teachers_ms, 1e-9)

    def as_dict(self) -> dict[str, float]:
        """Return all figures, for files."""
        return {**asdict(self), "share": self.share}


def query_cost(student: QueryEmbedder, teachers: Sequence[QueryEmbedder], sentences: Sequence[str]) -> QueryCost:
    """Measure what a query costs the student, and all teachers together.

    Args:
        student: embeds queries.
        teachers: embed queries.
        sentences: of which 20 are embedded, one at a time, in other words than before, for embedders remember queries.
    """
    fresh = [f"{sentence}, {number}" for number, sentence in enumerate(sentences[:_TIMED])]
    # in turn: whatever else the process does meanwhile then counts for both alike
    pairs = [(_ms([student], sentence), _ms(teachers, sentence)) for sentence in fresh]
    return QueryCost(*(float(np.median(times)) for times in zip(*pairs, strict=True)))


def _ms(embedders: Sequence[QueryEmbedder], sentence: str) -> float:
    begin = time.process_time()
    for embedder in embedders:
        embedder.embed_query(sentence)
    return 1000 * (time.process_time() - begin)
