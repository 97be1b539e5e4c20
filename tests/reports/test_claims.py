from dataclasses import replace

import pytest
from studies import make_study

from teachtext.evaluation.compare import Pair
from teachtext.evaluation.results import Denoised, Missing
from teachtext.evaluation.significance import Interval
from teachtext.reports.claims import claim_lines, claims_figure, claims_table

ROWS = [("good", "taught", 0.5, {"student.text": "use"}), ("bad", "student", 2.2, {}), ("same", "student", 0.5, {})]
PAIRS = [
    Pair("good", "bad", "Good is better"),
    Pair("good", "same", "It is better than its like too"),
    Pair("bad", "good", "Bad is better"),
    Pair("bad", "same"),
]


def denoised(low: float, high: float) -> Denoised:
    above = Interval("precision above chance", (low + high) / 2, low, high, 0.95, 10, 100, 1)
    counts = {"captions": 100, "dropped": 10, "spared": 0, "wrong": 20}
    return Denoised(
        variants=["noisy"], **counts, precision=0.7, recall=0.35, average_precision=0.6, above_chance=above, noisiest=[]
    )


def test_each_claim_has_its_values_its_difference_and_its_verdict():
    results = make_study(ROWS, PAIRS)
    lines = claim_lines(results)
    assert [line.claim for line in lines] == [pair.claim for pair in PAIRS[:3]], "what claims nothing has no line"
    assert [line.again for line in lines] == [False, True, False]
    assert [line.verdict for line in lines] == ["gain", "undecided", "loss"]
    for line, comparison in zip(lines, results.comparisons, strict=False):
        assert line.difference == comparison.difference and line.measure == "Geom"
        assert line.ours - line.theirs == pytest.approx(line.difference.value)


def test_a_row_that_could_not_be_computed_is_a_line_without_numbers():
    lost = [Missing(label="bad", problem="its features are gone")]
    lines = claim_lines(make_study(ROWS[:1], [PAIRS[0]], missing=lost))
    assert [(line.theirs, line.difference, line.verdict) for line in lines] == [(None, None, "not computed")]
    assert claims_table("T", lines).rows == [["1", "Good is better", "Geom", *claims_row(lines[0]), "not computed"]]
    assert "svg" in claims_figure(lines).svg


def claims_row(line):
    return [f"{line.ours:.1f}", "–", "–", "–"]


@pytest.mark.parametrize(("bounds", "verdict"), [((10, 90), "gain"), ((-5, 5), "undecided"), ((-9, -1), "loss")])
def test_wrong_captions_are_found_where_the_precision_is_above_chance(bounds, verdict):
    results = make_study(ROWS, PAIRS[:1]).model_copy(update={"denoised": [denoised(*bounds)]})
    line = claim_lines(results)[-1]
    assert (line.ours, line.theirs, line.verdict, line.measure) == (70, 20, verdict, "precision")


def test_without_known_wrong_captions_there_is_no_line():
    unknown = denoised(1, 2).model_copy(update={"wrong": None, "precision": None, "above_chance": None})
    results = make_study(ROWS, PAIRS[:1]).model_copy(update={"denoised": [unknown]})
    assert len(claim_lines(results)) == 1


def test_the_table_numbers_claims_and_fits_80_columns():
    from rich.console import Console

    results = make_study(ROWS, PAIRS).model_copy(update={"denoised": [denoised(40, 60)]})
    lines = claim_lines(results)
    table = claims_table("Claims", lines)
    assert [row[0] for row in table.rows] == ["1", "", "2", "3"]
    assert table.rows[3][3:] == ["70.0", "20.0", "+50.0", "+40.0 to +60.0", "gain"]
    console = Console(width=80, record=True)
    console.print(table.rich())
    text = console.export_text()
    assert "95 %" in text and "+40.0 to +60.0" in text and max(map(len, text.splitlines())) <= 80
    figure = claims_figure(lines)
    assert all(line.claim in figure.alt for line in lines)


def test_intervals_of_several_levels_are_called_intervals():
    lines = claim_lines(make_study(ROWS, PAIRS[:1]).model_copy(update={"denoised": [denoised(1, 2)]}))
    assert claims_table("Claims", lines).columns[6].name == "95 %"
    other = replace(lines[0], difference=replace(lines[0].difference, level=0.9))
    assert claims_table("Claims", [other, *lines[1:]]).columns[6].name == "interval"
