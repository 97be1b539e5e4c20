"""Farthest query sampling, against angles that are computed by hand."""

import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.rewriting.farthest import farthest


def at(*degrees: float) -> np.ndarray:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_each_choice_is_the_farthest_from_all_before():
    # from 0: 170 is farthest; then 90 is 80 from 170, and 75 is 75 from 0, so 90 comes before 75
    assert farthest(at(0, 10, 90, 170, 75), 3) == [0, 3, 2]
    assert farthest(at(0, 120, 240, 60), 3) == [0, 1, 2]


def test_lengths_do_not_matter_and_ties_go_to_the_first():
    vectors = at(0, 30, 90, 90)
    assert farthest(vectors * np.array([[3.0], [0.1], [7.0], [1.0]]), 2) == farthest(vectors, 2) == [0, 2]


def test_a_copy_of_the_original_comes_last():
    assert farthest(at(0, 0, 5, 40), 4) == [0, 3, 2, 1]


def test_no_more_are_chosen_than_there_are():
    assert farthest(at(0), 5) == [0]
    assert farthest(at(0, 90), 1) == [0]


@pytest.mark.parametrize("vectors", [np.zeros((0, 2)), np.array([[1.0, 0.0], [0.0, 0.0]]), np.ones(3)])
def test_what_has_no_direction_is_refused(vectors: np.ndarray):
    with pytest.raises(InputError, match="no vector"):
        farthest(vectors, 2)
    with pytest.raises(InputError, match="0 queries cannot be chosen"):
        farthest(at(0), 0)
