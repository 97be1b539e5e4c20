"""Products in bfloat16 on a CPU: large linear layers multiply copies of their weights, which stay in float32."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# with fewer weights the conversions of a layer cost more than its products save
_LEAST_WEIGHTS = 2**18


def has_fast_products() -> bool:
    """Return whether this processor multiplies in bfloat16, and faster than in float32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class LargeLayersInBfloat16(TorchFunctionMode):
    """A context in which large linear layers multiply in bfloat16: their product forward, and the two backward.

    Results of a layer are in float32 again. Weights are copied once each time that the context is entered, into memory
    that stays: enter it for the forward pass of each step, and change no weight inside. The automatic mixed precision
    of PyTorch takes new memory for its copies in every step, which costs more time than the products save.

    Example:
        >>> layer = torch.nn.Linear(1024, 512)
        >>> with LargeLayersInBfloat16():
        ...     layer(torch.randn(8, 1024)).dtype
        torch.float32
    """

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[int, _Copy] = {}

    def __enter__(self) -> Self:
        """Begin a forward pass: weights may have changed since the last one."""
        # versions of tensors do not tell: the fused optimizers of PyTorch leave them as they are
        for copy in self._copies.values():
            copy.is_current = False
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of PyTorch, or its form in bfloat16."""
        if func is F.linear and not kwargs and args[1].is_leaf and args[1].numel() >= _LEAST_WEIGHTS:
            rows, weight, bias = (*args, None)[:3]
            product = _Product.apply(rows, weight, self._in_bfloat16(weight))  # type: ignore[no-untyped-call]
            return product if bias is None else product + bias
        return func(*args, **(kwargs or {}))

    def _in_bfloat16(self, weight: Tensor) -> Tensor:
        copy = self._copies.get(id(weight))
        # the number of a weight that is gone may be that of a new one
        if copy is None or copy.weight() is not weight:
            empty = torch.empty_like(weight, dtype=torch.bfloat16, requires_grad=False)
            copy = self._copies[id(weight)] = _Copy(weakref.ref(weight), empty)
        if not copy.is_current:
            copy.values.copy_(weight.detach())
            copy.is_current = True
        return copy.values


@dataclass
class _Copy:
    """The values of a weight in bfloat16, and whether they are those of this forward pass."""

    weight: "weakref.ref[Tensor]"
    values: Tensor
    is_current: bool = False


class _Product(torch.autograd.Function):
    """rows W^T, (..., C) by (D, C)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, low_weight: Tensor) -> Tensor:
        """Return (..., D); `weight` is there for its gradient, `low_weight` are its values in bfloat16."""
        low_rows = rows.bfloat16()
        ctx.save_for_backward(low_rows, low_weight)
        return F.linear(low_rows, low_weight).float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Return the gradients of rows and of weights."""
        low_rows, low_weight = ctx.saved_tensors
        low = gradient.bfloat16()
        for_rows = (low @ low_weight).float() if ctx.needs_input_grad[0] else None
        for_weight = None
        if ctx.needs_input_grad[1]:
            for_weight = (low.flatten(0, -2).T @ low_rows.flatten(0, -2)).float()
        return for_rows, for_weight, None
