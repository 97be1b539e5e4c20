"""The settings of PyTorch under which models are trained and tested."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from teachtext.devices import is_gpu, resolve_device, torch_threads
from teachtext.experiment.config import RunConfig


@contextmanager
def torch_settings(config: RunConfig) -> Iterator[None]:
    """Set the number of threads, the library of products and deterministic algorithms; afterwards all are as before."""
    deterministic, products = torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    gpu = is_gpu(resolve_device(config.device))
    if gpu:
        # cuBLAS gives the same numbers twice only with a workspace of fixed size
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # a few operations have no deterministic form on a GPU: they warn there
    torch.use_deterministic_algorithms(True, warn_only=gpu)
    # nothing here reads memory that was not written, and NaN in every new tensor takes time
    memory.fill_uninitialized_memory = False
    if not gpu:
        torch.set_float32_matmul_precision(cpu_products())
    try:
        with torch_threads(config.threads):
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = fill
        torch.set_float32_matmul_precision(products)


def cpu_products() -> str:
    """Return the fastest products of a CPU that are exact, as `torch.set_float32_matmul_precision` takes them."""
    # oneDNN is faster than the default library, above all on AMD; with AMX it would multiply in bfloat16
    return "highest" if torch.cpu._is_amx_tile_supported() else "medium"
