"""Copies of a video as one result (see `teachtext.search.copies`)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from teachtext.search.answer import Answer, SearchResult

_MOST = 1000
Result = TypeVar("Result", bound=SearchResult)


def fold(results: Sequence[Result]) -> list[Result]:
    """Return the results of the first video of each group of copies: one result, or where results are moments, all.

    >>> fold([])
    []
    """
    first: dict[str, str] = {}
    return [result for result in results if first.setdefault(_group(result), result.item.id) == result.item.id]


def _group(result: SearchResult) -> str:
    """Return the name of the group of copies that holds the video of a result."""
    # equal files of an index that was not finished yet; a service does not tell the content
    return result.copies[0] if result.copies else result.item.content or result.item.id


def folded(ask: Callable[[int], Answer], count: int, *, most: int | None = None) -> Answer:
    """Search until there are enough results that are no copies of one another, or no more results.

    Args:
        ask: searches for at most so many results, videos or moments.
        count: at most so many results.
        most: at most so many results are searched for; by default 1,000, and more where `count` is larger.

    Returns:
        The answer, with the results of the first video of each group of copies.
    """
    most = max(_MOST, count) if most is None else most
    k = min(count, most)
    while True:
        answer = ask(k)
        results = fold(answer.results)
        if len(results) >= count or len(answer.results) < k or k == most:
            return replace(answer, results=results[:count], folded=len(answer.results) - len(results))
        k = min(most, 4 * k)
