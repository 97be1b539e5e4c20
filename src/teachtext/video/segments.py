"""Cuts a video into segments: unions of consecutive pieces that show the same thing."""

import numpy as np
from numpy.typing import NDArray

# Chosen by cross-validation on films of joined clips: docs/methods/moments.md. In seconds of scatter.
_PENALTY = 1.2
# a segment of the greatest length costs so much more than a short one, so that cuts without a reason are even
_EVEN = 0.1
# above every other cost: a segment that is too short
_TOO_SHORT = 1e6
# pieces of a segment, at most; and pieces whose costs are in memory at once
_MOST_PIECES, _BLOCK = 256, 4096
_TOLERANCE_S, _LEAST_PIECE_S = 1e-3, 1e-3

Floats = NDArray[np.float64]


def cut(
    rows: NDArray[np.float32],
    times: NDArray[np.float32] | Floats,
    *,
    least_s: float = 2.0,
    most_s: float = 20.0,
    whole_s: float = 12.0,
    penalty_s: float = _PENALTY,
) -> NDArray[np.int64]:
    """Cut a video where what it shows changes.

    The cut minimises the scatter of the rows within the segments, in seconds, and a penalty for each segment: the
    change points of Kernel Temporal Segmentation (Potapov et al., Category-Specific Video Summarization, ECCV 2014)
    with a linear kernel, over segments of bounded length. Rows count in unit length. The minimum is exact. Time and
    memory are linear in the number of pieces.

    Args:
        rows: features of T consecutive pieces of one video, (T, D), finite.
        times: seconds at which each piece starts and ends, (T, 2), in order.
        least_s: least length of a segment. A segment is shorter where the video is, or where any longer one would
            exceed `most_s`.
        most_s: greatest length of a segment. A longer piece is a segment of its own. A stretch without a change is
            divided evenly.
        whole_s: a video of at most this length is one segment.
        penalty_s: the penalty for each segment: a cut must save so many seconds of scatter, in [0, 1] a second.

    Returns:
        The first piece of each segment and one past its last piece, (S, 2). The segments cover all pieces in order.

    Example:
        >>> rows = np.repeat(np.eye(2, dtype=np.float32), [6, 3], axis=0)
        >>> starts = 2.0 * np.arange(9)
        >>> cut(rows, np.stack([starts, starts + 2], axis=1)).tolist()
        [[0, 6], [6, 9]]
    """
    count = len(rows)
    spans = times.astype(np.float64)
    if count == 0:
        return np.zeros((0, 2), np.int64)
    if count == 1 or spans[-1, 1] - spans[0, 0] <= whole_s + _TOLERANCE_S:
        return np.array([[0, count]], np.int64)
    best, lengths = np.zeros(count + 1), np.zeros(count, np.int64)
    # so many pieces, at most, begin within the greatest length of the start of a piece
    ends = np.searchsorted(spans[:, 0], spans[:, 0] + most_s + _TOLERANCE_S)
    widest = int(min(_MOST_PIECES, max(1, (ends - np.arange(count)).max())))
    for start in range(0, count, _BLOCK):
        stop = min(count, start + _BLOCK)
        first = max(0, start - widest + 1)
        costs = _costs(rows[first:stop], spans[first:stop], widest, least_s, most_s, penalty_s)
        for piece in range(start, stop):
            reach = min(widest, piece + 1)
            # segments of 1, 2, ... pieces that end with this piece
            totals = best[piece + 1 - reach : piece + 1][::-1] + costs[piece - first, :reach]
            lengths[piece] = totals.argmin() + 1
            best[piece + 1] = totals[lengths[piece] - 1]
    borders = [count]
    while borders[-1] > 0:
        borders.append(borders[-1] - int(lengths[borders[-1] - 1]))
    borders.reverse()
    return np.stack([borders[:-1], borders[1:]], axis=1).astype(np.int64)


def _costs(
    rows: NDArray[np.float32], spans: Floats, widest: int, least_s: float, most_s: float, penalty_s: float
) -> Floats:
    """Return what each segment costs, by its last piece and its number of pieces, (T, widest)."""
    count = len(rows)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units = rows / np.maximum(norms, np.finfo(np.float32).tiny)
    seconds = np.maximum(spans[:, 1] - spans[:, 0], _LEAST_PIECE_S)
    costs = np.full((count, widest), np.inf)
    # Of all segments of n and of n - 1 pieces, by their first piece: the inner products of all pairs of their rows,
    # weighted by the seconds of both pieces.
    before, sums = np.zeros(count + 1), np.zeros(count + 1)
    weights, squares = np.zeros(count + 1), np.zeros(count + 1)
    for pieces in range(1, min(widest, count) + 1):
        firsts, gap = count - pieces + 1, pieces - 1
        outer = np.einsum("ij,ij->i", units[:firsts], units[gap:]) * seconds[:firsts] * seconds[gap:]
        inner = before[1 : firsts + 1] if pieces > 2 else 0.0
        joint = outer if pieces == 1 else sums[:firsts] + sums[1 : firsts + 1] - inner + 2 * outer
        before, sums = sums, joint
        weights = weights[:firsts] + seconds[gap:]
        squares = squares[:firsts] + (units[gap:] ** 2).sum(axis=1) * seconds[gap:]
        length_s = spans[gap:, 1] - spans[:firsts, 0]
        cost = squares - joint / weights + penalty_s + _EVEN * (length_s / most_s) ** 2
        short = np.maximum(0.0, least_s - _TOLERANCE_S - length_s)
        cost += np.where(short > 0, _TOO_SHORT * (1 + short), 0.0)
        if pieces > 1:
            cost[length_s > most_s + _TOLERANCE_S] = np.inf
        costs[gap:, gap] = cost
    return costs
