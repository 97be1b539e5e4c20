"""Intervals of rows and comparisons between rows, from the rank of every query."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from teachtext.errors import InputError
from teachtext.evaluation.metrics import METRIC_NAMES
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.result_rows import DIRECTIONS, Direction
from teachtext.evaluation.results import Comparison
from teachtext.evaluation.significance import Difference, Interval, compare, holm, interval


@dataclass(frozen=True)
class Pair:
    """Two labels to compare.

    Attributes:
        ours, theirs: labels.
        claim: the statement that is true if ours is better.
    """

    ours: str
    theirs: str
    claim: str = ""


def interval_of(ranks: Sequence[QueryRanks], **settings: Any) -> tuple[Interval | None, str]:
    """Return the interval of a row, or the reason why it has none.

    Args:
        ranks: on the test split, one a seed.
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
    """Compare rows, and correct the p values over all comparisons that can be computed.

    Args:
        pairs: labels.
        ranks: by label, on the test split, one a seed; all rows have the same seeds.
        missing: by label, the reason why a row has no ranks.
        settings: of `significance.compare`.
    """
    compared = [_compare(pair, ranks, missing, settings) for pair in pairs]
    differences = [comparison.difference for comparison in compared if comparison.difference]
    corrected = iter(holm([difference.p_interval for difference in differences]))
    return [
        comparison.model_copy(update={"p_holm": next(corrected)}) if comparison.difference else comparison
        for comparison in compared
    ]


def compare_parts(
    pairs: Sequence[Pair], ranks: Mapping[str, Mapping[str, Sequence[QueryRanks]]], **settings: Any
) -> dict[str, list[Comparison]]:
    """Compare rows on each of several parts of the queries, and correct the p values over all parts.

    Args:
        pairs: labels; those without ranks are left out.
        ranks: by part and label, on the test split, one a seed.
        settings: of `significance.compare`.
    """
    asked = [(part, pair) for part, rows in ranks.items() for pair in pairs if {pair.ours, pair.theirs} <= rows.keys()]
    in_part = [Pair(f"{pair.ours} [{part}]", f"{pair.theirs} [{part}]", pair.claim) for part, pair in asked]
    labelled = {f"{label} [{part}]": by_seed for part, rows in ranks.items() for label, by_seed in rows.items()}
    compared: dict[str, list[Comparison]] = {part: [] for part in ranks}
    for comparison, (part, pair) in zip(compare_all(in_part, labelled, {}, **settings), asked, strict=True):
        compared[part].append(comparison.model_copy(update={"ours": pair.ours, "theirs": pair.theirs}))
    return compared


def effects_of(taught: Sequence[QueryRanks], alone: Sequence[QueryRanks]) -> dict[Direction, dict[str, Difference]]:
    """Compare the taught student with the student alone on every metric, paired by query and seed.

    Args:
        taught: ranks of the taught student, one a seed.
        alone: ranks of the student alone, same seeds.

    Returns:
        Differences by direction and metric, taught minus alone.

    Raises:
        InputError: they were not tested on the same captions and videos, or on fewer than two videos.
    """
    first = alone[0]
    for other in (*taught, *alone):
        if (other.caption_ids, other.video_ids) != (first.caption_ids, first.video_ids):
            raise InputError("two models were not tested on the same captions and videos", "evaluate them again")
    queries = {"t2v": first.video_of, "v2t": np.arange(len(first.video_ids))}
    return {
        direction: {
            metric: compare(
                [getattr(ranks, direction) for ranks in taught],
                [getattr(ranks, direction) for ranks in alone],
                queries[direction],
                statistic=metric,
            )
            for metric in METRIC_NAMES
        }
        for direction in DIRECTIONS
    }


def _compare(
    pair: Pair, ranks: Mapping[str, Sequence[QueryRanks]], missing: Mapping[str, str], settings: Mapping[str, Any]
) -> Comparison:
    labels = {"ours": pair.ours, "theirs": pair.theirs, "claim": pair.claim}
    absent = [label for label in (pair.ours, pair.theirs) if label in missing]
    if absent:
        return Comparison(**labels, problem=f"there is no '{absent[0]}': {missing[absent[0]]}")
    try:
        captions, video_of = _queries([*ranks[pair.ours], *ranks[pair.theirs]])
        ours, theirs = (_of_captions(ranks[label], captions) for label in (pair.ours, pair.theirs))
        return Comparison(**labels, difference=compare(ours, theirs, video_of, **settings))
    except InputError as error:
        return Comparison(**labels, problem=error.problem)


def _queries(ranks: Sequence[QueryRanks]) -> tuple[Sequence[str], NDArray[np.int64]]:
    """Return the captions of the first ranks, C ids, and the column of the video of each, (C,).

    Raises:
        InputError: the ranks are of different captions or galleries, and do not compare.
    """
    first = ranks[0]
    video_of_first = _video_of(first)
    for other in ranks[1:]:
        _check_same("videos", set(first.video_ids), set(other.video_ids))
        _check_same("captions", set(video_of_first.items()), set(_video_of(other).items()))
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
    """Return for each seed the ranks of `captions`, looked up by their ids."""
    by_seed = []
    for seed in ranks:
        row_of = {caption: row for row, caption in enumerate(seed.caption_ids)}
        by_seed.append(seed.t2v[[row_of[caption] for caption in captions]])
    return by_seed
