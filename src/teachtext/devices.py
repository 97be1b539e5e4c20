"""Where computing happens: a device by name, and CPU threads, set on purpose.

A device is `auto`, `cpu`, `cuda`, `cuda:1` (a GPU by number) or `mps`. `auto` is the first GPU, else the CPU. torch is
imported only where a device other than the CPU is asked for, so that a server without torch can answer queries.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from teachtext.errors import InputError

CPU = "cpu"
_NAME = re.compile(r"auto|cpu|cuda(:\d+)?|mps")


def check_device_name(device: str) -> str:
    """Return the name of a device if it is written as one; the device need not be there.

    Raises:
        InputError: it is not `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.
    """
    if not _NAME.fullmatch(device):
        raise InputError(f"unknown device '{device}'", "choose from auto, cpu, cuda, cuda:<number>, mps")
    return device


def resolve_device(device: str = "auto") -> str:
    """Return the name of a device that is there, as torch writes it.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.

    Raises:
        InputError: no such device, or not on this machine.

    >>> resolve_device("cpu")
    'cpu'
    """
    if check_device_name(device) == CPU:
        return CPU
    try:
        import torch
    except ModuleNotFoundError:
        if device == "auto":
            return CPU
        raise InputError(f"device '{device}' needs the package 'torch'", "install torch, or use device cpu") from None
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if gpus else "mps" if torch.backends.mps.is_available() else CPU
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= gpus:
            there = f"this machine has {gpus} CUDA devices" if gpus else "this machine has no CUDA device"
            raise InputError(f"device '{device}' is not there: {there}", "use device auto or cpu")
    elif not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not there: this machine has no Apple GPU", "use device auto or cpu")
    return device


def is_gpu(device: str) -> bool:
    """Say whether a device that `resolve_device` returned is a GPU."""
    return device != CPU


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` CPU threads inside, and as many as before afterwards.

    With as many threads as cores, short calls on a busy machine are tens of times slower than with one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def set_threads(count: int) -> None:
    """Let torch use `count` CPU threads from now on."""
    import torch

    torch.set_num_threads(count)
