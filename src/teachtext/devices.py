"""CPU threads, set on purpose.

With as many threads as cores, short calls on a busy machine are tens of times slower than with one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads inside, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def set_threads(count: int) -> None:
    """Let torch use `count` threads from now on."""
    torch.set_num_threads(count)
