"""Ranks of the right answers in a similarity matrix, ties averaged.

Rows are queries (captions), packed: no row for a caption that does not exist. Columns are the gallery (videos).
A rank is 0-based; where scores are exactly equal it is the average position of all of them, so a constant
matrix scores chance and never 100 %.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
_CELLS_AT_ONCE = 4_000_000


class Ranked(NamedTuple):
    """Ranks, and how many others have exactly the score of the right answer.

    Attributes:
        ranks: (N,) 0-based ranks, ties averaged.
        ties: (N,) number of wrong answers with exactly the same score. With t ties at an averaged rank r the right
            answer stands at any of the places r - t / 2 ... r + t / 2.
    """

    ranks: NDArray[np.float64]
    ties: NDArray[np.int64]

    @classmethod
    def of(cls, above: Any, equal: Any) -> "Ranked":
        """Make ranks of counts: answers with a higher score, and with the same score, the right one included."""
        ties = np.asarray(equal, np.int64) - 1
        return cls(above + ties / 2, ties)

    @property
    def best(self) -> NDArray[np.float64]:
        """(N,) ranks if every tie is decided for the right answer."""
        return self.ranks - self.ties / 2

    @property
    def worst(self) -> NDArray[np.float64]:
        """(N,) ranks if every tie is decided against the right answer."""
        return self.ranks + self.ties / 2


def t2v_ranks(similarity: Floats, video_of: Ints) -> NDArray[np.float64]:
    """Rank the right video of every caption.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        video_of: (C,) column of each caption's own video.

    Returns:
        (C,) 0-based ranks among all B videos, ties averaged.

    Raises:
        InputError: shapes that do not fit, or NaN.

    >>> t2v_ranks(np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([0, 1])).tolist()
    [0.0, 1.0]
    """
    return rank_t2v(similarity, video_of).ranks


def rank_t2v(similarity: Floats, video_of: Ints) -> Ranked:
    """Rank the right video of every caption, and count ties (see `t2v_ranks`).

    >>> rank_t2v(np.array([[0.9, 0.9, 0.1]]), np.array([0]))
    Ranked(ranks=array([0.5]), ties=array([1]))
    """
    _check(similarity, video_of)
    right = similarity[np.arange(len(video_of)), video_of, None]
    counts = [((part > right[rows]).sum(1), (part == right[rows]).sum(1)) for rows, part in blocks(similarity)]
    return Ranked.of(*(np.concatenate(column) for column in zip(*counts, strict=True)))


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
    return rank_v2t(similarity, video_of).ranks


def rank_v2t(similarity: Floats, video_of: Ints) -> Ranked:
    """Rank the best of its own captions for every video, and count ties (see `v2t_ranks`).

    A second own caption with the same score ties too, as in the ranks.
    """
    _check(similarity, video_of)
    videos = similarity.shape[1]
    if len(np.unique(video_of)) != videos:
        raise InputError("video-to-text ranks", "every video of the gallery needs at least one caption")
    # of a video's own captions the one with the highest score has the lowest rank
    right = np.full(videos, _lowest(similarity.dtype), similarity.dtype)
    np.maximum.at(right, video_of, similarity[np.arange(len(video_of)), video_of])
    above, equal = np.zeros(videos, np.int64), np.zeros(videos, np.int64)
    for _, part in blocks(similarity):
        above += (part > right).sum(0)
        equal += (part == right).sum(0)
    return Ranked.of(above, equal)


def top_columns(similarity: Floats, count: int) -> NDArray[np.int64]:
    """Return the columns of the highest scores of every row, best first; of equal scores the left column comes first.

    Args:
        similarity: (C, B) scores of captions against videos, higher is better.
        count: number of columns a row; all columns where B is smaller.

    Returns:
        (C, min(count, B)).
    """
    count = min(count, similarity.shape[1])
    return np.concatenate([_top(part.copy(), count) for _, part in blocks(similarity)])


def _top(left: Floats, count: int) -> NDArray[np.int64]:
    if left.dtype.kind != "f":
        # no whole number is below all others; a stable sort of the columns from the right keeps the left one first
        reverse = np.argsort(left[:, ::-1], axis=1, kind="stable")[:, ::-1][:, :count]
        return np.asarray(left.shape[1] - 1 - reverse, np.int64)
    columns = np.empty((len(left), count), np.int64)
    for place in range(count):
        columns[:, place] = left.argmax(1)
        left[np.arange(len(left)), columns[:, place]] = -np.inf
    return columns


def check_scores(similarity: Floats) -> None:
    """Raise InputError for anything but a matrix (C, B) of finite scores with one video or more."""
    if similarity.ndim != 2 or not similarity.shape[1]:
        raise InputError(f"scores of shape {similarity.shape} are no matrix", "give (captions, videos) scores")
    if bad := not_finite(similarity):
        raise InputError(f"the scores are not all finite: {bad}", "check the features and the model that made them")


class NotFinite(NamedTuple):
    """Scores that are no finite numbers: the value and the place of the first, counted from 0, and their number."""

    value: float
    row: int
    column: int
    bad: int

    @property
    def name(self) -> str:
        """`NaN`, `inf` or `-inf`."""
        return "NaN" if np.isnan(self.value) else f"{self.value:g}"

    def __str__(self) -> str:
        more = f" ({self.bad:,} scores are not finite)" if self.bad > 1 else ""
        return f"{self.name} in row {self.row + 1:,}, column {self.column + 1:,}{more}"


def not_finite(similarity: Floats) -> NotFinite | None:
    """Find the scores of a matrix that are no finite numbers; None where all are finite.

    >>> str(not_finite(np.array([[0.5, np.nan], [np.inf, 0.1]])))
    'NaN in row 1, column 2 (2 scores are not finite)'
    """
    first: NotFinite | None = None
    for rows, part in blocks(similarity) if similarity.dtype.kind == "f" else ():
        # the extremes tell of most blocks that all is well, without a second array
        if part.size and not (np.isfinite(part.min()) and np.isfinite(part.max())):
            places = np.argwhere(~np.isfinite(part))
            row, column = places[0].tolist()
            first = first or NotFinite(float(part[row, column]), rows.start + row, column, 0)
            first = first._replace(bad=first.bad + len(places))
    return first


def _lowest(dtype: np.dtype[Any]) -> Any:
    """Return the lowest value of a type: no score is below."""
    if dtype.kind == "b":
        return False
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def blocks(similarity: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield blocks of rows of a matrix, small enough that values computed from a block take little memory."""
    step = max(1, _CELLS_AT_ONCE // max(1, similarity.shape[1]))
    for start in range(0, len(similarity), step):
        rows = slice(start, start + step)
        yield rows, similarity[rows]


def float_type(similarity: Floats) -> np.dtype[np.floating]:
    """Return the type for values that are computed from scores: that of the scores, at least float32."""
    return np.result_type(similarity.dtype, np.float32)


def mean_similarity(matrices: Iterable[Floats]) -> Floats:
    """Average the similarities of several systems: an ensemble at test time, at the cost of all of them.

    Args:
        matrices: (C, B) each, the same captions and videos in the same order, on the same scale.

    Raises:
        InputError: no matrix, or matrices of different shapes.
    """
    total, count = None, 0
    for matrix in matrices:
        if total is not None and total.shape != matrix.shape:
            raise InputError(
                f"similarities {total.shape} and {matrix.shape} have no mean", "score both against the same gallery"
            )
        total = matrix.astype(float_type(matrix)) if total is None else total + matrix
        count += 1
    if total is None:
        raise InputError("an ensemble of no systems", "give one or more")
    return total / count


def _check(similarity: Floats, video_of: Ints) -> None:
    if similarity.ndim != 2 or video_of.shape != (similarity.shape[0],):
        raise InputError(
            f"similarity {similarity.shape} and its captions {video_of.shape} do not fit",
            "give (captions, videos) scores and one video column for each caption",
        )
    if len(video_of) == 0 or video_of.min() < 0 or video_of.max() >= similarity.shape[1]:
        raise InputError("a caption's video is not in the gallery", "give a column for every caption's video")
    if similarity.dtype.kind == "f" and np.isnan(similarity.min()):
        problem = f"the similarity matrix holds NaN ({not_finite(similarity)})"
        raise InputError(problem, "check the features and the model that made it")
