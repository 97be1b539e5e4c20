"""Schedule: a factor on the weight of the distillation loss, from the number of the epoch and of all epochs alone."""

import math
from collections.abc import Callable


def constant(epoch: int, epochs: int) -> float:
    """1 throughout."""
    return 1.0


def warm_up(epoch: int, epochs: int, *, warm_up_epochs: int) -> float:
    """Rise in equal steps to 1 in epoch `warm_up_epochs`, and stay there."""
    return min(1.0, epoch / warm_up_epochs)


def exponential(epoch: int, epochs: int, *, decay: float) -> float:
    """1 in the first epoch, then `decay` times as much from each to the next (as DL-DKD: ICCV 2023)."""
    return decay ** (epoch - 1)


def cosine(epoch: int, epochs: int) -> float:
    """Half a cosine, from 1 in the first epoch to 0 in the last."""
    return (1 + math.cos(math.pi * (epoch - 1) / max(1, epochs - 1))) / 2


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "warm_up": warm_up,
    "exponential": exponential,
    "cosine": cosine,
}
