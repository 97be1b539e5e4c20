from types import SimpleNamespace

import pytest
from learning_fixtures import one_thread_and_seeded, world  # noqa: F401
from rank_gradients import FEW, gradients_alone
from rank_processes import in_processes
from rank_trainings import several_works, trained_alone


@pytest.fixture(scope="session")
def alone(world, tmp_path_factory):  # noqa: F811
    """What one process computes: gradients by case, and a training."""
    return SimpleNamespace(
        gradients=gradients_alone(world.folder, FEW),
        training=trained_alone(world.folder, tmp_path_factory.mktemp("alone")),
    )


@pytest.fixture(scope="session")
def of_two(world, tmp_path_factory):  # noqa: F811
    """What each of two processes computes; started once, for starting costs more than all that they do."""
    folder = tmp_path_factory.mktemp("two")
    return SimpleNamespace(folder=folder, ranks=in_processes(2, several_works, world.folder, folder, FEW))
