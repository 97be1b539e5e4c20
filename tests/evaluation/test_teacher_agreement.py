import json
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.ranks import t2v_ranks
from teachtext.evaluation.teacher_agreement import compare_teachers
from teachtext.reports.agreement_report import (
    AgreementContent,
    agreement_tables,
    alone_table,
    metrics_table,
    render_agreement,
)


def world(seed=0, teachers=3, videos=12, per_video=3):
    random = np.random.default_rng(seed)
    video_of = np.repeat(np.arange(videos), per_video)
    right = np.eye(videos)[video_of]
    scores = {
        f"teacher {n}": (right * random.uniform(0, 2) + random.normal(size=right.shape)).astype(np.float32)
        for n in range(teachers)
    }
    return scores, video_of


def make_content(seeds=(0, 1), **options):
    rosters = [compare_teachers(*world(seed, **options)) for seed in seeds]
    return AgreementContent(
        name="run", measured_on="val", generated=False, seeds=list(seeds), by_seed=rosters, notes=["A <note>."]
    )


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4))
@pytest.mark.slow
def test_each_together_and_alone(seed, teachers):
    scores, video_of = world(seed, teachers)
    roster = compare_teachers(scores, video_of)
    ranks = {label: t2v_ranks(ranks_of, video_of) for label, ranks_of in scores.items()}
    assert roster.metrics == {label: metrics_from_ranks(ranks_of) for label, ranks_of in ranks.items()}
    table = np.stack(list(ranks.values()))
    for name in ("r1", "r5", "r10", "r50"):
        assert getattr(roster.oracle, name) >= max(getattr(ranks_of, name) for ranks_of in roster.metrics.values())
    assert roster.oracle.mnr == pytest.approx(table.min(axis=0).mean() + 1)
    mean = np.mean(list(scores.values()), axis=0)
    assert roster.ensemble == metrics_from_ranks(t2v_ranks(mean, video_of))
    for k in (1, 5):
        hits = np.array([ranks_of == 0 if k == 1 else ranks_of < k for ranks_of in table])
        for place, label in enumerate(scores):
            others = np.delete(hits, place, axis=0).any(axis=0)
            assert roster.alone[k][label] == pytest.approx(100 * np.mean(hits[place] & ~others))
    assert np.array_equal(roster.spearman, roster.spearman.T) and (np.diag(roster.kendall) == 1).all()
    if teachers > 1:
        assert roster.spearman[0, 1] == pytest.approx(stats.spearmanr(table[0], table[1]).statistic)
        assert roster.kendall[0, 1] == pytest.approx(stats.kendalltau(table[0], table[1]).statistic)


def test_a_teacher_twice_agrees_with_itself_and_finds_nothing_alone():
    scores, video_of = world(teachers=1)
    roster = compare_teachers(scores | {"again": scores["teacher 0"]}, video_of)
    assert roster.spearman == pytest.approx(np.ones((2, 2))) and roster.kendall == pytest.approx(np.ones((2, 2)))
    assert roster.alone == {1: {"teacher 0": 0.0, "again": 0.0}, 5: {"teacher 0": 0.0, "again": 0.0}}
    assert roster.oracle == roster.ensemble == roster.metrics["again"]


def test_what_cannot_be_computed_is_said():
    scores, video_of = world(teachers=2)
    scores["teacher 1"] = np.zeros_like(scores["teacher 1"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        roster = compare_teachers(scores, video_of)
    assert np.isnan(roster.spearman[0, 1]) and np.isnan(roster.kendall[0, 1])
    content = AgreementContent(name="run", measured_on="val", generated=False, seeds=[0], by_seed=[roster])
    assert agreement_tables(content)[0].rows[0] == ["1 teacher 0", "1.00", "–"]
    assert json.loads(json.dumps(content.as_dict(), allow_nan=False))["seeds"][0]["spearman"][0] == [1.0, None]
    assert "one seed: no spread known" in metrics_table(content).note


def test_tables_hold_every_teacher_over_the_seeds():
    content = make_content()
    sheet = metrics_table(content)
    assert [row[0] for row in sheet.rows[:3]] == content.labels and len(sheet.rows) == 5
    first = [roster.metrics["teacher 0"].r1 for roster in content.by_seed]
    assert sheet.rows[0][1] == f"{np.mean(first):.1f} ({np.std(first, ddof=1):.1f})"
    assert [row[0] for row in alone_table(content).rows] == content.labels


def test_the_page_needs_nothing_else():
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    page = render_agreement(make_content())
    links = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert all(link.startswith(("#", "data:")) for link in links) and "<script" not in page
    assert page.count("<figure") == 2 and "A &lt;note&gt;." in page and "The test split was not read" in page
    assert "<figure" in render_agreement(make_content(teachers=1)), "one teacher is no reason to fail"
