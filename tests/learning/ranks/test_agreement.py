import pytest

from teachtext.errors import InputError
from teachtext.learning.ranks.agreement import Place, check_enough, check_same, common_device

PLACES = [Place(0, "alpha", 0), Place(1, "alpha", 1), Place(2, "beta", 0)]


def test_the_first_difference_is_named():
    with pytest.raises(InputError, match="process 2 on beta has other teacher cache than process 0 on alpha"):
        check_same([{"teacher cache": "a"}] * 2 + [{"teacher cache": "b"}], PLACES)
    with pytest.raises(InputError, match="process 1 on alpha has other features than process 0"):
        check_same([{"features": "a"}, {}, {"features": "a"}], PLACES)
    check_same([{"features": "a", "versions": "1"}] * 3, PLACES)


def test_a_process_without_a_gpu_is_named():
    with pytest.raises(InputError, match="process 2 on beta has no GPU, and process 0 on alpha has one"):
        common_device(["cuda:0", "cuda:1", "cpu"], PLACES)
    with pytest.raises(InputError, match="process 0 on alpha has no GPU, and process 1 on alpha has one"):
        common_device(["cpu", "cuda:1", "cuda:0"], PLACES)
    assert common_device(["cpu"] * 3, PLACES) == "cpu"


def test_more_processes_than_videos_are_refused():
    with pytest.raises(InputError, match="a batch has 4 videos, and there are 8 processes"):
        check_enough(4, 8)
    check_enough(8, 8)
