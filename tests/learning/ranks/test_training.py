"""A training over several processes ends in the weights of one process, resumes, and ends with one sentence."""

import math

import pytest
import torch
from rank_processes import in_processes
from rank_trainings import fails, trained

from teachtext.errors import InputError, ProcessesEnded
from teachtext.learning.model_files import WEIGHTS
from teachtext.learning.trainer import RESUME


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], rtol=0, atol=1e-9) for name in ours)


def test_two_processes_end_in_the_weights_of_one(alone, of_two):
    first, second = (rank.training for rank in of_two.ranks)
    assert_close(first["weights"], alone.training["weights"])
    assert_close(first["kept"], alone.training["kept"])
    assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())
    assert [path.name for path in of_two.folder.iterdir()] == [WEIGHTS]
    for ours, theirs in zip(first["history"], alone.training["history"], strict=True):
        assert math.isclose(ours["losses"]["ranking"], theirs["losses"]["ranking"], rel_tol=1e-9)
        assert ours["processes"] == 2 and "processes" not in theirs


def test_processes_draw_different_numbers_which_the_seed_fixes(alone, of_two):
    first, second = (rank.training["drawn"] for rank in of_two.ranks)
    assert first == alone.training["drawn"]
    assert len({*first, *second}) == 6


def test_processes_that_see_different_files_say_so_and_go_on_together(of_two):
    first, second = (rank.said for rank in of_two.ranks)
    assert first == second
    different, failed, still_here = first
    assert different[0] == different[1] and "has other features of 'scene' than process 0 on" in different[0]
    assert failed[0] == failed[1] and failed[0].startswith("process 1 on ")
    assert failed[0].endswith(": there is no file: copy it")
    assert still_here == ["both are here"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 3)])
def test_a_training_goes_on_with_another_number_of_processes(world, alone, tmp_path, before, after):
    stopped = in_processes(before, trained, world.folder, tmp_path, 2)
    assert all(isinstance(error, InputError | ProcessesEnded) for error in stopped)
    assert (tmp_path / RESUME).exists()
    rest = in_processes(after, trained, world.folder, tmp_path)
    assert_close(rest[0]["weights"], alone.training["weights"])
    assert [entry.get("processes", 1) for entry in rest[0]["history"]] == [before, before, after]


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_an_error_of_all_processes(world, tmp_path):
    errors = in_processes(2, trained, world.folder, tmp_path, 0, 1e300)
    assert {str(error) for error in errors} == {"a loss is no number in epoch 1: try a lower 'lr'"}
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_fails_ends_all_with_one_sentence(world, tmp_path):
    first, second = in_processes(2, fails, "input", world.folder, tmp_path)
    assert isinstance(first, ProcessesEnded) and str(first) == ""
    assert isinstance(second, ProcessesEnded) and str(second).startswith("process 1 on ")
    assert str(second).endswith(": the features are damaged: copy them again")
    assert (tmp_path / RESUME).exists(), "the first epoch is kept"


@pytest.mark.slow
def test_a_process_that_is_killed_ends_all_with_one_sentence(world, tmp_path):
    first, second, third = in_processes(3, fails, "killed", world.folder, tmp_path)
    assert second is None
    said = [str(error) for error in (first, third) if str(error)]
    assert len(said) == 1 and said[0].startswith("one of 3 processes ended early")


@pytest.mark.slow
def test_an_unexpected_error_is_shown_by_its_process_alone(world, tmp_path):
    first, second = in_processes(2, fails, "bug", world.folder, tmp_path)
    assert isinstance(first, ProcessesEnded) and str(first) == ""
    assert isinstance(second, ZeroDivisionError)
