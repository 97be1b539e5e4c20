"""Intervals of a study's rows and comparisons between them, from the rank of every query."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.results import QueryRanks
from teachtext.evaluation.significance import Interval, compare, holm, interval
from teachtext.evaluation.study_results import Comparison


@dataclass(frozen=True)
class Pair:
    """Two labels to compare, and what it would show if the first were better."""

    ours: str
    theirs: str
    claim: str = ""


def interval_of(ranks: Sequence[QueryRanks], **settings: Any) -> tuple[Interval | None, str]:
    """Return the interval of a row, or why there is none.

    Args:
        ranks: of each seed on the test split.
        settings: of `significance.interval`.
    """
    try:
        captions, video_of = _queries(ranks)
        return interval(_of_captions(ranks, captions), video_of, **settings), ""
    except InputError as error:
        return None, error.problem


def compare_all(
    pairs: Sequence[Pair], ranks: Mapping[str, Sequence[QueryRanks]], missing: Mapping[str, str], **settings: Any
) -> list[Comparison]:
    """Compare rows, and correct the p values over all comparisons that there are.

    Args:
        pairs: what to compare.
        ranks: by label, of each seed on the test split, the same seeds for all.
        missing: by label, why a row is not there.
        settings: of `significance.compare`.
    """
    compared = [_compare(pair, ranks, missing, settings) for pair in pairs]
    done = [comparison for comparison in compared if comparison.difference]
    corrected = iter(holm([found.difference.p_interval for found in done if found.difference]))
    return [
        comparison.model_copy(update={"p_holm": next(corrected)}) if comparison.difference else comparison
        for comparison in compared
    ]


def _compare(
    pair: Pair, ranks: Mapping[str, Sequence[QueryRanks]], missing: Mapping[str, str], settings: Mapping[str, Any]
) -> Comparison:
    told = {"ours": pair.ours, "theirs": pair.theirs, "claim": pair.claim}
    gone = [label for label in (pair.ours, pair.theirs) if label in missing]
    if gone:
        return Comparison(**told, problem=f"there is no '{gone[0]}': {missing[gone[0]]}")
    try:
        captions, video_of = _queries([*ranks[pair.ours], *ranks[pair.theirs]])
        ours, theirs = (_of_captions(ranks[label], captions) for label in (pair.ours, pair.theirs))
        return Comparison(**told, difference=compare(ours, theirs, video_of, **settings))
    except InputError as error:
        return Comparison(**told, problem=error.problem)


def _queries(ranks: Sequence[QueryRanks]) -> tuple[Sequence[str], NDArray[np.int64]]:
    """Return the captions that all have answered, C ids, and the video of each, (C,), in the order of the first.

    Raises:
        InputError: they have not answered the same questions: ranks among other videos do not compare.
    """
    first = ranks[0]
    own = _video_of(first)
    for other in ranks[1:]:
        _check_same("videos", set(first.video_ids), set(other.video_ids))
        _check_same("captions", set(own.items()), set(_video_of(other).items()))
    return first.caption_ids, np.asarray(first.video_of)


def _check_same(what: str, ours: Set[Any], theirs: Set[Any]) -> None:
    if ours != theirs:
        raise InputError(
            f"they were tested on different {what}: {len(ours):,} and {len(theirs):,}, {len(ours & theirs):,} in both",
            "give them experts that describe the same videos, and the same captions",
        )


def _video_of(ranks: QueryRanks) -> dict[str, str]:
    return {caption: ranks.video_ids[column] for caption, column in zip(ranks.caption_ids, ranks.video_of, strict=True)}


def _of_captions(ranks: Sequence[QueryRanks], captions: Sequence[str]) -> list[NDArray[np.float64]]:
    """Return for each seed the ranks of `captions`, found by their ids."""
    found = []
    for seed in ranks:
        place = {caption: row for row, caption in enumerate(seed.caption_ids)}
        found.append(seed.t2v[[place[caption] for caption in captions]])
    return found
