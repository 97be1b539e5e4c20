"""Ties: queries whose right answer has exactly the score of others, and what that costs either way.

Ranks average over ties. Other programs decide ties for the right answer, or by the order of the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from teachtext.evaluation.ranks import Ranked

_RECALLS = (1, 5, 10)
_ASKED = {"t2v": ("captions", "right video"), "v2t": ("videos", "best caption")}


@dataclass(frozen=True)
class Ties:
    """The tied queries of one direction.

    Attributes:
        tied: number of queries whose right answer ties with others.
        queries: number of all queries.
        best: by key, `r1`, `r5` and `r10` in percent if every tie is decided for the right answer.
        worst: the same if every tie is decided against the right answer.
    """

    tied: int
    queries: int
    best: Mapping[str, float]
    worst: Mapping[str, float]

    @classmethod
    def of(cls, ranked: Ranked) -> "Ties":
        """Count the ties of ranks.

        >>> Ties.of(Ranked(np.array([0.5, 3.0]), np.array([1, 0]))).best["r1"]
        50.0
        """
        best, worst = (
            {f"r{k}": 100.0 * float(np.mean(ranks < k)) for k in _RECALLS} for ranks in (ranked.best, ranked.worst)
        )
        return cls(int((ranked.ties > 0).sum()), len(ranked.ties), best, worst)

    def sentence(self, direction: str, r1: float) -> str:
        """State the number of ties and their cost; empty where there are none.

        Args:
            direction: `t2v` or `v2t`.
            r1: R@1 as it is computed, ties averaged.
        """
        if not self.tied:
            return ""
        asked, right = _ASKED[direction]
        return (
            f"{direction}: of {self.tied:,} of {self.queries:,} {asked} the {right} ties with others: "
            f"R@1 {r1:.2f} averaged, {self.best['r1']:.2f} at best, {self.worst['r1']:.2f} at worst"
        )
