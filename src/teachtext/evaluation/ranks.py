"""Ranks of the right answers in a similarity matrix, ties averaged.

Rows are queries (captions), packed: no row for a caption that does not exist. Columns are the gallery (videos).
A rank is 0-based; where scores are exactly equal it is the average position of all of them, so a constant
matrix scores chance and never 100 %.
"""

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
_CELLS_AT_ONCE = 16_000_000


def t2v_ranks(similarity: Floats, video_of: Ints) -> NDArray[np.float64]:
    """Rank the right video of every caption.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video.

    Returns:
        (C,) 0-based ranks among all B videos, ties averaged.

    Raises:
        InputError: shapes that do not fit, or NaN.
    """
    _check(similarity, video_of)
    right = similarity[np.arange(len(video_of)), video_of]
    return _ranks(similarity, right)


def v2t_ranks(similarity: Floats, video_of: Ints) -> NDArray[np.float64]:
    """Rank the best of its own captions for every video.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video; every video must have a caption.

    Returns:
        (B,) the lowest 0-based rank among a video's own captions, over all C captions, ties averaged.

    Raises:
        InputError: shapes that do not fit, NaN, or a video without a caption.
    """
    _check(similarity, video_of)
    videos = similarity.shape[1]
    if len(np.unique(video_of)) != videos:
        raise InputError("video-to-text ranks", "every video of the gallery needs at least one caption")
    best = np.full(videos, np.inf)
    # one caption a video at a time: the k-th captions of all videos form a round
    order = np.argsort(video_of, kind="stable")
    starts = np.searchsorted(video_of[order], np.arange(videos))
    counts = np.bincount(video_of, minlength=videos)
    transposed = np.ascontiguousarray(similarity.T)
    for round_ in range(int(counts.max())):
        active = np.flatnonzero(counts > round_)
        own = order[starts[active] + round_]
        ranks = _ranks(transposed[active], similarity[own, active])
        best[active] = np.minimum(best[active], ranks)
    return best


def _ranks(rows: Floats, right: Floats) -> NDArray[np.float64]:
    ranks = np.empty(len(rows))
    step = max(1, _CELLS_AT_ONCE // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        part, own = rows[start : start + step], right[start : start + step, None]
        ranks[start : start + step] = (part > own).sum(1) + ((part == own).sum(1) - 1) / 2
    return ranks


def _check(similarity: Floats, video_of: Ints) -> None:
    if similarity.ndim != 2 or video_of.shape != (similarity.shape[0],):
        raise InputError(
            f"similarity {similarity.shape} and its captions {video_of.shape} do not fit",
            "give (captions, videos) scores and one video column for each caption",
        )
    if len(video_of) == 0 or video_of.min() < 0 or video_of.max() >= similarity.shape[1]:
        raise InputError("a caption's video is not in the gallery", "give a column for every caption's video")
    if np.isnan(similarity).any():
        raise InputError("the similarity matrix holds NaN", "check the features and the model that made it")
