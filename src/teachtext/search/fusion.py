"""Fusion of several rankings into one."""

from collections.abc import Sequence
from typing import Any, TypeVar

from teachtext.rewriting.fusion import RECIPROCAL_K

FUSED = 100
"""Ranks that `fuse_first` fuses."""

Name = TypeVar("Name", str, tuple[str, float])


def fuse(rankings: Sequence[Sequence[Name]]) -> list[Name]:
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

    def key(name: Name) -> tuple[float, list[int], Any]:
        places = [rank.get(name) for rank in ranks]
        total = sum(1 / (RECIPROCAL_K + place) for place in places if place is not None)
        return -round(total, 12), [last if place is None else place for place in places], name

    return sorted({name for ranking in rankings for name in ranking}, key=key)


def fuse_first(rankings: Sequence[Sequence[Name]]) -> list[Name]:
    """Fuse the first 100 of each ranking; what comes later follows in turns.

    So a longer ranking of the same kind changes nothing but the end, and the parts of a list that is read part by part
    fit together.

    >>> fuse_first([["a", "b"], ["b"]])
    ['b', 'a']
    """
    rankings = [ranking for ranking in rankings if ranking]
    if len(rankings) == 1:
        return list(dict.fromkeys(rankings[0]))
    heads, tails = [ranking[:FUSED] for ranking in rankings], [ranking[FUSED:] for ranking in rankings]
    longest = max((len(tail) for tail in tails), default=0)
    in_turns = [tail[place] for place in range(longest) for tail in tails if place < len(tail)]
    return list(dict.fromkeys(fuse(heads) + in_turns))
