from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from teachtext.search.fusion import fuse

rankings = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=3)


def test_what_two_rankings_hold_comes_before_what_one_holds():
    assert fuse([["a", "b", "c"], ["c", "d"]]) == ["c", "a", "b", "d"]
    assert fuse([["a", "b"], []]) == ["a", "b"]
    assert fuse([]) == []


def test_equal_sums_go_by_the_first_ranking():
    assert fuse([["a"], ["b"]]) == ["a", "b"]
    assert fuse([["b"], ["a"]]) == ["b", "a"]


@given(rankings)
def test_it_is_the_sum_of_reciprocal_ranks(given_rankings: list[list[str]]):
    sums = {
        name: sum(1 / (61 + ranking.index(name)) for ranking in given_rankings if name in ranking)
        for name in {name for ranking in given_rankings for name in ranking}
    }
    fused = fuse(given_rankings)
    assert sorted(fused) == sorted(sums)
    assert all(sums[name] >= sums[next_one] - 1e-9 for name, next_one in pairwise(fused))
