"""The settings of PyTorch during a training: faster products, of the same numbers."""

import pytest
import torch
from torch import nn

from teachtext.experiment.torch_settings import torch_settings


def test_products_are_those_of_single_precision(tiny, tmp_path):
    config, before = tiny(tmp_path), torch.get_float32_matmul_precision()
    torch.manual_seed(0)
    network, rows = nn.Sequential(nn.Linear(300, 512), nn.ReLU(), nn.Linear(512, 64)), torch.randn(64, 300)

    def gradients() -> list[torch.Tensor]:
        network.zero_grad()
        network(rows).square().mean().backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    plain = gradients()
    with torch_settings(config):
        torch.testing.assert_close(gradients(), plain, rtol=1e-5, atol=1e-7)
    assert torch.get_float32_matmul_precision() == before


def settings():
    return (
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.get_num_threads(),
    )


def test_settings_are_as_before_after_a_failure(tiny, tmp_path):
    before = settings()
    with pytest.raises(ZeroDivisionError), torch_settings(tiny(tmp_path)):
        assert torch.are_deterministic_algorithms_enabled(), "the same numbers twice"
        raise ZeroDivisionError
    assert before == settings()
