"""Two and four processes compute the gradients of one, in float64."""

import pytest
from rank_gradients import ALL, KINDS, gradients, gradients_alone
from rank_processes import in_processes

from teachtext.models.build import MODELS


def assert_equal(by_rank, alone):
    for case, whole in alone.items():
        of_parameters = [value for name, value in whole.items() if name != "loss" and not name.startswith("buffer")]
        assert whole["loss"] > 0 and any(value.abs().max() > 1e-4 for value in of_parameters), case
        for by_case in by_rank:
            assert by_case[case].keys() == whole.keys()
            for name, value in by_case[case].items():
                assert (value - whole[name]).abs().max() < 1e-10, (case, name)


def test_two_processes_have_gradients_losses_and_statistics_of_one(alone, of_two):
    assert_equal([rank.gradients for rank in of_two.ranks], alone.gradients)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_so_for_every_kind_of_model_and_a_last_batch_with_fewer_rows_than_processes(world, count):
    assert_equal(in_processes(count, gradients, world.folder, ALL), gradients_alone(world.folder, ALL))


def test_every_kind_of_model_is_compared():
    assert {*MODELS} <= {*KINDS} == {kind for kind, _, _ in ALL}
