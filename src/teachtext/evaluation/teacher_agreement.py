"""What several teachers know: each by itself, where they agree, and what they could find together.

All are compared on the same queries and the same gallery. Axes: N teachers, C captions, B videos.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.metrics import Metrics, metrics_from_ranks
from teachtext.evaluation.ranks import Floats, Ints, t2v_ranks

TOPS = (1, 5)


@dataclass(frozen=True)
class Roster:
    """Teachers compared, with one seed.

    Attributes:
        metrics: by label, text to video.
        alone: by k, by label: the share of queries whose video is among the first k of that teacher and of no other,
            in percent.
        spearman: (N, N) rank correlation of the ranks of the right videos; NaN where it cannot be computed.
        kendall: (N, N) tau-b, likewise.
        oracle: if the best teacher of every query answered it: what nobody can have, for it takes the answers.
        ensemble: of the mean of the similarity matrices: what all teachers find together at test time.
    """

    metrics: Mapping[str, Metrics]
    alone: Mapping[int, Mapping[str, float]]
    spearman: NDArray[np.float64]
    kendall: NDArray[np.float64]
    oracle: Metrics
    ensemble: Metrics


def compare_roster(similarities: Mapping[str, Floats], video_of: Ints) -> Roster:
    """Compare teachers.

    Args:
        similarities: by label, (C, B) scores of captions against videos, of the same in the same order.
        video_of: (C,) column of each caption's own video.

    Raises:
        InputError: shapes that do not fit, or NaN.
    """
    ranks = {label: t2v_ranks(scores, video_of) for label, scores in similarities.items()}
    table = np.stack(list(ranks.values()))
    return Roster(
        metrics={label: metrics_from_ranks(own) for label, own in ranks.items()},
        alone={k: dict(zip(ranks, _alone(table, k), strict=True)) for k in TOPS},
        spearman=_pairs(table, "spearmanr"),
        kendall=_pairs(table, "kendalltau"),
        oracle=metrics_from_ranks(table.min(axis=0)),
        ensemble=metrics_from_ranks(t2v_ranks(np.mean(list(similarities.values()), axis=0), video_of)),
    )


def _alone(ranks: NDArray[np.float64], k: int) -> list[float]:
    # as the recalls count: a tied first place is none
    hits = ranks == 0 if k == 1 else ranks < k
    only = hits & (hits.sum(axis=0) == 1)
    return [float(share) for share in 100 * only.mean(axis=1)]


def _pairs(ranks: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    from scipy import stats

    agreement = np.eye(len(ranks))
    with catch_warnings():
        # of ranks that are all equal: there is no correlation, and NaN says so
        simplefilter("ignore", stats.ConstantInputWarning)
        for one in range(len(ranks)):
            for other in range(one):
                found = getattr(stats, method)(ranks[one], ranks[other]).statistic
                agreement[one, other] = agreement[other, one] = found
    return agreement


def mean_over_seeds(matrices: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of one matrix a seed; NaN where it cannot be computed for one of them."""
    found: NDArray[np.float64] = np.mean(matrices, axis=0)
    return found
