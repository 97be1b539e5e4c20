from dataclasses import replace

import numpy as np
import pytest
from studies import make_ranks

from teachtext.evaluation.compare import Pair, compare_all, interval_of
from teachtext.evaluation.query_ranks import QueryRanks
from teachtext.evaluation.results import Comparison
from teachtext.evaluation.significance import Difference, compare, holm

SETTINGS = {"statistic": "geometric_mean", "level": 0.95, "resamples": 200}


def shuffled(ranks: QueryRanks, seed: int = 5) -> QueryRanks:
    """The same answers, captions and videos in another order."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(ranks.caption_ids)), rng.permutation(len(ranks.video_ids))
    where = np.argsort(columns)
    return replace(
        ranks,
        t2v=ranks.t2v[rows],
        video_of=where[ranks.video_of[rows]],
        caption_ids=[ranks.caption_ids[row] for row in rows],
        video_ids=[ranks.video_ids[column] for column in columns],
    )


def test_queries_are_matched_by_their_ids_and_never_by_position():
    ours, theirs = [make_ranks(1.0, 0), make_ranks(1.0, 1)], [make_ranks(1.4, 0), make_ranks(1.4, 1)]
    expected = compare([r.t2v for r in ours], [r.t2v for r in theirs], ours[0].video_of, resamples=200)
    mixed = {"a": [ours[0], shuffled(ours[1])], "b": [shuffled(theirs[0], 6), shuffled(theirs[1], 7)]}
    (result,) = compare_all([Pair("a", "b")], mixed, {}, **SETTINGS)
    assert result.difference == expected
    assert interval_of(mixed["a"], **SETTINGS) == interval_of(ours, **SETTINGS)


def test_p_values_are_corrected_over_all_comparisons_that_there_are():
    ranks = {
        name: [make_ranks(level, seed) for seed in range(3)] for name, level in (("a", 1.0), ("b", 1.2), ("c", 2.0))
    }
    pairs = [Pair("a", "b"), Pair("a", "gone"), Pair("a", "c"), Pair("b", "c", "b is better")]
    result = compare_all(pairs, ranks, {"gone": "it diverged"}, **SETTINGS)
    done = [item for item in result if item.difference]
    assert [item.p_holm for item in done] == holm([item.difference.p_interval for item in done if item.difference])
    assert [(item.ours, item.theirs, item.claim) for item in result] == [(p.ours, p.theirs, p.claim) for p in pairs]
    assert result[1].problem == "there is no 'gone': it diverged" and result[1].verdict == "not computed"


def test_other_questions_do_not_compare():
    whole = make_ranks(1.0, 0)
    others = {
        "they were tested on different videos: 30 and 29, 29 in both": make_ranks(1.0, 0, 29),
        "they were tested on different captions: 120 and 120, 119 in both": replace(
            whole, caption_ids=["new", *whole.caption_ids[1:]]
        ),
        # two captions have changed their videos
        "they were tested on different captions: 120 and 120, 118 in both": replace(
            whole, video_of=np.concatenate([[1], whole.video_of[1:4], [0], whole.video_of[5:]])
        ),
    }
    for problem, other in others.items():
        (result,) = compare_all([Pair("a", "b")], {"a": [whole], "b": [other]}, {}, **SETTINGS)
        assert (result.difference, result.problem) == (None, problem)
        assert interval_of([whole, other], **SETTINGS) == (None, problem)


def test_what_cannot_be_computed_is_said():
    single = make_ranks(0.0, 0, videos=1)
    assert interval_of([single], **SETTINGS) == (None, "fewer than two videos have queries, so nothing varies")
    (result,) = compare_all([Pair("a", "b")], {"a": [single], "b": [single]}, {}, **SETTINGS)
    assert result.problem == "fewer than two videos have queries, so nothing varies"


@pytest.mark.parametrize(
    ("value", "low", "high", "p_holm", "statistic", "verdict"),
    [
        (2.0, 0.5, 3.5, 0.01, "geometric_mean", "gain"),
        (-2.0, -3.5, -0.5, 0.01, "geometric_mean", "loss"),
        (2.0, 0.5, 3.5, 0.06, "geometric_mean", "undecided"),
        (2.0, -0.1, 4.1, 0.04, "geometric_mean", "undecided"),
        (0.0, 0.0, 0.0, 1.0, "geometric_mean", "undecided"),
        (-2.0, -3.5, -0.5, 0.01, "mdr", "gain"),
        (2.0, 0.5, 3.5, 0.01, "mnr", "loss"),
    ],
)
def test_a_gain_needs_the_interval_and_the_corrected_p(
    value: float, low: float, high: float, p_holm: float, statistic: str, verdict: str
):
    difference = Difference(statistic, value, low, high, 0.95, 30, 120, 3, p=0.001, p_interval=0.001)
    assert Comparison(ours="a", theirs="b", difference=difference, p_holm=p_holm).verdict == verdict
