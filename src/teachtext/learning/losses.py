"""Losses on a similarity matrix (B, B): rows = texts, columns = videos, right pairs on the diagonal."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaxMarginRankingLoss(nn.Module):
    """Both directions of the max-margin ranking loss, right pairs left out of the mean.

    L_r = 1 / (2 B (B - 1)) sum_{i != j} max(0, m + s_ij - s_ii) + max(0, m + s_ji - s_ii)
    (Croitoru et al., ICCV 2021, eq. 1; `fix_norm` of the authors' code).

    Args:
        margin: m.
    """

    def __init__(self, *, margin: float = 0.2) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, scores: Tensor) -> Tensor:
        """Return the loss of scores (B, B), B >= 2."""
        right = scores.diagonal()[:, None]
        wrong = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
        text_to_video = F.relu(self.margin + scores - right)[wrong]
        video_to_text = F.relu(self.margin + scores.T - right)[wrong]
        return (text_to_video.mean() + video_to_text.mean()) / 2


class InfoNCE(nn.Module):
    """Cross-entropy of the right pair among all of its row and of its column, with a learned temperature.

    L = -1 / (2 B) sum_i log softmax_j(s_ij / t)_i + log softmax_j(s_ji / t)_i (Radford et al., ICML 2021, fig. 3).
    The temperature belongs to the loss: scores stay cosines, so that a model trained with it can teach and be taught.

    Args:
        temperature: t at the start; as there, t never falls below 0.01.
    """

    def __init__(self, *, temperature: float = 0.07) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, scores: Tensor) -> Tensor:
        """Return the loss of scores (B, B), B >= 2."""
        logits = scores * self.log_scale.exp().clamp(max=100.0)
        right = torch.arange(len(scores), device=scores.device)
        return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def huber(scores: Tensor, target: Tensor, *, threshold: float = 1.0) -> Tensor:
    """Return the Huber distance, averaged over all B x B pairs, the diagonal included.

    h(d) = d^2 / 2 for |d| < threshold, else threshold (|d| - threshold / 2) (Croitoru et al., ICCV 2021, eq. 3).
    """
    return F.huber_loss(scores, target, delta=threshold)


def mean(teachers: Tensor) -> Tensor:
    """Return the mean of teacher matrices (N, B, B): what the paper uses. NaN has no say."""
    return teachers.nanmean(dim=0)


def median(teachers: Tensor) -> Tensor:
    """Return the elementwise median of teacher matrices (N, B, B), of an even number the mean of the middle two."""
    return teachers.quantile(0.5, dim=0)


POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": mean,
    "min": lambda teachers: teachers.amin(dim=0),
    "max": lambda teachers: teachers.amax(dim=0),
    "median": median,
}
"""How N teacher matrices (N, B, B) become one (B, B)."""
