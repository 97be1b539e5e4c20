import copy

import pytest
import torch

from teachtext.learning.optimizers import OPTIMIZERS
from teachtext.learning.radam import FusedRAdam


def quadratic():
    torch.manual_seed(0)
    return torch.nn.Parameter(torch.randn(7, dtype=torch.float64)), torch.rand(7, dtype=torch.float64) + 0.5


def run(optimizer, parameter, curvature, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        (curvature * parameter**2).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_downhill(name):
    parameter, curvature = quadratic()
    start = (curvature * parameter.detach() ** 2).sum()
    run(OPTIMIZERS[name]([{"params": [parameter]}], lr=0.05, weight_decay=0.0), parameter, curvature, 60)
    assert (curvature * parameter.detach() ** 2).sum() < 0.7 * start


def test_ranger_is_rectified_adam_with_lookahead_step_by_step():
    """The optimizer written out: decoupled decay, betas 0.95 and 0.999, eps 1e-5, slow weights every six steps."""
    parameter, curvature = quadratic()
    lr, decay = 0.03, 0.1
    slow = fast = parameter.detach().clone()
    first, second = torch.zeros_like(fast), torch.zeros_like(fast)
    longest = 2 / (1 - 0.999) - 1
    optimizer = OPTIMIZERS["ranger"]([{"params": [parameter]}], lr=lr, weight_decay=decay)
    for step in range(1, 41):
        run(optimizer, parameter, curvature, 1)
        gradient = 2 * curvature * fast
        first = 0.95 * first + 0.05 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        length = longest - 2 * step * 0.999**step / (1 - 0.999**step)
        moment = first / (1 - 0.95**step)
        fast = fast - lr * decay * fast
        if length > 5:
            rectified = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
            fast = fast - lr * rectified * moment * (1 - 0.999**step) ** 0.5 / (second.sqrt() + 1e-5)
        else:
            fast = fast - lr * moment
        if step % 6 == 0:
            slow = slow + 0.5 * (fast - slow)
            fast = slow
        torch.testing.assert_close(parameter.detach(), fast, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_radam_in_one_pass_is_the_radam_of_pytorch(dtype):
    """200 steps: the weights differ by rounding alone, also where one of two has a gradient now and then only."""
    torch.manual_seed(0)
    start = [torch.randn(40, 30, dtype=dtype), torch.randn(30, dtype=dtype)]
    ours = [torch.nn.Parameter(values.clone()) for values in start]
    theirs = [torch.nn.Parameter(values.clone()) for values in start]
    options = {"lr": 0.01, "weight_decay": 0.1, "betas": (0.9, 0.99)}
    pairs = [
        (ours, FusedRAdam(ours, **options)),
        (theirs, torch.optim.RAdam(theirs, decoupled_weight_decay=True, **options)),
    ]
    for step in range(200):
        inputs = torch.randn(8, 40, dtype=dtype)
        for (weights, bias), optimizer in pairs:
            optimizer.zero_grad()
            product = torch.tanh(inputs @ weights)
            (product + bias if step % 3 else product).square().sum().backward()
            optimizer.step()
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-6)


def test_a_training_that_began_with_the_radam_of_pytorch_goes_on():
    parameter, curvature = quadratic()
    begun = torch.optim.RAdam([parameter], lr=0.05, weight_decay=0.1, decoupled_weight_decay=True, foreach=True)
    run(begun, parameter, curvature, 20)
    other = torch.nn.Parameter(parameter.detach().clone())
    optimizer = FusedRAdam([other], lr=0.05, weight_decay=0.1)
    optimizer.load_state_dict(copy.deepcopy(begun.state_dict()))
    run(begun, parameter, curvature, 20)
    run(optimizer, other, curvature, 20)
    torch.testing.assert_close(other, parameter)


def test_the_radam_of_pytorch_goes_on_from_a_training_in_one_pass():
    parameter, curvature = quadratic()
    begun = FusedRAdam([parameter], lr=0.05, weight_decay=0.1)
    run(begun, parameter, curvature, 20)
    other = torch.nn.Parameter(parameter.detach().clone())
    optimizer = torch.optim.RAdam([other], lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)
    optimizer.load_state_dict(copy.deepcopy(begun.state_dict()))
    run(begun, parameter, curvature, 20)
    run(optimizer, other, curvature, 20)
    torch.testing.assert_close(other, parameter)
