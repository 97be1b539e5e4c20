"""QB-Norm: a bank of training captions corrects the scores of videos that are near to all captions.

Bogolin et al., "Cross Modal Retrieval with Querybank Normalisation", CVPR 2022. The bank gives each video a bias, the
logarithm of its summed scores, and names the videos that come first for some caption of the bank: the activation set.

Where the literature divides exp(beta s_ij) by z_j, scores here become s_ij - log(z_j) / beta. That ranks the videos of
a query the same and can neither overflow nor vanish.

Axes: C captions, B videos, N captions of the bank.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.ranks import Floats, blocks, check_scores, float_type

PAPER_BETA = 20.0
"""The inverse temperature of the paper."""


class QueryBank:
    """The summary of a bank of training captions: a log sum for each video and beta, and the activation set.

    Args:
        betas: inverse temperatures for which the bank can be used.

    >>> bank = QueryBank.of(np.array([[0.2, 0.8]]), [1.0])
    >>> bank.bias(np.zeros((1, 2)), 1.0).round(1).tolist(), bank.first.tolist()
    ([-0.3, 0.3], [False, True])
    """

    def __init__(self, betas: Sequence[float]) -> None:
        self._log_sums: dict[float, NDArray[np.float64]] = {}
        self._first: NDArray[np.bool_] | None = None
        self._betas = tuple(betas)

    @classmethod
    def of(cls, similarity: Floats, betas: Sequence[float]) -> "QueryBank":
        """Make a bank of a whole matrix (see `add`)."""
        bank = cls(betas)
        bank.add(similarity)
        return bank

    def add(self, similarity: Floats) -> None:
        """Add captions: (N, B) similarities to the gallery that will be searched.

        Raises:
            InputError: scores that are not finite, or of another gallery.
        """
        check_scores(similarity)
        if self._first is None:
            self._first = np.zeros(similarity.shape[1], bool)
        self._check_gallery(self._first, similarity)
        for _, part in blocks(similarity):
            self._first[part.argmax(1)] = True
            for beta in self._betas:
                so_far = self._log_sums.get(beta, -np.inf)
                self._log_sums[beta] = np.logaddexp(so_far, log_sums(part, beta))

    def bias(self, similarity: Floats, beta: float) -> NDArray[np.float64]:
        """Return (B,) log(sum_b exp(beta p_bj)) / beta less its mean over the videos, to be subtracted from (C, B).

        Raises:
            InputError: the bank is empty, was not made for this beta, or is of another gallery.
        """
        self._check_gallery(self.first, similarity)
        if beta not in self._log_sums:
            raise InputError(f"the query bank was not made for beta {beta:g}", "name it when the bank is made")
        bias = self._log_sums[beta] / beta
        centred: NDArray[np.float64] = bias - bias.mean()
        return centred

    @property
    def first(self) -> NDArray[np.bool_]:
        """(B,) whether a video comes first for some caption of the bank: the activation set.

        Raises:
            InputError: the bank is empty.
        """
        if self._first is None or not self._first.any():
            raise InputError("the query bank is empty", "give it the similarities of training captions")
        return self._first

    def _check_gallery(self, first: NDArray[np.bool_], similarity: Floats) -> None:
        if len(first) != similarity.shape[1]:
            raise InputError(
                f"a bank of {len(first):,} videos is no bank of {similarity.shape[1]:,}",
                "score both against the same gallery",
            )


def log_sums(similarity: Floats, beta: float) -> NDArray[np.floating]:
    """Return (B,) log(sum_b exp(beta p_bj)) of the scores (N, B) of a bank: the logarithm of the denominator.

    >>> log_sums(np.array([[0.2, 0.8]]), 1.0).tolist()
    [0.2, 0.8]
    """
    # a search that corrects no hubs does not wait for this import
    from scipy.special import logsumexp

    sums: NDArray[np.floating] = logsumexp(beta * similarity, axis=0)
    return sums


def inverted_softmax(similarity: Floats, beta: float, bank: QueryBank) -> Floats:
    """Inverted softmax (Smith et al., ICLR 2017), its sum taken over a bank instead of the test queries.

    s'_ij = exp(beta s_ij) / sum_b exp(beta p_bj)

    Args:
        similarity: (C, B) scores of captions against videos.
        beta: inverse temperature.
        bank: of the same videos.

    Returns:
        (C, B), for text-to-video ranks. Video-to-text ranks do not change.

    Raises:
        InputError: bad scores, a beta that is not positive, or a bank that does not fit.
    """
    check_temperature(similarity, beta)
    return similarity - bank.bias(similarity, beta).astype(float_type(similarity))


def qb_norm(similarity: Floats, beta: float, bank: QueryBank) -> Floats:
    """QB-Norm's dynamic inverted softmax (Bogolin et al., CVPR 2022).

    A query whose first video is in the activation set gets the inverted softmax. The other queries do not change:
    s'_ij = exp(beta s_ij) / sum_b exp(beta p_bj) if argmax_k s_ik is in {argmax_k p_bk : b}, else s_ij.

    Args:
        similarity: (C, B) scores of captions against videos.
        beta: inverse temperature.
        bank: of the same videos.

    Returns:
        (C, B), for text-to-video ranks only, because rows are not comparable.

    Raises:
        InputError: bad scores, a beta that is not positive, or a bank that does not fit.
    """
    check_temperature(similarity, beta)
    bias = bank.bias(similarity, beta).astype(float_type(similarity))
    normalised = np.empty(similarity.shape, bias.dtype)
    for rows, part in blocks(similarity):
        normalised[rows] = np.where(bank.first[part.argmax(1), None], part - bias, part)
    return normalised


def check_temperature(similarity: Floats, beta: float) -> None:
    """Raise InputError for scores that are no finite matrix, or for a beta that is not positive."""
    check_scores(similarity)
    if not (np.isfinite(beta) and beta > 0):
        raise InputError(f"beta cannot be {beta:g}", "give an inverse temperature above zero")
