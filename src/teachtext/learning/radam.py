"""Rectified Adam in one pass over the weights."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import RAdam


class FusedRAdam(RAdam):
    """Rectified Adam (Liu et al., ICLR 2020, algorithm 2) with decoupled weight decay, by the fused kernel of AdamW.

    Once the variance is known, a step of RAdam is a step of AdamW: its learning rate is multiplied by the
    rectification r, its weight decay is divided by r, and its epsilon is divided by sqrt(1 - beta2^t). PyTorch has a
    kernel for AdamW that reads and writes each weight once, and none for RAdam. The first steps, of which the variance
    is not yet known (5 with beta2 = 0.999), follow the moving average of the gradients.

    Its state is that of `torch.optim.RAdam`, so that each can go on from the other. Only the number of steps is an
    integer here: a tensor of one number for each tensor of weights took a third of a step of a small model.

    Args:
        params: as of `torch.optim.RAdam`.
        options: as of `torch.optim.RAdam`: `lr`, `betas`, `eps`, `weight_decay`.

    Example:
        >>> weights = torch.nn.Parameter(torch.ones(3))
        >>> optimizer = FusedRAdam([weights], lr=0.1)
        >>> weights.sum().backward()
        >>> optimizer.step()
        >>> weights
        Parameter containing:
        tensor([0.9000, 0.9000, 0.9000], requires_grad=True)
    """

    def __init__(self, params: Any, **options: Any) -> None:
        super().__init__(params, decoupled_weight_decay=True, **options)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the weights by their gradients; weights without a gradient stay."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            # the kernel takes weights of one device and type; those that had no gradient once had fewer steps
            alike: defaultdict[tuple[int, torch.device, torch.dtype], list[Tensor]] = defaultdict(list)
            for weights in group["params"]:
                if weights.grad is not None:
                    alike[self._count(weights), weights.device, weights.dtype].append(weights)
            for (step, _, _), params in alike.items():
                self._move(params, step, group)
        return loss

    def _count(self, weights: Tensor) -> int:
        """Return the number of the step that these weights take now, from 1."""
        state = self.state[weights]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(weights, memory_format=torch.preserve_format)
            state["exp_avg_sq"] = torch.zeros_like(weights, memory_format=torch.preserve_format)
        # a tensor in a state that was loaded
        step = state["step"] = int(state["step"]) + 1
        return step

    def _move(self, params: list[Tensor], step: int, group: dict[str, Any]) -> None:
        gradients = [weights.grad for weights in params if weights.grad is not None]
        means = [self.state[weights]["exp_avg"] for weights in params]
        squares = [self.state[weights]["exp_avg_sq"] for weights in params]
        lr, decay, (beta1, beta2) = group["lr"], group["weight_decay"], group["betas"]
        correction = 1 - beta2**step
        rectified = _rectification(step, beta2)
        if rectified is None:
            for weights, gradient, mean, square in zip(params, gradients, means, squares, strict=True):
                mean.lerp_(gradient, 1 - beta1)
                square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                weights.mul_(1 - lr * decay).add_(mean, alpha=-lr / (1 - beta1**step))
            return
        # what `torch.optim.adamw.adamw` calls, which counts the step of each tensor by itself
        torch._fused_adamw_(
            params,
            gradients,
            means,
            squares,
            [],
            [torch.tensor(float(step), device=params[0].device)] * len(params),
            amsgrad=False,
            lr=lr * rectified,
            beta1=beta1,
            beta2=beta2,
            weight_decay=decay / rectified,
            eps=group["eps"] / correction**0.5,
            maximize=False,
        )


def _rectification(step: int, beta2: float) -> float | None:
    """Return r of a step; None where the variance is not yet known."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return None
    ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return float(ratio**0.5)
