"""The small bar that shows why a video was found: what each expert added to the score, or took from it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """One bar, from 0 to 100: where its zero line is, and left end and width of each part by expert."""

    zero: float
    parts: Mapping[str, tuple[float, float]]


def bars(contributions: Sequence[Mapping[str, float]]) -> list[Bar]:
    """Return the bars of a page: to the right of the zero line what raised a score, to its left what lowered it.

    They have one scale and one zero line, and together they reach from 0 to 100.

    Args:
        contributions: of each result, by expert.
    """
    below = max((-sum(min(part, 0.0) for part in one.values()) for one in contributions), default=0.0)
    above = max((sum(max(part, 0.0) for part in one.values()) for one in contributions), default=0.0)
    scale = 100 / (below + above) if below + above > 0 else 0.0
    zero = below * scale
    return [Bar(zero, _parts(one, zero, scale)) for one in contributions]


def _parts(contributions: Mapping[str, float], zero: float, scale: float) -> Mapping[str, tuple[float, float]]:
    parts, left, right = {}, zero, zero
    for name, value in sorted(contributions.items()):
        width = abs(value) * scale
        if value < 0:
            left -= width
            parts[name] = (left, width)
        else:
            parts[name] = (right, width)
            right += width
    return parts
