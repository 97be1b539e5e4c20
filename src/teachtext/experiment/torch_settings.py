"""The settings of PyTorch under which models are trained and tested."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from teachtext.devices import is_gpu, resolve_device, torch_threads
from teachtext.experiment.config import RunConfig


@contextmanager
def torch_settings(config: RunConfig) -> Iterator[None]:
    """Set the number of threads and deterministic algorithms; afterwards both are as before."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    gpu = is_gpu(resolve_device(config.device))
    if gpu:
        # cuBLAS gives the same numbers twice only with a workspace of fixed size
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # a few operations have no deterministic form on a GPU: they warn there
    torch.use_deterministic_algorithms(True, warn_only=gpu)
    try:
        with torch_threads(config.threads):
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
