"""Embeddings and gradients of all processes.

Every process computes the loss L of the whole batch from the embeddings of all. It then needs the gradient by its
rows alone, for dL / dw is the sum over processes of the gradient through their rows. So nothing is sent in the backward
pass of `gather_rows`, and the gradients of the model's parameters are added up, not averaged. (Gathering whose backward
pass adds up the gradients of all processes, with a mean over processes, is the same sum at a higher price.)
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import Function

from teachtext.models.similarity import Embedded

_BUCKET_BYTES = 32 * 2**20


class Collectives(Protocol):
    """The exchange of tensors with the other processes.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
        stands_in: whether this process has no row of the batch at hand. It computes with a row that does not count.
    """

    rank: int
    count: int
    stands_in: bool

    def all_gather(self, values: Tensor) -> Tensor:
        """Return the tensors of all processes, (count, ...), which are of one shape."""
        ...

    def all_reduce(self, values: Tensor) -> Tensor:
        """Return the sum over all processes, in place of the tensor."""
        ...


def rows_of(rank: int, count: int, rows: int) -> slice:
    """Return the rows of a batch that a process embeds: equal parts, or parts that differ by one row.

    >>> [rows_of(rank, 4, 6) for rank in range(4)]
    [slice(0, 1, None), slice(1, 3, None), slice(3, 4, None), slice(4, 6, None)]
    """
    return slice(rank * rows // count, (rank + 1) * rows // count)


class _GatherRows(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, ranks: Collectives, rows: int) -> Tensor:
        parts = [rows_of(rank, ranks.count, rows) for rank in range(ranks.count)]
        longest = max(part.stop - part.start for part in parts)
        ctx.rows = parts[ranks.rank]
        padded = values.new_zeros(longest, *values.shape[1:])
        padded[: len(values)] = values
        every = ranks.all_gather(padded)
        return torch.cat([each[: part.stop - part.start] for each, part in zip(every, parts, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient[ctx.rows], None, None


def gather_rows(values: Tensor, ranks: Collectives, rows: int) -> Tensor:
    """Return the rows of all processes, in order.

    The gradient of a process is that of its rows. All processes must compute the same from the result.

    Args:
        values: (n, D), the rows of this process (see `rows_of`); n may be 0.
        ranks: the processes.
        rows: number of rows of all processes.
    """
    gathered: Tensor = _GatherRows.apply(values, ranks, rows)  # type: ignore[no-untyped-call]
    return gathered


class _GatherStatistics(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, ranks: Collectives) -> Tensor:
        ctx.ranks = ranks
        return ranks.all_gather(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # every process has used the values in its way: the gradients of all uses add up
        return ctx.ranks.all_reduce(gradient.contiguous())[ctx.ranks.rank], None


def gather_statistics(values: Tensor, ranks: Collectives) -> Tensor:
    """Return the values (D,) of all processes, (count, D), of which each process may make what it will."""
    gathered: Tensor = _GatherStatistics.apply(values, ranks)  # type: ignore[no-untyped-call]
    return gathered


def gather_embedded(embedded: Embedded, ranks: Collectives, rows: int) -> Embedded:
    """Return the embeddings of the whole batch, in one exchange.

    Args:
        embedded: of the rows of this process, or of a row that does not count.
        ranks: the processes.
        rows: number of rows of the whole batch.
    """
    matrices, unpack = embedded.packed()
    counted = torch.cat(matrices, dim=1)[: 0 if ranks.stands_in else None]
    every = gather_rows(counted, ranks, rows)
    return unpack(torch.split(every, [matrix.shape[1] for matrix in matrices], dim=1))


@torch.no_grad()
def add_gradients(parameters: Sequence[Tensor], ranks: Collectives) -> None:
    """Add up the gradients of all processes. A parameter without a gradient in all of them stays without one."""
    if not parameters:
        return
    device = parameters[0].device
    used = ranks.all_reduce(torch.tensor([parameter.grad is not None for parameter in parameters], device=device).int())
    gradients = []
    for parameter, count in zip(parameters, used.tolist(), strict=True):
        if count:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
    for bucket in _buckets(gradients):
        whole = ranks.all_reduce(torch.cat([gradient.reshape(-1) for gradient in bucket]))
        for gradient, part in zip(bucket, torch.split(whole, [each.numel() for each in bucket]), strict=True):
            gradient.copy_(part.view_as(gradient))


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield gradients of one type, together: few exchanges of some size are faster than many small ones."""
    for dtype in dict.fromkeys(gradient.dtype for gradient in gradients):
        bucket: list[Tensor] = []
        size = 0
        for gradient in (each for each in gradients if each.dtype == dtype):
            bucket.append(gradient)
            size += gradient.nbytes
            if size >= _BUCKET_BYTES:
                yield bucket
                bucket, size = [], 0
        if bucket:
            yield bucket
