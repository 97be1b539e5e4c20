"""Fusion of several rankings into one."""

from collections.abc import Sequence

# the constant of the authors of reciprocal rank fusion
_K = 60


def fuse(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Join rankings by reciprocal rank fusion (Cormack et al., SIGIR 2009): the sum of 1 / (60 + rank) over rankings.

    Args:
        rankings: ids, best first. A ranking adds nothing to the sum of an id that it lacks.

    Returns:
        All ids, best first. Equal sums are ordered by the first ranking in which the ranks differ, then by id.

    >>> fuse([["a", "b", "c"], ["c", "d"]])
    ['c', 'a', 'b', 'd']
    """
    ranks = [{name: rank for rank, name in enumerate(ranking, start=1)} for ranking in rankings]
    last = 1 + max((len(ranking) for ranking in rankings), default=0)

    def key(name: str) -> tuple[float, list[int], str]:
        places = [rank.get(name) for rank in ranks]
        total = sum(1 / (_K + place) for place in places if place is not None)
        return -round(total, 12), [last if place is None else place for place in places], name

    return sorted({name for ranking in rankings for name in ranking}, key=key)
