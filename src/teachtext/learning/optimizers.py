"""The optimizers by name: adding one is a function and a line."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from teachtext.learning.radam import FusedRAdam

Groups = Iterable[dict[str, Any]]


def radam(groups: Groups, *, lr: float, weight_decay: float, **changes: Any) -> Optimizer:
    """Rectified Adam (Liu et al., ICLR 2020) with decoupled decay: what TeachText and CE+ were trained with."""
    return FusedRAdam(groups, lr=lr, weight_decay=weight_decay, **changes)


def ranger(groups: Groups, *, lr: float, weight_decay: float) -> Optimizer:
    """RAdam inside Lookahead (Zhang et al., NeurIPS 2019): what CE and MoEE were trained with, and their constants."""
    # importing it costs half a second, and only this one needs it
    from pytorch_optimizer import Lookahead

    inner = radam(groups, lr=lr, weight_decay=weight_decay, betas=(0.95, 0.999), eps=1e-5)
    return Lookahead(inner, k=6, alpha=0.5, pullback_momentum="none")


def adam(groups: Groups, *, lr: float, weight_decay: float) -> Optimizer:
    """Adam (Kingma and Ba, ICLR 2015), decay coupled: what MMT was trained with."""
    return torch.optim.Adam(groups, lr=lr, weight_decay=weight_decay, fused=True)


def adamw(groups: Groups, *, lr: float, weight_decay: float) -> Optimizer:
    """Adam with decoupled decay (Loshchilov and Hutter, ICLR 2019)."""
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, fused=True)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"radam": radam, "ranger": ranger, "adam": adam, "adamw": adamw}
