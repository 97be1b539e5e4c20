"""Where computing happens: a device by name, and CPU threads, set on purpose.

A device is `auto`, `cpu`, `cuda`, `cuda:1` (a GPU by number) or `mps`. `auto` is the first GPU, else the CPU. torch is
imported only for a device other than the CPU, so that a server without torch can answer queries.

Half precision is used where `is_good_at_half` holds and a probe agrees with single precision within `HALF_TOLERANCE`.
Features are stored in half precision anyway, so neither device nor precision is part of their provenance.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from teachtext.errors import InputError

AUTO, CPU = "auto", "cpu"
# largest norm of the difference by the norm of the values; rounding to half precision alone costs up to 0.0005
HALF_TOLERANCE = 0.002
_NAME = re.compile(r"auto|cpu|cuda(:\d+)?|mps")


def check_device_name(device: str) -> str:
    """Return the name of a device if it is written as one; the device need not be there.

    Raises:
        InputError: it is not `auto`, `cpu`, `cuda`, `cuda:<number>` or `mps`.
    """
    if not isinstance(device, str) or not _NAME.fullmatch(device):
        raise InputError(f"unknown device '{device}'", "choose from auto, cpu, cuda, cuda:<number>, mps")
    return device


def resolve_device(device: str = AUTO) -> str:
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
        if device == AUTO:
            return CPU
        raise InputError(f"device '{device}' needs the package 'torch'", "install torch, or use device cpu") from None
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == AUTO:
        return "cuda" if gpus else "mps" if torch.backends.mps.is_available() else CPU
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= gpus:
            present = f"this machine has {gpus} CUDA devices" if gpus else "this machine has no CUDA device"
            raise InputError(f"device '{device}' is not there ({present})", "use device auto or cpu")
    elif not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not there (this machine has no Apple GPU)", "use device auto or cpu")
    return device


def check_device(device: str) -> None:
    """Refuse a device that is not on this machine; `auto` and `cpu` are checked without torch.

    Raises:
        InputError: see `resolve_device`.
    """
    if check_device_name(device) not in (AUTO, CPU):
        resolve_device(device)


def is_gpu(device: str) -> bool:
    """Return whether a device that `resolve_device` returned is a GPU."""
    return device != CPU


def gpu_number(device: str) -> int:
    """Return the number of a CUDA device: 1 for `cuda:1`, 0 without a number.

    >>> gpu_number("cuda:1")
    1
    """
    return int(device.partition(":")[2] or 0)


def batch_size(device: str, *, cpu: int, gpu: int) -> int:
    """Return how many inputs a network takes at once on a device that `resolve_device` returned.

    >>> batch_size("cpu", cpu=4, gpu=64)
    4
    """
    return gpu if is_gpu(device) else cpu


def is_good_at_half(device: str) -> bool:
    """Return whether half precision is faster: on CUDA devices with tensor cores (compute capability 7.0 or more)."""
    if not device.startswith("cuda"):
        return False
    import torch

    return torch.cuda.get_device_capability(gpu_number(device)) >= (7, 0)


def onnx_providers(device: str = AUTO) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    """Return ONNX Runtime's execution providers with their options, and a note if the device cannot be used.

    The CPU provider is always last. `auto` takes CUDA where the installed ONNX Runtime has it, without a note.
    """
    import onnxruntime

    options: dict[str, Any] = {}
    if (name := check_device_name(device)) == CPU:
        provider = ""
    elif name == "mps":
        provider = "CoreMLExecutionProvider"
    else:
        provider, options = "CUDAExecutionProvider", {"device_id": gpu_number(device)}
    cpu: tuple[str, dict[str, Any]] = ("CPUExecutionProvider", {})
    if provider in onnxruntime.get_available_providers():
        return [(provider, options), cpu], ""
    is_named = name not in (AUTO, CPU)
    return [cpu], f"the installed onnxruntime has no {provider}, so the CPU is used" if is_named else ""


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
    """Let torch and numpy use `count` CPU threads from now on.

    Threads that share one product wait for one another without sleep, and take the time of what goes on beside it.
    Numpy keeps the number that the user set: `OMP_NUM_THREADS` or `OPENBLAS_NUM_THREADS`.
    """
    import numpy  # noqa: F401 -- what computes its products is loaded with it
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(count)
    if not {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"} & os.environ.keys():
        threadpool_limits(count, user_api="blas")
