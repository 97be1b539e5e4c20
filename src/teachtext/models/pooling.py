"""From a sequence of rows to one vector."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from teachtext.data.batch import VideoBatch

# of the softmax over rows, as published
_FRAME_TEMPERATURE = 0.1


def length_mask(lengths: Tensor, longest: int) -> Tensor:
    """Return (N, longest) bool, True for the first `lengths[i]` places of row i.

    >>> length_mask(torch.tensor([1, 0]), 2)
    tensor([[ True, False],
            [False, False]])
    """
    return torch.arange(longest, device=lengths.device)[None] < lengths[:, None]


class RowNorm(nn.BatchNorm1d):
    """Batch normalisation of any number of rows: fewer than two, which have no statistics, are normalised by the
    running ones. A batch whose videos all lack an expert has no rows of that expert.

    >>> RowNorm(3)(torch.ones(1, 3)).shape
    torch.Size([1, 3])
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Normalise rows (n, D)."""
        if self.training and len(rows) < 2:
            return F.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(rows)


class NetVLAD(nn.Module):
    """Soft assignment to learned clusters, sum of residuals (Arandjelovic et al., CVPR 2016), with ghost clusters.

    a = softmax(BN(x W)), V[d, k] = sum_t a[t, k] (x[t, d] - C[d, k]); every cluster's residual is L2-normalised, the
    whole is flattened in (d, k) order and L2-normalised.

    Args:
        dim: D of the rows.
        clusters: K.
        ghost_clusters: clusters that take assignment and are then dropped.
        mask_padding: leave padding out of assignments and statistics; the original took zeros for tokens.

    Example:
        >>> pooling = NetVLAD(dim=300, clusters=20, ghost_clusters=1)
        >>> captions, lengths = torch.randn(2, 30, 300), torch.tensor([7, 30])  # GloVe rows of two captions
        >>> pooling(captions, lengths).shape
        torch.Size([2, 6000])
    """

    def __init__(self, *, dim: int, clusters: int, ghost_clusters: int = 0, mask_padding: bool = True) -> None:
        super().__init__()
        self.clusters = clusters
        self.mask_padding = mask_padding
        self.out_dim = dim * clusters
        scale = dim**-0.5
        self.assignment = nn.Parameter(scale * torch.randn(dim, clusters + ghost_clusters))
        self.norm = RowNorm(clusters + ghost_clusters)
        self.centres = nn.Parameter(scale * torch.randn(dim, clusters))

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """Pool rows (N, T, D), of which the first `lengths` (N,) count, to unit vectors (N, D * K)."""
        mask = length_mask(lengths, rows.shape[1]) if self.mask_padding else rows.new_ones(rows.shape[:2]).bool()
        logits = self.norm((rows @ self.assignment)[mask])
        assigned = rows.new_zeros(*mask.shape, self.clusters)
        # autocast may have changed the type of the logits
        assigned[mask] = logits.softmax(dim=1)[:, : self.clusters].to(assigned.dtype)
        residuals = rows.transpose(1, 2) @ assigned - self.centres * assigned.sum(dim=1, keepdim=True)
        return F.normalize(F.normalize(residuals, dim=1).flatten(1), dim=1)


def mean_of_rows(rows: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean (N, D) of the first `lengths` (N,) of rows (N, T, D); zeros where none counts.

    >>> mean_of_rows(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([2]))
    tensor([[2.]])
    """
    mask = length_mask(lengths, rows.shape[1])[..., None]
    return (rows * mask).sum(dim=1) / lengths.clamp(min=1)[:, None]


class FrameWeights(nn.Module):
    """How much each row of a sequence counts: a = w relu(W f + b), row by row (TeachCLIP: Tian et al., CVPR 2024).

    `weighted_rows` makes one vector of the rows by these logits. Rows of unit length start with nearly equal weights.

    Args:
        dim: D of the rows.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(dim, dim)
        self.last = nn.Linear(dim, 1, bias=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the logits (N, T) of rows (N, T, D); those of padding mean nothing."""
        logits: Tensor = self.last(self.hidden(rows).relu())[..., 0]
        return logits


def weighted_rows(rows: Tensor, logits: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean (N, D) of the first `lengths` (N,) of rows (N, T, D), weighted by softmax(logits / 0.1).

    This is the attentional frame aggregation of TeachCLIP. Zeros where no row counts.

    >>> rows = torch.tensor([[[1.0], [3.0], [9.0]]])
    >>> weighted_rows(rows, torch.zeros(1, 3), torch.tensor([2])).item()
    2.0
    """
    mask = length_mask(lengths, rows.shape[1])
    # a softmax of nothing would be NaN
    counted = mask | ~mask.any(dim=1, keepdim=True)
    weights = (logits / _FRAME_TEMPERATURE).masked_fill(~counted, -torch.inf).softmax(dim=1) * mask
    return (rows * weights[..., None]).sum(dim=1)


class MeanPooling(nn.Module):
    """The mean of the rows that count: the identity for pooled experts and sentence vectors."""

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.out_dim = dim

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """Pool rows (N, T, D), of which the first `lengths` (N,) count, to (N, D); zeros where none counts."""
        return mean_of_rows(rows, lengths)


def sequence_pooling(
    *, dim: int, clusters: int = 0, ghost_clusters: int = 0, mask_padding: bool = True
) -> NetVLAD | MeanPooling:
    """Return NetVLAD where there are clusters, the mean elsewhere; for the arguments see `NetVLAD`."""
    if not clusters:
        return MeanPooling(dim=dim)
    return NetVLAD(dim=dim, clusters=clusters, ghost_clusters=ghost_clusters, mask_padding=mask_padding)


class ExpertPooling(nn.Module):
    """One pooling an expert: NetVLAD where clusters are given, the mean elsewhere.

    Args:
        dims: D by expert.
        clusters: K by expert, for those that are sequences.
        mask_padding: see `NetVLAD`.
    """

    def __init__(self, *, dims: Mapping[str, int], clusters: Mapping[str, int], mask_padding: bool = True) -> None:
        super().__init__()
        self.names = sorted(dims)
        # a list and not a dict of modules: experts may have dots in their names
        self.poolings = nn.ModuleList(
            sequence_pooling(dim=dims[name], clusters=clusters.get(name, 0), mask_padding=mask_padding)
            for name in self.names
        )

    @property
    def out_dims(self) -> list[int]:
        """Width of each expert's pooled vector, in sorted order of the experts."""
        return [int(pooling.out_dim) for pooling in self.poolings]  # type: ignore[arg-type]

    def forward(self, video: VideoBatch) -> list[Tensor]:
        """Pool B videos: for each expert, in sorted order, (B, out_dim)."""
        return [
            pooling(video.experts[name], video.lengths[name])
            for name, pooling in zip(self.names, self.poolings, strict=True)
        ]
