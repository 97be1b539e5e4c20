"""A bank of training captions: what they say about the videos of a gallery (Bogolin et al., CVPR 2022)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from teachtext.errors import InputError
from teachtext.evaluation.ranks import Floats, blocks, check_scores


class QueryBank:
    """What is kept of a bank of training captions: for each of B videos one number a beta, and who came first.

    Args:
        betas: for which it can be used.
    """

    def __init__(self, betas: Sequence[float]) -> None:
        self._log_sums: dict[float, NDArray[np.float64]] = {}
        self._first: NDArray[np.bool_] | None = None
        self._betas = tuple(betas)

    @classmethod
    def of(cls, similarity: Floats, betas: Sequence[float]) -> "QueryBank":
        """Make one of a whole matrix (see `add`)."""
        bank = cls(betas)
        bank.add(similarity)
        return bank

    def add(self, similarity: Floats) -> None:
        """Take in more captions: (N, B) similarities to the gallery that will be searched.

        Raises:
            InputError: not finite, or of another gallery.
        """
        check_scores(similarity)
        if self._first is None:
            self._first = np.zeros(similarity.shape[1], bool)
        self._check_gallery(self._first, similarity)
        for _, part in blocks(similarity):
            self._first[part.argmax(1)] = True
            for beta in self._betas:
                so_far = self._log_sums.get(beta, -np.inf)
                self._log_sums[beta] = np.logaddexp(so_far, logsumexp(beta * part, axis=0))

    def bias(self, similarity: Floats, beta: float) -> NDArray[np.float64]:
        """Return (B,) log(sum_b exp(beta p_bj)) / beta less its mean over the videos, to be subtracted from (C, B).

        Raises:
            InputError: the bank is empty, was not made for this beta, or is of another gallery.
        """
        self._check_gallery(self.first, similarity)
        if beta not in self._log_sums:
            raise InputError(f"the query bank was not made for beta {beta:g}", "name it when the bank is made")
        bias = self._log_sums[beta] / beta
        found: NDArray[np.float64] = bias - bias.mean()
        return found

    @property
    def first(self) -> NDArray[np.bool_]:
        """(B,) whether a video is the first of any caption of the bank: the activation set.

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
