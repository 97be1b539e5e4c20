"""What a run's numbers stand between: models below the student, and bounds above, all from text to video.

Axes: N models, C captions, B videos.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.data.rivals import Rivals
from teachtext.evaluation.metrics import METRICS, metrics_from_ranks
from teachtext.evaluation.ranks import Floats
from teachtext.evaluation.result_rows import Record, Spread

Ranks = NDArray[np.float64]


class Reference(Record):
    """A row beside the models of a run.

    Attributes:
        label: its name.
        meaning: a sentence.
        t2v: metrics by name, once for each seed; once for a row without seeds.
    """

    label: str
    meaning: str
    t2v: list[dict[str, float]]

    def spread(self, metric: str) -> Spread:
        """Summarise a metric over the seeds."""
        return Spread.of([seed[metric] for seed in self.t2v])


class LeftOut(Record):
    """A row that could not be computed, and the reason."""

    label: str
    problem: str


class FloorAndCeiling(Record):
    """The rows below and above the student.

    Attributes:
        floor: chance, and models without TeachText.
        ceiling: what the teachers reach together.
        rivals: test queries that have the same words under another video, capitals and punctuation aside.
        left_out: rows that could not be computed.
    """

    floor: list[Reference]
    ceiling: list[Reference]
    rivals: Rivals
    left_out: list[LeftOut]


def chance_metrics(videos: int) -> dict[str, float]:
    """Return the metrics that a model expects which ranks the B videos of the gallery at random.

    >>> chance_metrics(4)["r1"], chance_metrics(4)["mdr"]
    (25.0, 2.5)
    """
    # the right video stands at every rank equally often; a tie of two ranks would be half a rank
    ranks = np.arange(videos, dtype=np.float64)
    return {key: metric.of(ranks) for key, metric in METRICS.items()}


def oracle_ranks(ranks: Sequence[Ranks]) -> Ranks:
    """Return for each query the best rank among N models: (C,).

    >>> oracle_ranks([np.array([0.0, 5.0]), np.array([3.0, 2.0])]).tolist()
    [0.0, 2.0]
    """
    best: Ranks = np.min(np.stack(ranks), axis=0)
    return best


def standardised(similarity: Floats) -> Floats:
    """Return the scores (C, B) with mean 0 and standard deviation 1 over the matrix; NaN stays NaN.

    Equal scores become 0, for they rank nothing.

    >>> standardised(np.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """
    if np.isnan(similarity).all():
        return similarity
    mean, deviation = (float(of(similarity, dtype=np.float64)) for of in (np.nanmean, np.nanstd))
    return (similarity - mean) / (deviation if deviation > 0 else 1.0)


class MeanOpinion:
    """The average of scores (C, B) over the models that have an opinion: NaN is none.

    One matrix is added after the other, so that no more than two are in memory.

    >>> mean = MeanOpinion()
    >>> mean.add(np.array([[1.0, np.nan, np.nan]]))
    >>> mean.add(np.array([[3.0, 5.0, np.nan]]))
    >>> mean.scores.tolist()
    [[2.0, 5.0, 1.0]]
    """

    def __init__(self) -> None:
        self._total: Floats = np.zeros((), np.float32)
        self._count: NDArray[np.int64] = np.zeros((), np.int64)

    def add(self, similarity: Floats) -> None:
        """Add the scores of a model."""
        self._total = self._total + np.nan_to_num(similarity, nan=0.0)
        self._count = self._count + ~np.isnan(similarity)

    @property
    def scores(self) -> Floats:
        """(C, B) means; where no model has an opinion, one below all other scores."""
        scores = self._total / np.maximum(self._count, 1)
        opinion = self._count > 0
        scores[~opinion] = scores[opinion].min() - 1.0 if opinion.any() else 0.0
        return scores


def reference(label: str, meaning: str, ranks: Iterable[Ranks]) -> Reference:
    """Return a row of 0-based ranks (C,), once for each seed."""
    return Reference(label=label, meaning=meaning, t2v=[metrics_from_ranks(seed).as_dict() for seed in ranks])
