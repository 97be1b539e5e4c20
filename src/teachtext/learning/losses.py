"""Ranking losses on a similarity matrix (B, B): rows = texts, columns = videos, right pairs on the diagonal.

A caption never has its own video for a wrong one, wherever else that stands in the batch: losses are told which pairs
are of the same video. They may also be told how much each pair counts.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Candidates = tuple[Tensor, Tensor]
"""The pairs that count in each row, (B, B) bool, and in each column, as rows of the transpose."""


class MaxMarginRankingLoss(nn.Module):
    """Both directions of the max-margin ranking loss, right pairs left out of the mean.

    L_r = 1 / (2 B (B - 1)) sum_{i != j} max(0, m + s_ij - s_ii) + max(0, m + s_ji - s_ii)
    (Croitoru et al., ICCV 2021, eq. 1; `fix_norm` of the authors' code). Pairs of the same video are left out too.

    Args:
        margin: m.

    Example:
        >>> scores = torch.tensor([[0.9, 0.8], [0.1, 0.7]])  # two captions (rows) against two videos (columns)
        >>> MaxMarginRankingLoss(margin=0.2)(scores)  # (0.1 + 0 + 0 + 0.3) / 4
        tensor(0.1000)
    """

    def __init__(self, *, margin: float = 0.2) -> None:
        super().__init__()
        self.margin = margin

    def forward(
        self,
        scores: Tensor,
        same_video: Tensor | None = None,
        weights: Tensor | None = None,
        candidates: Candidates | None = None,
    ) -> Tensor:
        """Return the loss.

        Args:
            scores: (B, B), of two videos or more.
            same_video: (B, B) bool, symmetric; by default the diagonal.
            weights: (B,) of the terms of s_ii, of mean 1; by default all 1.
            candidates: the pairs that count; by default all.
        """
        right = scores.diagonal()[:, None]
        same = diagonal(scores) if same_video is None else same_video
        losses = []
        for lists, counted in zip((scores, scores.T), candidates or (None, None), strict=True):
            terms = F.relu(self.margin + lists - right)
            wrong = ~same if counted is None else ~same & counted
            losses.append((terms if weights is None else terms * weights[:, None])[wrong].mean())
        return (losses[0] + losses[1]) / 2


class InfoNCE(nn.Module):
    """Cross-entropy of the right pair among all of its row and of its column.

    L = -1 / (2 B) sum_i log softmax_j(s_ij / t)_i + log softmax_j(s_ji / t)_i (Radford et al., ICML 2021, fig. 3).
    The temperature belongs to the loss: scores stay cosines, so that a model trained with it can teach and be taught.

    Args:
        temperature: t, or its start where it is learned; as there, t never falls below 0.01.
        same_video: what other pairs of the same video are: `mask` leaves them out, `positive` counts them as right
            too, their probabilities added up (MIL-NCE: Miech et al., CVPR 2020).
        learn_temperature: whether t is learned, as there. On few captions t becomes too small.

    Example:
        >>> loss = InfoNCE(temperature=0.07)(torch.tensor([[0.9, 0.8], [0.1, 0.7]]))
        >>> round(loss.item(), 4)
        0.4646
    """

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        same_video: Literal["mask", "positive"] = "mask",
        learn_temperature: bool = True,
    ) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=learn_temperature)
        self.same_video = same_video

    def forward(
        self,
        scores: Tensor,
        same_video: Tensor | None = None,
        weights: Tensor | None = None,
        candidates: Candidates | None = None,
    ) -> Tensor:
        """Return the loss; see `MaxMarginRankingLoss.forward`."""
        logits = scores * self.log_scale.exp().clamp(max=100.0)
        same = diagonal(scores) if same_video is None else same_video
        of_rows, of_columns = candidates or (None, None)
        return (self._one_way(logits, same, weights, of_rows) + self._one_way(logits.T, same, weights, of_columns)) / 2

    def _one_way(self, logits: Tensor, same: Tensor, weights: Tensor | None, counted: Tensor | None) -> Tensor:
        if counted is not None:
            logits = logits.masked_fill(~(counted | same), -torch.inf)
        if self.same_video == "positive":
            losses = logits.logsumexp(dim=1) - logits.masked_fill(~same, -torch.inf).logsumexp(dim=1)
        else:
            losses = own_among_others(logits, same)
        return (losses if weights is None else losses * weights).mean()


def own_among_others(logits: Tensor, same_video: Tensor) -> Tensor:
    """Return the cross-entropy (B,) of each row's own pair among those of other videos.

    Args:
        logits: (B, B), own pairs on the diagonal.
        same_video: (B, B) bool; such pairs beside the diagonal are left out.
    """
    right = torch.arange(len(logits), device=logits.device)
    return F.cross_entropy(logits.masked_fill(same_video & ~diagonal(logits), -torch.inf), right, reduction="none")


def diagonal(scores: Tensor) -> Tensor:
    """Return which pairs of a matrix (B, B) stand on its diagonal, (B, B) bool."""
    return torch.eye(len(scores), dtype=torch.bool, device=scores.device)
