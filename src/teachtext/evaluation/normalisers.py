"""Score normalisers: what is done to similarities between model and ranking, against videos that are near to all.

They differ in what they may *see* at test time, and figures of different `Sees` are never mixed: one that sees all test
queries at once knows what is asked of the other videos, and cannot answer a single query. `beta` is an inverse
temperature, chosen on the validation split alone (`teachtext.evaluation.normalise`).

Where the literature divides exp(beta s_ij) by z_j we take the logarithm over beta, s_ij - log(z_j) / beta. That ranks
the videos of a query the same and can neither overflow nor vanish.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logsumexp
from scipy.stats import skew

from teachtext.errors import InputError
from teachtext.evaluation.query_bank import QueryBank
from teachtext.evaluation.ranks import Floats, blocks, check_scores, top_columns

Sees = Literal["query alone", "query + training bank", "all test queries at once"]
BETAS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""What `beta` is chosen from, for similarities in [-1, 1]; 20 is the value of the QB-Norm paper."""
HUBNESS_K = 10
_TOLERANCE = 0.001
_SINKHORN_PASSES = 200


def inverted_softmax(similarity: Floats, beta: float, bank: QueryBank) -> Floats:
    """Inverted softmax (Smith et al., ICLR 2017), its sum taken over a bank instead of the test queries.

    s'_ij = exp(beta s_ij) / sum_b exp(beta p_bj)

    Args:
        similarity: (C, B) scores of captions against videos.
        beta: inverse temperature.
        bank: of the same videos.

    Returns:
        (C, B). It holds for text-to-video ranks; the other way nothing changes.
    """
    _check(similarity, beta)
    return similarity - bank.bias(similarity, beta).astype(_float_of(similarity))


def qb_norm(similarity: Floats, beta: float, bank: QueryBank) -> Floats:
    """QB-Norm: dynamic inverted softmax (Bogolin et al., CVPR 2022).

    A query whose first video is the first of any caption of the bank gets the inverted softmax; any other stays:
    s'_ij = exp(beta s_ij) / sum_b exp(beta p_bj) if argmax_k s_ik is in {argmax_k p_bk : b}, else s_ij.

    Args:
        similarity: (C, B) scores of captions against videos.
        beta: inverse temperature.
        bank: of the same videos.

    Returns:
        (C, B). Rows are not comparable, so it holds for text-to-video ranks only.
    """
    _check(similarity, beta)
    bias = bank.bias(similarity, beta).astype(_float_of(similarity))
    found = np.empty(similarity.shape, bias.dtype)
    for rows, part in blocks(similarity):
        found[rows] = np.where(bank.first[part.argmax(1), None], part - bias, part)
    return found


def dual_softmax(similarity: Floats, beta: float) -> Floats:
    """Dual softmax at test time (Cheng et al., arXiv 2109.04290, 2021): a score times its softmax over all queries.

    s'_ij = s_ij exp(beta s_ij) / sum_c exp(beta s_cj)

    Args:
        similarity: (C, B) scores of captions against videos; transposed for video to text.
        beta: inverse temperature.

    Raises:
        InputError: no score is above zero: the product would turn the order round.
    """
    _check(similarity, beta)
    if similarity.max() <= 0:
        raise InputError("dual softmax multiplies scores, and none is above zero", "use 'sinkhorn', which adds to them")
    top = similarity.max(axis=0)
    total = np.zeros(similarity.shape[1])
    for _, part in blocks(similarity):
        total += np.exp(beta * (part - top)).sum(axis=0, dtype=np.float64)
    found = np.empty(similarity.shape, _float_of(similarity))
    for rows, part in blocks(similarity):
        found[rows] = part * (np.exp(beta * (part - top)) / total)
    return found


def sinkhorn(similarity: Floats, beta: float) -> Floats:
    """Sinkhorn normalisation (Cuturi, NIPS 2013; in text-video retrieval Yakovlev et al., SIGIR 2023).

    exp(beta s'_ij) = u_i exp(beta s_ij) v_j with rows that sum to 1 / C and columns that sum to 1 / B: every caption
    asks for one video, and every video is asked for equally often. Rows are exact, columns within 0.1 %, or as near as
    200 passes bring them.

    Args:
        similarity: (C, B) scores of captions against videos; transposed for video to text.
        beta: inverse temperature.
    """
    _check(similarity, beta)
    captions, videos = similarity.shape
    kind = _float_of(similarity)
    of_video = np.zeros(videos)
    for _ in range(_SINKHORN_PASSES):
        share = np.zeros(videos)
        for _, part in blocks(similarity):
            plan = beta * (part + of_video.astype(kind))
            plan = np.exp(plan - plan.max(axis=1, keepdims=True))
            share += (plan / plan.sum(axis=1, keepdims=True)).sum(axis=0, dtype=np.float64)
        share *= videos / captions
        if abs(share - 1).max() < _TOLERANCE:
            break
        # a video that nobody asks for has a share of zero in this precision; it comes nearer pass by pass
        of_video -= np.log(np.maximum(share, 1e-6)) / beta
    found = np.empty(similarity.shape, kind)
    for rows, part in blocks(similarity):
        with_video = part + of_video.astype(kind)
        found[rows] = with_video - (logsumexp(beta * with_video, axis=1, keepdims=True) + np.log(captions)) / beta
    return found


@dataclass(frozen=True)
class ScoreNormaliser:
    """A line of `NORMALISERS`.

    Attributes:
        name: what it is called.
        sees: what it may see at test time.
        function: what it does to similarities (C, B) with a beta and, where it sees one, a bank.
    """

    name: str
    sees: Sees
    function: Callable[..., Floats]

    @property
    def needs_bank(self) -> bool:
        """Whether it wants a bank of training captions; then it speaks of text to video alone."""
        return self.sees == "query + training bank"

    def apply(self, similarity: Floats, beta: float, bank: QueryBank | None = None) -> Floats:
        """Return the normalised similarities (C, B), for text to video.

        Raises:
            InputError: similarities that are not finite, a beta that is not positive, or a bank that does not fit.
        """
        if not self.needs_bank:
            return self.function(similarity, beta)
        return self.function(similarity, beta, bank or QueryBank([beta]))


NORMALISERS = {
    normaliser.name: normaliser
    for normaliser in (
        ScoreNormaliser("inverted-softmax", "query + training bank", inverted_softmax),
        ScoreNormaliser("qb-norm", "query + training bank", qb_norm),
        ScoreNormaliser("dual-softmax", "all test queries at once", dual_softmax),
        ScoreNormaliser("sinkhorn", "all test queries at once", sinkhorn),
    )
}


def normalisers_named(names: Iterable[str]) -> list[ScoreNormaliser]:
    """Look up normalisers, each once.

    Raises:
        InputError: one that does not exist.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in NORMALISERS:
            raise InputError(f"no normaliser '{name}'", f"use {', '.join(NORMALISERS)}")
    return [NORMALISERS[name] for name in wanted]


def mean_similarity(matrices: Iterable[Floats]) -> Floats:
    """Average the similarities of several systems: an ensemble at test time, which costs what all of them cost.

    Args:
        matrices: (C, B) each, the same captions and videos in the same order, on the same scale.

    Raises:
        InputError: none, or of different shapes.
    """
    total, count = None, 0
    for matrix in matrices:
        if total is not None and total.shape != matrix.shape:
            raise InputError(
                f"similarities {total.shape} and {matrix.shape} have no mean", "score both against the same gallery"
            )
        total = matrix.astype(_float_of(matrix)) if total is None else total + matrix
        count += 1
    if total is None:
        raise InputError("an ensemble of no systems", "give one or more")
    return total / count


def hubness(similarity: Floats, k: int = HUBNESS_K) -> float:
    """Skewness of the k-occurrence (Radovanovic et al., JMLR 2010): how uneven videos are spread over first k places.

    N_k(j) counts the captions that have video j among their first k; E[(N_k - mean)^3] / std^3 over the videos is 0
    where they come equally often, and the larger the more captions a few hubs take.

    Args:
        similarity: (C, B) scores of captions against videos.
        k: how many places count.
    """
    counts = np.bincount(top_columns(similarity, k).ravel(), minlength=similarity.shape[1])
    return float(skew(counts)) if counts.min() < counts.max() else 0.0


def _float_of(similarity: Floats) -> np.dtype[np.floating]:
    return np.result_type(similarity.dtype, np.float32)


def _check(similarity: Floats, beta: float) -> None:
    check_scores(similarity)
    if not (np.isfinite(beta) and beta > 0):
        raise InputError(f"beta cannot be {beta:g}", "give an inverse temperature above zero")
