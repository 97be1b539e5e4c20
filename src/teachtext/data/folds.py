"""Parts of a set of videos, so that each can be judged by models which have learned from the others alone."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from teachtext.data.folder import source_of
from teachtext.errors import InputError


@dataclass(frozen=True)
class Fold:
    """One of several parts.

    Attributes:
        number: from 1.
        of: how many there are.
        held_out: its videos.
        rest: all others.
    """

    number: int
    of: int
    held_out: tuple[str, ...]
    rest: tuple[str, ...]

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"


def folds(video_ids: Iterable[str], count: int, *, seed: int) -> list[Fold]:
    """Split videos into parts of about the same size at random, clips of one source together.

    A clip's source in the training videos would let a model recognise what it should judge unseen. The same ids,
    count and seed give the same parts, whatever the order of the ids.

    Raises:
        InputError: there are too few sources for so many parts of two videos.
    """
    by_source: dict[str, list[str]] = {}
    for video_id in sorted(video_ids):
        by_source.setdefault(source_of(video_id), []).append(video_id)
    groups = list(by_source.values())
    random.Random(seed).shuffle(groups)
    # large groups first, each to the smallest part: a shuffled order alone could leave a part to one long source
    groups.sort(key=len, reverse=True)
    parts: list[list[str]] = [[] for _ in range(count)]
    for group in groups:
        min(parts, key=len).extend(group)
    if min(map(len, parts)) < 2:
        raise InputError(
            f"{sum(map(len, groups)):,} training videos of {len(groups):,} sources are too few for {count} folds of "
            "at least two videos",
            "ask for fewer folds",
        )
    return [_fold(number, parts) for number in range(1, count + 1)]


def _fold(number: int, parts: Sequence[Sequence[str]]) -> Fold:
    rest = [video_id for place, part in enumerate(parts, start=1) if place != number for video_id in part]
    return Fold(number, len(parts), tuple(sorted(parts[number - 1])), tuple(sorted(rest)))
