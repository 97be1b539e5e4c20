"""nDCG@10: the discounted gain of the first ten answers (Jarvelin and Kekalainen, TOIS 2002).

As in trec_eval, every right answer has the gain 1. A right answer at place p, from 0, counts 1 / log2(p + 2), and the
sum is divided by that of the best possible order. Where scores are exactly equal the gain is the mean over all orders
of the tied answers (McSherry and Najork, ECIR 2008); trec_eval orders tied answers by their ids instead.
"""

import numpy as np
from numpy.typing import NDArray

from teachtext.evaluation.ranks import Floats, Ints, Ranked

NDCG = "ndcg10"
NDCG_NAME = "nDCG@10"
_PLACES = 10
# (11,): the gain of all places before place p
_GAIN_BEFORE = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(_PLACES) + 2))])


def t2v_ndcg(ranked: Ranked) -> NDArray[np.float64]:
    """Return (C,) the nDCG@10 of every caption, in [0, 1]. A caption has one right video.

    >>> t2v_ndcg(Ranked(np.array([0.0, 2.0, 10.0]), np.array([0, 0, 0]))).round(6).tolist()
    [1.0, 0.5, 0.0]
    """
    return _gain(ranked.best, ranked.ties + 1)


def v2t_ndcg(similarity: Floats, video_of: Ints) -> NDArray[np.float64]:
    """Return (B,) the nDCG@10 of every video, in [0, 1]. All captions of a video are right answers.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video; every video must have a caption.

    >>> v2t_ndcg(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.7]]), np.array([0, 0, 1])).tolist()
    [1.0, 1.0]
    """
    captions, videos = similarity.shape
    ndcg = np.zeros(videos)
    rows_of = np.split(np.argsort(video_of, kind="stable"), np.cumsum(np.bincount(video_of, minlength=videos))[:-1])
    for video, rows in enumerate(rows_of):
        scores = similarity[:, video]
        ordered, right = np.sort(scores), scores[rows]
        # positions in ascending order: what lies at and after the right end has a higher score
        end = np.searchsorted(ordered, right, side="right")
        gains = _gain(captions - end, end - np.searchsorted(ordered, right, side="left"))
        ndcg[video] = gains.sum() / _GAIN_BEFORE[min(len(rows), _PLACES)]
    return ndcg


def _gain(first: NDArray[np.number], places: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean gain over so many places, of which the first is given."""
    starts = np.minimum(first, _PLACES).astype(np.int64)
    ends = np.minimum(first + places, _PLACES).astype(np.int64)
    gains: NDArray[np.float64] = (_GAIN_BEFORE[ends] - _GAIN_BEFORE[starts]) / places
    return gains
