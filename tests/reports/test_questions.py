import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from teachtext.evaluation.metrics import metrics_from_ranks
from teachtext.evaluation.questions import SAME, marks
from teachtext.evaluation.result_rows import QuestionKind, Row, SeedResult
from teachtext.evaluation.result_rows import TestedOn as SplitTested  # pytest collects names in Test*
from teachtext.evaluation.results import Results
from teachtext.reports.report import ReportContent, render_report
from teachtext.reports.results_tables import question_cells, questions_table

ASKED = {"speech": QuestionKind(questions=8, chance=25.0), "left & right": QuestionKind(questions=4, chance=50.0)}


def test_the_own_video_must_be_first_among_those_asked() -> None:
    scores = np.array(
        [
            [0.9, 0.1, 0.2, 0.3],  # right
            [0.9, 0.1, 0.2, 0.3],  # wrong among all ...
            [0.9, 0.1, 0.2, 0.3],  # ... right among those that are asked
            [0.5, 0.5, 0.5, 0.1],  # one of three
            [0.5, 0.5, 0.5, 0.9],  # ties below the first place do not help
            [-2.0, -2.0, -2.0, -2.0],  # nothing is known of any
        ]
    )
    given = marks(scores, [0, 3, 3, 1, 1, 2], [[0, 1, 2, 3], [0, 3], [1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [2, 1]])
    assert given.tolist() == [1, 0, 1, pytest.approx(1 / 3), 0, 0.5]


def test_rounding_makes_no_winner() -> None:
    scores = np.full((2, 4), 0.3, np.float32) + np.float32([1e-8, 3e-7, 0, 2e-7])
    assert marks(scores, [1, 2], [[0, 1, 2, 3]] * 2).tolist() == [0.25, 0.25]
    scores[:, 1] += 3 * SAME
    assert marks(scores, [1, 2], [[0, 1, 2, 3]] * 2).tolist() == [1, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=2, max_size=6))
def test_marks_of_a_group_add_up_to_one(values: list[int]) -> None:
    count = len(values)
    scores = np.tile(np.array(values, np.float32), (count, 1))
    given = marks(scores, range(count), [range(count)] * count)
    assert given.sum() == pytest.approx(1)


def results(kinds: dict[str, QuestionKind] = ASKED) -> Results:
    metrics = dict.fromkeys(("t2v", "v2t"), metrics_from_ranks(np.array([0.0, 3.0])))

    tested = SplitTested(
        dataset="d", split="test", videos=2, listed_videos=2, queries=2, train_videos=2, selection_videos=2,
        generated=True, notes=[], questions=kinds,
    )  # fmt: skip

    def row(label: str, *shares: float) -> Row:
        seeds = [
            SeedResult.of(seed, label, 1, metrics, {"speech": share, "left & right": 100 - share} if kinds else None)
            for seed, share in enumerate(shares)
        ]
        return Row(
            label=label, role="teacher", text_encoder="glove", experts=["a"], parameters=1, seeds=seeds, tested=tested
        )

    rows = [row("ears (glove)", 90, 95, 100), row("eyes <b> (glove)", 20, 25, 30)]
    return Results(name="run", seeds=[0, 1, 2], rows=rows, config={}, versions={})


def test_the_table_has_a_row_a_model_and_a_column_a_kind() -> None:
    kept = results()
    assert [[(cell.text, cell.best) for cell in line] for line in question_cells(kept)] == [
        [("95.0 (5.0)", True), ("5.0 (5.0)", False)],
        [("25.0 (5.0)", False), ("75.0 (5.0)", True)],
    ]
    buffer = io.StringIO()
    Console(file=buffer, width=80).print(questions_table(kept).rich())
    printed = buffer.getvalue()
    for word in ("speech", "8 asked", "chance 25.0", "left & right", "eyes <b> (glove)", "75.0 (5.0)"):
        assert word in printed
    assert questions_table(results({})) is None


def test_they_are_kept_and_files_without_them_are_read(tmp_path) -> None:
    kept = results()
    kept.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == kept
    document = kept.model_dump(mode="json")
    for row in document["rows"]:
        del row["tested"]["questions"]
        for seed in row["seeds"]:
            del seed["questions"]
    import json

    summary = json.loads((tmp_path / "results.json").read_text())["summary"]["ears (glove)"]["questions"]
    assert summary["speech"] == {"mean": 95.0, "std": 5.0, "values": [90.0, 95.0, 100.0]}
    (tmp_path / "old.json").write_text(json.dumps(document))
    old = Results.load(tmp_path / "old.json")
    assert old.test.questions == {} and questions_table(old) is None


def test_the_report_shows_them_where_they_were_asked() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    page = render_report(ReportContent(results=results()))
    assert 'id="questions"' in page and '95.0 <small class="std">(5.0)</small>' in page
    assert "left &amp; right<br>4 asked<br>chance 50.0" in page and "eyes &lt;b&gt;" in page
    assert "speech (ears (glove)), 95.0; left &amp; right (eyes &lt;b&gt; (glove)), 75.0" in page
    assert 'id="questions"' not in render_report(ReportContent(results=results({})))
