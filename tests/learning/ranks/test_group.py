import pytest
from rank_processes import variables

from teachtext.errors import InputError
from teachtext.learning.ranks import ALONE, started
from teachtext.learning.ranks.agreement import Place
from teachtext.learning.ranks.group import _own_device


@pytest.fixture
def set_variables(monkeypatch):
    def set_all(**changes):
        for name, value in (variables(0, 2, 1) | changes).items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    return set_all


def test_without_torchrun_or_with_one_process_there_is_no_group(set_variables):
    with started() as ranks:
        assert ranks is ALONE
    set_variables(WORLD_SIZE="1", MASTER_PORT=None)
    with started() as ranks:
        assert ranks is ALONE and ranks.first and ranks.device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"RANK": None}, "WORLD_SIZE is 2, and RANK is not set: start them all with one torchrun command"),
        ({"MASTER_PORT": None}, "WORLD_SIZE is 2, and MASTER_PORT is not set"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two', and not a number"),
        ({"RANK": "2"}, "RANK is 2, and WORLD_SIZE is 2"),
    ],
)
def test_variables_that_do_not_fit_are_refused_and_never_one_process(set_variables, changes, sentence):
    set_variables(**changes)
    with pytest.raises(InputError, match=sentence), started():
        pass


def test_one_gpu_for_several_processes_is_refused():
    with pytest.raises(InputError, match="'device: cuda:1' names one GPU for several processes"):
        _own_device("cuda:1", Place(1, "alpha", 1))
