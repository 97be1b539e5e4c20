"""How videos are divided at random: splits of a dataset, and folds of its training videos.

Clips of one long video stay together. A clip's source among the training videos would let a model recognise a video
that should be new to the model.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from teachtext.errors import InputError

# several clips are often cut from one long video and named <source>_<start>_<end>
_CUT_FROM = re.compile(r"^(?P<source>.+?)_\d+(?:\.\d+)?_\d+(?:\.\d+)?$")
_SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


@dataclass(frozen=True)
class Fold:
    """One of several parts of the training videos.

    Attributes:
        number: number of the part, from 1.
        of: number of parts.
        held_out: ids of the videos in the part.
        rest: ids of all other videos.
    """

    number: int
    of: int
    held_out: tuple[str, ...]
    rest: tuple[str, ...]

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"


def source_of(video_id: str) -> str:
    """Return the id of the long video that a clip was cut from; the clip's id where its name has no times.

    Example:
        >>> source_of("mv89psg6zh4_33_46"), source_of("video7010")
        ('mv89psg6zh4', 'video7010')
    """
    match = _CUT_FROM.match(video_id)
    return match["source"] if match else video_id


def automatic_splits(video_ids: Iterable[str], *, seed: int = 0) -> dict[str, list[str]]:
    """Split videos 70/10/20 at random into train, val and test, clips of one source together.

    The same ids and seed give the same splits, whatever the order of the ids.
    """
    groups = _shuffled_sources(video_ids, seed)
    total = sum(map(len, groups))
    splits: dict[str, list[str]] = {name: [] for name in _SHARES}
    for group in groups:
        emptiest = max(splits, key=lambda name: _SHARES[name] * total - len(splits[name]))
        splits[emptiest].extend(group)
    return splits


def folds(video_ids: Iterable[str], count: int, *, seed: int) -> list[Fold]:
    """Split videos at random into parts of about the same size, clips of one source together.

    The same ids, count and seed give the same parts, whatever the order of the ids.

    Raises:
        InputError: the sources are too few for `count` parts of at least two videos.
    """
    groups = _shuffled_sources(video_ids, seed)
    # Large groups go first, always to the smallest part: in a shuffled order a long source could fill a part alone.
    groups.sort(key=len, reverse=True)
    parts: list[list[str]] = [[] for _ in range(count)]
    for group in groups:
        min(parts, key=len).extend(group)
    if min(map(len, parts)) < 2:
        raise InputError(
            f"{sum(map(len, groups)):,} training videos of {len(groups):,} sources are too few for {count} folds of "
            "at least two videos",
            "use fewer folds",
        )
    return [_fold(number, parts) for number in range(1, count + 1)]


def _shuffled_sources(video_ids: Iterable[str], seed: int) -> list[list[str]]:
    """Return the videos grouped by source, the groups in random order."""
    by_source: dict[str, list[str]] = {}
    for video_id in sorted(video_ids):
        by_source.setdefault(source_of(video_id), []).append(video_id)
    groups = list(by_source.values())
    random.Random(seed).shuffle(groups)
    return groups


def _fold(number: int, parts: Sequence[Sequence[str]]) -> Fold:
    rest = [video_id for place, part in enumerate(parts, start=1) if place != number for video_id in part]
    return Fold(number, len(parts), tuple(sorted(parts[number - 1])), tuple(sorted(rest)))
