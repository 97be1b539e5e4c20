from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True)
def one_thread_and_seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def lived_in() -> Callable[[nn.Module], nn.Module]:
    """Gives a module the statistics and affine values that training would, in float64 and evaluation mode."""

    def live(module: nn.Module) -> nn.Module:
        module.double().eval()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d):
                nn.init.normal_(part.running_mean, std=0.3)
                nn.init.uniform_(part.running_var, 0.3, 2)
                nn.init.uniform_(part.weight, 0.5, 2)
                nn.init.normal_(part.bias)
        return module

    return live


@pytest.fixture
def gradcheck_all() -> Callable[..., None]:
    """Checks the gradients of a module's output with respect to all parameters and to float inputs."""

    def check(module: nn.Module, *inputs: torch.Tensor) -> None:
        module.double()
        names, values = zip(*module.named_parameters(), strict=True)
        values = [value.detach().clone().requires_grad_() for value in values]
        # statistics are copied: a numerical gradient asks many times, and each time must find the same module
        kept = {name: value.clone() for name, value in module.named_buffers()}

        def run(*given: torch.Tensor) -> torch.Tensor:
            state = dict(zip(names, given[len(inputs) :], strict=True))
            state |= {name: value.clone() for name, value in kept.items()}
            return torch.func.functional_call(module, state, given[: len(inputs)])

        asked = [value.clone().requires_grad_() if value.is_floating_point() else value for value in inputs]
        assert torch.autograd.gradcheck(run, (*asked, *values))

    return check
