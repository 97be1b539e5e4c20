"""Ranks behind score normalisers, and how their beta is chosen: on the validation split alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.metrics import Metrics, metrics_from_ranks
from teachtext.evaluation.normalisers import BETAS, ScoreNormaliser, hubness, normalisers_named
from teachtext.evaluation.query_bank import QueryBank
from teachtext.evaluation.ranks import Floats, Ints, t2v_ranks, v2t_ranks


@dataclass(frozen=True)
class BetaChoice:
    """A beta and why it was taken.

    Attributes:
        beta: the inverse temperature.
        tried: by beta, the t2v geometric mean on the validation split; nothing where beta was given.
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
    """Take the beta with the best t2v geometric mean, of equal ones the smallest, which changes least.

    Args:
        normaliser: for which.
        similarity: (C, B) scores of the *validation* split, never of the test split.
        video_of: (C,) column of each caption's own video.
        bank: of the validation videos, for one that needs it.
        betas: what to choose from.
    """
    tried = {}
    for beta in sorted(betas):
        ranks = t2v_ranks(normaliser.apply(similarity, beta, bank), video_of)
        tried[beta] = metrics_from_ranks(ranks).geometric_mean
    return BetaChoice(max(tried, key=lambda beta: tried[beta]), tried)


@dataclass(frozen=True)
class Normalised:
    """What a normaliser makes of a test split.

    Attributes:
        normaliser: which; its `sees` says with what its figures may be compared.
        choice: of its beta.
        ranks: 0-based, by direction: `t2v` and, for one that needs no bank, `v2t`.
        hubness_before, hubness: of the similarities as they came, and normalised.
    """

    normaliser: ScoreNormaliser
    choice: BetaChoice
    ranks: Mapping[str, NDArray[np.float64]]
    hubness_before: float
    hubness: float

    @property
    def label(self) -> str:
        """What it is and what it sees, for the head of its table."""
        hubness = f"hubness {self.hubness_before:.2f} -> {self.hubness:.2f}"
        return f"{self.normaliser.name}, beta {self.choice.beta:g}, sees {self.normaliser.sees}; {hubness}"

    def metrics(self) -> dict[str, Metrics]:
        """Return the metrics by direction."""
        return {direction: metrics_from_ranks(ranks) for direction, ranks in self.ranks.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return all but the ranks, for JSON."""
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
    """Rank behind a normaliser; for `v2t` captions and videos are exchanged.

    Args:
        normaliser: which.
        similarity: (C, B) scores of captions against videos.
        video_of: (C,) column of each caption's own video.
        choice: of its beta.
        bank: of the same videos, for one that needs it.
    """
    found = normaliser.apply(similarity, choice.beta, bank)
    ranks, hubs = {"t2v": t2v_ranks(found, video_of)}, hubness(found)
    del found  # as large as the similarities
    if not normaliser.needs_bank:
        ranks["v2t"] = v2t_ranks(normaliser.apply(similarity.T, choice.beta).T, video_of)
    return Normalised(normaliser, choice, ranks, hubness(similarity), hubs)


def normalise_stored(similarity: Floats, video_of: Ints, names: Sequence[str], beta: float | None) -> list[Normalised]:
    """Rank behind normalisers that need nothing but the scores of the test queries.

    Args:
        similarity: (C, B) scores of captions against videos.
        video_of: (C,) column of each caption's own video.
        names: of `NORMALISERS`.
        beta: of all of them, for there is no validation split here to choose it on.

    Raises:
        InputError: an unknown name, one that needs a bank, or no beta.
    """
    wanted = normalisers_named(names)
    for each in wanted:
        if each.needs_bank:
            raise InputError(f"'{each.name}' needs the scores of training captions", "use 'teachtext evaluate'")
    if beta is None:
        raise InputError("no validation split is there to choose beta on", "give '--beta'")
    return [normalise(each, similarity, video_of, BetaChoice(beta)) for each in wanted]
