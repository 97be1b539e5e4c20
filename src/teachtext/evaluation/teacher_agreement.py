"""Agreement of teachers: the metrics of each, how alike they rank, and what they could find together.

All teachers are compared on the same queries and the same gallery. Axes: N teachers, C captions, B videos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import Metrics, hits, metrics_from_ranks
from teachtext.evaluation.ranks import Floats, Ints, t2v_ranks

TOPS = (1, 5)


@dataclass(frozen=True)
class TeacherAgreement:
    """The comparison of teachers of one seed.

    Attributes:
        metrics: by label, text to video.
        alone: by k, by label: the share of queries whose video is among the first k of that teacher and of no other,
            in percent.
        spearman: (N, N) rank correlation of the ranks of the right videos; NaN where it cannot be computed.
        kendall: (N, N) tau-b, likewise.
        oracle: metrics if the best teacher of every query answered it. A bound, because it takes the answers to know.
        ensemble: metrics of the mean of the similarity matrices: what all teachers find together at test time.
    """

    metrics: Mapping[str, Metrics]
    alone: Mapping[int, Mapping[str, float]]
    spearman: NDArray[np.float64]
    kendall: NDArray[np.float64]
    oracle: Metrics
    ensemble: Metrics


def compare_teachers(similarities: Mapping[str, Floats], video_of: Ints) -> TeacherAgreement:
    """Compare teachers on the same queries.

    Args:
        similarities: by label, (C, B) scores of the same captions against the same videos.
        video_of: (C,) column of each caption's own video.

    Raises:
        InputError: shapes that do not fit, or NaN.
    """
    ranks = {label: t2v_ranks(scores, video_of) for label, scores in similarities.items()}
    table = np.stack(list(ranks.values()))
    return TeacherAgreement(
        metrics={label: metrics_from_ranks(label_ranks) for label, label_ranks in ranks.items()},
        alone={k: dict(zip(ranks, _alone(table, k), strict=True)) for k in TOPS},
        spearman=_pairs(table, "spearmanr"),
        kendall=_pairs(table, "kendalltau"),
        oracle=metrics_from_ranks(table.min(axis=0)),
        ensemble=metrics_from_ranks(t2v_ranks(np.mean(list(similarities.values()), axis=0), video_of)),
    )


def _alone(ranks: NDArray[np.float64], k: int) -> list[float]:
    within = hits(ranks, k)
    only = within & (within.sum(axis=0) == 1)
    return [float(share) for share in 100 * only.mean(axis=1)]


def _pairs(ranks: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    from scipy import stats

    agreement = np.eye(len(ranks))
    with catch_warnings():
        # ranks that are all equal have no correlation, which NaN states
        simplefilter("ignore", stats.ConstantInputWarning)
        for row in range(len(ranks)):
            for column in range(row):
                coefficient = getattr(stats, method)(ranks[row], ranks[column]).statistic
                agreement[row, column] = agreement[column, row] = coefficient
    return agreement


def mean_over_seeds(matrices: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean over seeds of their matrices (N, N); NaN where a seed has NaN."""
    mean: NDArray[np.float64] = np.mean(matrices, axis=0)
    return mean
