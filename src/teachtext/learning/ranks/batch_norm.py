"""Batch normalisation over the rows of all processes."""

import torch
from torch import Tensor, nn

from teachtext.learning.ranks.gather import Collectives, gather_statistics


class SyncedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation by the statistics of the rows of all processes, which may have different numbers of them.

    `torch.nn.SyncBatchNorm` does the same, but on GPUs alone. Fewer than two rows in all are normalised by the running
    statistics, as in `teachtext.models.pooling.RowNorm`. Parameters and buffers are those of `torch.nn.BatchNorm1d`
    under the same names, and so is what evaluation computes.

    Args:
        norm: whose parameters and buffers are shared.
        ranks: the processes.
    """

    def __init__(self, norm: nn.BatchNorm1d, ranks: Collectives) -> None:
        super().__init__(norm.num_features, eps=norm.eps, momentum=norm.momentum)
        self._parameters.update(norm._parameters)
        self._buffers.update(norm._buffers)
        self.ranks = ranks
        self.train(norm.training)

    def forward(self, rows: Tensor) -> Tensor:
        """Normalise the rows (n, D) of this process; n may be 0. Where the process stands in, they do not count."""
        if not self.training:
            return super().forward(rows)
        # statistics of half precision would be too coarse
        values = rows if rows.dtype == torch.float64 else rows.float()
        mean, variance, count = self._statistics(values[:0] if self.ranks.stands_in else values)
        enough = count > 1
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        with torch.no_grad():
            step = (self.momentum or 0.0) * enough.to(self.running_mean.dtype)
            unbiased = variance * count / (count - 1).clamp(min=1)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), step)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), step)
            self.num_batches_tracked += enough.to(self.num_batches_tracked.dtype)
        mean = torch.where(enough, mean, self.running_mean)
        variance = torch.where(enough, variance, self.running_var)
        return ((values - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias).to(rows.dtype)

    def _statistics(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and biased variance of the rows of all processes, (D,), and their number."""
        local_mean = values.sum(dim=0) / max(1, len(values))
        local_squares = ((values - local_mean) ** 2).sum(dim=0)
        local = torch.cat([local_mean, local_squares, values.new_tensor([len(values)])])
        every = gather_statistics(local, self.ranks)
        dim = values.shape[1]
        means, squares, counts = every[:, :dim], every[:, dim:-1], every[:, -1:].detach()
        count = counts.sum()
        mean = (counts * means).sum(dim=0) / count.clamp(min=1)
        variance = (squares.sum(dim=0) + (counts * (means - mean) ** 2).sum(dim=0)) / count.clamp(min=1)
        return mean, variance, count


def synchronise(model: nn.Module, ranks: Collectives) -> None:
    """Put a `SyncedBatchNorm` in the place of each batch normalisation of a model."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.modules.batchnorm._NormBase) and not isinstance(child, SyncedBatchNorm):
                if not isinstance(child, nn.BatchNorm1d):
                    raise TypeError(f"{type(child).__name__} has no form for several processes")
                module.register_module(name, SyncedBatchNorm(child, ranks))
