"""Products in bfloat16 on a CPU: near those in float32, of the weights as they are now, and of large layers alone."""

import pytest
import torch
from torch import nn

from teachtext.learning.cpu_bfloat16 import LargeLayersInBfloat16
from teachtext.learning.optimizers import OPTIMIZERS

SIZES = 1024, 512


def gradients(layer, rows, context=None):
    layer.zero_grad()
    rows = rows.clone().requires_grad_()
    if context is None:
        output = layer(rows)
    else:
        with context:
            output = layer(rows)
    (output**2).sum().backward()
    return [output.detach(), rows.grad, *(parameter.grad.clone() for parameter in layer.parameters())]


@pytest.mark.parametrize("shape", [(8, 1024), (3, 5, 1024), (1, 1024), (0, 1024)])
@pytest.mark.parametrize("bias", [True, False])
def test_results_and_gradients_are_near_those_in_float32(shape, bias):
    torch.manual_seed(0)
    layer, rows = nn.Linear(*SIZES, bias=bias), torch.randn(shape)
    expected = gradients(layer, rows)
    for values, wanted in zip(gradients(layer, rows, LargeLayersInBfloat16()), expected, strict=True):
        assert values.dtype == torch.float32 and values.shape == wanted.shape
        if wanted.norm() > 0:
            assert 0 < (values - wanted).norm() < 0.01 * wanted.norm()


def test_small_layers_and_other_products_are_exact():
    torch.manual_seed(0)
    layer, rows = nn.Linear(64, 64), torch.randn(8, 64)
    with LargeLayersInBfloat16():
        assert torch.equal(rows @ rows.T, torch.mm(rows, rows.T))
    for values, wanted in zip(gradients(layer, rows, LargeLayersInBfloat16()), gradients(layer, rows), strict=True):
        assert torch.equal(values, wanted)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_step_of_an_optimizer_changes_the_products(name):
    torch.manual_seed(0)
    layer, rows, context = nn.Linear(*SIZES), torch.randn(8, 1024), LargeLayersInBfloat16()
    optimizer = OPTIMIZERS[name]([{"params": list(layer.parameters())}], lr=0.01, weight_decay=0.0)
    for _ in range(8):
        output = gradients(layer, rows, context)[0]
        assert torch.equal(output, gradients(layer, rows, LargeLayersInBfloat16())[0])
        optimizer.step()


def test_one_layer_may_be_used_twice_in_a_step():
    torch.manual_seed(0)
    layer, rows = nn.Linear(1024, 1024), torch.randn(8, 1024)
    twice = nn.Sequential(layer, nn.Tanh(), layer)
    for values, wanted in zip(gradients(twice, rows, LargeLayersInBfloat16()), gradients(twice, rows), strict=True):
        assert (values - wanted).norm() < 0.02 * wanted.norm()


def test_a_new_layer_in_the_place_of_one_that_is_gone_has_its_own_weights():
    torch.manual_seed(0)
    rows, context = torch.randn(8, 1024), LargeLayersInBfloat16()
    for _ in range(20):
        layer = nn.Linear(*SIZES)
        with torch.no_grad():
            wanted = layer(rows)
            with context:
                values = layer(rows)
        assert (values - wanted).norm() < 0.01 * wanted.norm()
        del layer
