"""Score normalisation: what changes similarities between a model and its ranking, against videos near to all captions.

Normalisers differ in what they may see at test time (`Sees`), and figures of different `Sees` are never mixed. A
normaliser that sees all test queries at once knows the captions of the other videos, and cannot answer a single query.
`beta` is an inverse temperature, chosen on the validation split alone (`choose_beta`).

Axes: C captions, B videos.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, metrics_from_ranked, metrics_from_ranks
from teachtext.evaluation.query_bank import PAPER_BETA, QueryBank, check_temperature, inverted_softmax, qb_norm
from teachtext.evaluation.ranks import (
    Floats,
    Ints,
    Ranked,
    blocks,
    float_type,
    rank_t2v,
    rank_v2t,
    t2v_ranks,
    top_columns,
)

Sees = Literal["query alone", "query + training bank", "all test queries at once"]
BETAS = (1.0, 2.0, 5.0, 10.0, PAPER_BETA, 50.0, 100.0, 200.0)
"""The values from which `choose_beta` takes beta, for similarities in [-1, 1]."""
HUBNESS_K = 10
_TOLERANCE = 0.001
_SINKHORN_PASSES = 200


def dual_softmax(similarity: Floats, beta: float) -> Floats:
    """Dual softmax at test time (Cheng et al., arXiv 2109.04290, 2021): a score times its softmax over all queries.

    s'_ij = s_ij exp(beta s_ij) / sum_c exp(beta s_cj)

    Args:
        similarity: (C, B) scores of captions against videos; transposed for video to text.
        beta: inverse temperature.

    Raises:
        InputError: no score is above zero: the product would turn the order round.
    """
    check_temperature(similarity, beta)
    if similarity.max() <= 0:
        raise InputError("dual softmax multiplies scores, and none is above zero", "use 'sinkhorn', which adds to them")
    top = similarity.max(axis=0)
    total = np.zeros(similarity.shape[1])
    for _, part in blocks(similarity):
        total += np.exp(beta * (part - top)).sum(axis=0, dtype=np.float64)
    normalised = np.empty(similarity.shape, float_type(similarity))
    for rows, part in blocks(similarity):
        normalised[rows] = part * (np.exp(beta * (part - top)) / total)
    return normalised


def sinkhorn(similarity: Floats, beta: float) -> Floats:
    """Sinkhorn normalisation (Cuturi, NIPS 2013; in text-video retrieval Yakovlev et al., SIGIR 2023).

    exp(beta s'_ij) = u_i exp(beta s_ij) v_j with rows that sum to 1 / C and columns that sum to 1 / B. Every caption
    then asks for one video, and all videos are asked for equally often. Rows are exact. Columns are within 0.1 %, or as
    near as 200 passes bring them.

    Args:
        similarity: (C, B) scores of captions against videos; transposed for video to text.
        beta: inverse temperature.
    """
    check_temperature(similarity, beta)
    captions, videos = similarity.shape
    kind = float_type(similarity)
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
    normalised = np.empty(similarity.shape, kind)
    for rows, part in blocks(similarity):
        with_video = part + of_video.astype(kind)
        normalised[rows] = with_video - (logsumexp(beta * with_video, axis=1, keepdims=True) + np.log(captions)) / beta
    return normalised


@dataclass(frozen=True)
class ScoreNormaliser:
    """An entry of `NORMALISERS`.

    Attributes:
        name: its name in configs and options.
        sees: what it may see at test time.
        function: maps similarities (C, B), a beta and, for a normaliser with a bank, the bank to similarities (C, B).
    """

    name: str
    sees: Sees
    function: Callable[..., Floats]

    @property
    def needs_bank(self) -> bool:
        """Whether it needs a bank of training captions. Then it applies to text to video alone."""
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
    """Look up normalisers by name, without repetitions.

    Raises:
        InputError: a name that does not exist.

    >>> [normaliser.name for normaliser in normalisers_named(["qb-norm", "qb-norm"])]
    ['qb-norm']
    """
    unique = list(dict.fromkeys(names))
    for name in unique:
        if name not in NORMALISERS:
            raise InputError(f"no normaliser '{name}'", f"use {', '.join(NORMALISERS)}")
    return [NORMALISERS[name] for name in unique]


def hubness(similarity: Floats, k: int = HUBNESS_K) -> float:
    """Skewness of the k-occurrence (Radovanovic et al., JMLR 2010): how unevenly videos share the first k places.

    N_k(j) counts the captions that have video j among their first k. The skewness E[(N_k - mean)^3] / std^3 over the
    videos is 0 where all videos come equally often. It grows with the captions that a few hubs take.

    Args:
        similarity: (C, B) scores of captions against videos.
        k: how many places count.

    >>> hubness(np.eye(6), k=1)
    0.0
    """
    counts = np.bincount(top_columns(similarity, k).ravel(), minlength=similarity.shape[1])
    if counts.min() == counts.max():
        return 0.0
    deviation = counts - counts.mean()
    squared = deviation**2
    return float((squared * deviation).mean() / squared.mean() ** 1.5)


@dataclass(frozen=True)
class BetaChoice:
    """A beta and the validation scores that it was chosen by.

    Attributes:
        beta: the inverse temperature.
        tried: by beta, the t2v geometric mean on the validation split; empty where the caller set beta.
    """

    beta: float
    tried: Mapping[float, float] = field(default_factory=dict)


def choose_beta(
    normaliser: ScoreNormaliser,
    similarity: Floats,
    video_of: Ints,
    bank: QueryBank | None = None,
    *,
    betas: Sequence[float] = BETAS,
) -> BetaChoice:
    """Choose the beta with the best t2v geometric mean. Of equal betas the smallest wins, which changes least.

    Args:
        normaliser: the normaliser that will use beta.
        similarity: (C, B) scores of the *validation* split, never of the test split.
        video_of: (C,) column of each caption's own video.
        bank: of the validation videos, for a normaliser that needs one.
        betas: the candidates.
    """
    tried = {}
    for beta in sorted(betas):
        ranks = t2v_ranks(normaliser.apply(similarity, beta, bank), video_of)
        tried[beta] = metrics_from_ranks(ranks).geometric_mean
    return BetaChoice(max(tried, key=lambda beta: tried[beta]), tried)


@dataclass(frozen=True)
class Normalised:
    """The ranks of a test split after a normaliser.

    Attributes:
        normaliser: the normaliser; only figures of the same `sees` are comparable.
        choice: its beta.
        ranked: ranks, 0-based, and ties, by direction: `t2v` and, without a bank, `v2t`.
        hubness_before, hubness: hubness of the similarities before and after.
    """

    normaliser: ScoreNormaliser
    choice: BetaChoice
    ranked: Mapping[str, Ranked]
    hubness_before: float
    hubness: float

    @property
    def ranks(self) -> dict[str, NDArray[np.float64]]:
        """The ranks by direction."""
        return {direction: ranked.ranks for direction, ranked in self.ranked.items()}

    @property
    def label(self) -> str:
        """The title of its table: name, beta, what it sees, hubness."""
        hubness = f"hubness {self.hubness_before:.2f} -> {self.hubness:.2f}"
        return f"{self.normaliser.name}, beta {self.choice.beta:g}, sees {self.normaliser.sees}; {hubness}"

    def metrics(self) -> dict[str, Metrics]:
        """Return the metrics by direction."""
        return {direction: metrics_from_ranked(ranked) for direction, ranked in self.ranked.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the ranks, for JSON."""
        return {
            "sees": self.normaliser.sees,
            "beta": self.choice.beta,
            "validation": {f"{beta:g}": score for beta, score in self.choice.tried.items()},
            "hubness_before": self.hubness_before,
            "hubness": self.hubness,
            **{direction: metrics.as_dict() for direction, metrics in self.metrics().items()},
        }


def normalise(
    normaliser: ScoreNormaliser, similarity: Floats, video_of: Ints, choice: BetaChoice, bank: QueryBank | None = None
) -> Normalised:
    """Normalise and rank. For `v2t` captions and videos are exchanged.

    Args:
        normaliser: the normaliser.
        similarity: (C, B) scores of captions against videos.
        video_of: (C,) column of each caption's own video.
        choice: its beta.
        bank: of the same videos, for a normaliser that needs one.
    """
    normalised = normaliser.apply(similarity, choice.beta, bank)
    ranked, hubs = {"t2v": rank_t2v(normalised, video_of)}, hubness(normalised)
    del normalised  # as large as the similarities
    if not normaliser.needs_bank:
        ranked["v2t"] = rank_v2t(normaliser.apply(similarity.T, choice.beta).T, video_of)
    return Normalised(normaliser, choice, ranked, hubness(similarity), hubs)


def normalise_stored(similarity: Floats, video_of: Ints, names: Sequence[str], beta: float | None) -> list[Normalised]:
    """Normalise and rank stored scores, with normalisers that need nothing but the scores of the test queries.

    Args:
        similarity: (C, B) scores of captions against videos.
        video_of: (C,) column of each caption's own video.
        names: of `NORMALISERS`.
        beta: for all of them, because stored scores bring no validation split to choose it on.

    Raises:
        InputError: an unknown name, a normaliser that needs a bank, or no beta.
    """
    normalisers = normalisers_named(names)
    for normaliser in normalisers:
        if normaliser.needs_bank:
            raise InputError(f"'{normaliser.name}' needs the scores of training captions", "use 'teachtext evaluate'")
    if beta is None:
        raise InputError("stored scores have no validation split to choose beta on", "give '--beta'")
    # whole numbers of few bits would run over
    scores = similarity.astype(float_type(similarity), copy=False)
    return [normalise(normaliser, scores, video_of, BetaChoice(beta)) for normaliser in normalisers]
