"""Gates: of a vector by itself, and of experts by one another (Miech et al. 2018; Liu et al., BMVC 2019)."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Gating = Literal["parallel", "sequential"]


class GatedEmbeddingUnit(nn.Module):
    """y = W1 x + b1; z = BN(W2 y + b2); out = y * sigmoid(z), L2-normalised (Miech et al., 2018, eq. 2-4).

    Args:
        in_dim: D of the input.
        out_dim: D of the unit vectors.

    Example:
        >>> unit = GatedEmbeddingUnit(in_dim=2048, out_dim=256)
        >>> vectors = unit(torch.randn(4, 2048))
        >>> vectors.shape, torch.allclose(vectors.norm(dim=1), torch.ones(4))
        (torch.Size([4, 256]), True)
    """

    def __init__(self, *, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(in_dim, out_dim)
        self.gate = nn.Linear(out_dim, out_dim)
        self.norm = nn.BatchNorm1d(out_dim)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, in_dim) to unit vectors (N, out_dim)."""
        projected = self.project(inputs)
        return F.normalize(projected * torch.sigmoid(self.norm(self.gate(projected))), dim=1)


class SelfGating(nn.Module):
    """Experts gate themselves alone: p_e becomes p_e * sigmoid(BN(W_e p_e + w_e)), L2-normalised.

    This is `CollaborativeGating` without its network over pairs of experts: the ablation "reduction without gating"
    of Liu et al., BMVC 2019.

    Args:
        experts: M.
        dim: D, shared by all experts.

    Example:
        >>> gating = SelfGating(experts=3, dim=8)
        >>> gating(torch.randn(4, 3, 8), torch.ones(4, 3, dtype=torch.bool)).shape
        torch.Size([4, 3, 8])
    """

    def __init__(self, *, experts: int, dim: int) -> None:
        super().__init__()
        self.own = nn.ModuleList(nn.Linear(dim, dim) for _ in range(experts))
        self.own_norm = nn.ModuleList(nn.BatchNorm1d(dim) for _ in range(experts))

    def forward(self, projected: Tensor, present: Tensor) -> Tensor:
        """Gate unit vectors (B, M, D). `present` (B, M) is not read: no expert looks at another expert."""
        gates = [norm(own(p)) for norm, own, p in zip(self.own_norm, self.own, projected.unbind(dim=1), strict=True)]
        return F.normalize(projected * torch.sigmoid(torch.stack(gates, dim=1)), dim=2)


class CollaborativeGating(nn.Module):
    """Experts gate one another (Liu et al., BMVC 2019, eq. 1-3).

    For every pair (e, f) that a video has, q_ef = g([p_e; p_f]) with a shared network g, pairs with oneself included;
    u_e is the mean of q_ef over f; p_e becomes p_e * sigmoid(BN(u_e) + BN'(W_e p_e + w_e)), L2-normalised.

    Args:
        experts: M.
        dim: D, shared by all experts.
        layers: linear layers of g.
        gating: `parallel` gates all experts at once, each pair that exists counting alike in the statistics of
            batch normalisation; `sequential` is the original: experts are gated in order, later ones see earlier
            ones already gated, and each pair has its own batch statistics.

    Raises:
        ValueError: an unknown gating.

    Example:
        >>> gating = CollaborativeGating(experts=3, dim=8)
        >>> present = torch.tensor([[True, True, False], [True, True, True]])
        >>> gating(torch.randn(2, 3, 8), present).shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, *, experts: int, dim: int, layers: int = 3, gating: Gating = "parallel") -> None:
        super().__init__()
        if gating not in get_args(Gating):
            raise ValueError(f"gating '{gating}' is not one of {', '.join(get_args(Gating))}")
        self.gating = gating
        self.pair = nn.Linear(2 * dim, dim)
        self.shared = nn.Sequential(
            *(block for _ in range(layers - 1) for block in (nn.BatchNorm1d(dim), nn.Mish(), nn.Linear(dim, dim)))
        )
        self.own = nn.ModuleList(nn.Linear(dim, dim) for _ in range(experts))
        self.own_norm = nn.ModuleList(nn.BatchNorm1d(dim) for _ in range(experts))
        self.others_norm = nn.ModuleList(nn.BatchNorm1d(dim) for _ in range(experts))

    def forward(self, projected: Tensor, present: Tensor) -> Tensor:
        """Gate unit vectors (B, M, D) of experts that are `present` (B, M); those of missing experts mean nothing."""
        if self.gating == "sequential":
            return self._sequential(projected, present.to(projected.dtype))
        fused = self._fuse_pairs(projected, present)
        gated = [self._gate(e, projected[:, e], fused[:, e]) for e in range(projected.shape[1])]
        return torch.stack(gated, dim=1)

    def _fuse_pairs(self, projected: Tensor, present: Tensor) -> Tensor:
        # [p_e; p_f] W = p_e W_left + p_f W_right: M products instead of M^2
        left, right = self.pair.weight.chunk(2, dim=1)
        pairs = (projected @ left.T)[:, :, None] + (projected @ right.T)[:, None] + self.pair.bias
        exist = present[:, :, None] & present[:, None]
        answers = torch.zeros_like(pairs)
        answers[exist] = self.shared(pairs[exist]).to(answers.dtype)
        return answers.sum(dim=2) / present.sum(dim=1).clamp(min=1)[:, None, None]

    def _gate(self, expert: int, projected: Tensor, fused: Tensor) -> Tensor:
        gate = self.others_norm[expert](fused) + self.own_norm[expert](self.own[expert](projected))
        return F.normalize(projected * torch.sigmoid(gate), dim=1)

    def _sequential(self, projected: Tensor, present: Tensor) -> Tensor:
        vectors = list(projected.unbind(dim=1))
        for e in range(len(vectors)):
            pairs = present[:, e, None] * present
            answers = [self.shared(self.pair(torch.cat([vectors[e], other], dim=1))) for other in vectors]
            fused = (torch.stack(answers, dim=1) * pairs[..., None]).sum(dim=1) / (pairs.sum(1, keepdim=True) + 1e-11)
            vectors[e] = self._gate(e, vectors[e], fused)
        return torch.stack(vectors, dim=1)
