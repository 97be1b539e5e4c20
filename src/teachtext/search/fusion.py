"""Several rankings to one."""

from collections.abc import Sequence

# as the authors of reciprocal rank fusion set it
_K = 60


def fuse(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Join rankings by reciprocal rank fusion (Cormack et al., SIGIR 2009): the sum of 1 / (60 + rank) over rankings.

    Args:
        rankings: of each the ids, best first. An id that one ranking does not hold gets nothing from it.

    Returns:
        All ids, best first; equal sums go by rank in the first ranking that tells them apart, then by id.
    """
    ranks = [{name: rank for rank, name in enumerate(ranking, start=1)} for ranking in rankings]
    last = 1 + max((len(ranking) for ranking in rankings), default=0)

    def key(name: str) -> tuple[float, list[int], str]:
        places = [rank.get(name) for rank in ranks]
        total = sum(1 / (_K + place) for place in places if place is not None)
        return -round(total, 12), [last if place is None else place for place in places], name

    return sorted({name for ranking in rankings for name in ranking}, key=key)
