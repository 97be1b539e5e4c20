import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from studies import make_study

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from teachtext.errors import InputError
from teachtext.evaluation.compare import Pair
from teachtext.evaluation.results import Choice, Denoised, Measured, Missing, Results
from teachtext.reports import results_figures, sentences
from teachtext.reports import results_tables as tables
from teachtext.reports.report import ReportContent, render_report, write_report
from teachtext.reports.setting_figures import curve_figures, modality_figures
from teachtext.reports.study_markdown import markdown
from teachtext.reports.tables import Table

ROWS = [
    ("student glove, alone", "student", 2.2, {"distillation.weight": 1}),
    *(
        (f"weight {w} & <b>, TeachText", "taught", level, {"distillation.weight": w})
        for w, level in ((1, 2.2), (10, 1.2), (100, 0.8))
    ),
]
PAIRS = [
    Pair("weight 100 & <b>, TeachText", "weight 1 & <b>, TeachText", "A larger weight is better"),
    *(Pair(label, ROWS[0][0]) for label, *_ in ROWS[1:]),
    Pair(ROWS[0][0], "gone", "Nothing"),
]
GONE = [Missing(label="gone", problem="seed 1: the similarity matrix holds NaN")]


@pytest.fixture(scope="module")
def study() -> Results:
    return make_study(ROWS, PAIRS, missing=GONE, seeds=range(5))


def render_study(results: Results) -> str:
    return render_report(ReportContent(results=results))


def printed(table: Table, width: int = 80) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table.rich())
    return console.export_text().splitlines()


@pytest.mark.slow
def test_results_are_read_back_as_they_were_written(study: Results, tmp_path: Path):
    study.save(tmp_path / "results.json")
    again = Results.load(tmp_path / "results.json")
    assert again == study
    assert render_study(again) == render_study(study), "tables and pictures need nothing else"
    (tmp_path / "results.json").write_text('{"name": "x"}')
    with pytest.raises(InputError, match="is not a results file: make it with 'teachtext run' or 'teachtext study'"):
        Results.load(tmp_path / "results.json")


def test_tables_fit_a_terminal_and_hold_every_row(study: Results):
    rows, comparisons = printed(tables.rows_table(study)), printed(tables.comparisons_table(study))
    assert all(len(line) <= 80 for line in [*rows, *comparisons])
    interval = study.rows[0].interval
    assert interval and f"{interval.low:.1f}–{interval.high:.1f}" in "\n".join(rows)
    verdicts = [comparison.verdict for comparison in study.comparisons]
    assert verdicts == ["gain", "undecided", "gain", "gain", "not computed"]
    text = "\n".join(comparisons)
    assert len(re.findall(r" gain\b", text)) == 1 + 3 and "not computed" in text, "once in the rule"
    assert "corrected over all 4 comparisons (Holm), is at most 0.05" in " ".join(text.split())


def test_claims_are_answered(study: Results):
    words = [sentences.claim_sentence(comparison) for comparison in study.comparisons if comparison.claim]
    assert re.match(r"A larger weight is better: yes \(weight 100 .* against weight 1 .*: \+\d", words[0])
    assert words[1] == ("Nothing: not computed (there is no 'gone': seed 1: the similarity matrix holds NaN).")


@pytest.mark.parametrize(("turned", "answer"), [(False, "yes"), (True, "no, the other way round")])
def test_a_claim_may_be_refuted(turned: bool, answer: str):
    names = ["good", "bad"]
    rows = [("good", "student", 0.5, {}), ("bad", "student", 2.0, {})]
    pair = Pair(*(reversed(names) if turned else names), "It is so")
    (comparison,) = make_study(rows, [pair]).comparisons
    assert sentences.claim_sentence(comparison).startswith(f"It is so: {answer} (")


def test_notes_say_what_intervals_hold_and_what_is_missing(study: Results):
    words = " ".join(sentences.notes(study))
    assert "Not computed, gone: seed 1: the similarity matrix holds NaN." in words
    assert "over videos and 5 seeds (200 resamples of whole videos)" in words
    assert "A note <b>of</b> the dataset" in words
    single = make_study(ROWS[:2], [Pair(ROWS[1][0], ROWS[0][0])], seeds=[4])
    assert "One seed: no spread over seeds is known." in " ".join(sentences.notes(single))
    assert "(" not in printed(tables.rows_table(single))[-1], "no standard deviation"


@pytest.mark.slow
def test_the_report_needs_nothing_else_and_shows_all(study: Results, tmp_path: Path):
    page = write_report(ReportContent(results=study), tmp_path / "report.html").read_text()
    links = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert "<script" not in page and "&lt;script&gt;bad()" in page
    assert "weight 10 &amp; &lt;b&gt;, TeachText" in page and "Does &lt;i&gt;it&lt;/i&gt; help?" in page
    assert page.count("<img") == 3
    for comparison in study.comparisons:
        assert page.count(f">{comparison.verdict}</td>") == sum(
            f.verdict == comparison.verdict for f in study.comparisons
        )
    assert page.count('class="left gain">gain') == 3
    assert "Generated data." not in page


@pytest.mark.slow
def test_pictures_say_what_they_show(study: Results):
    rows = results_figures.rows_figure(study)
    mean = study.rows[0].spread("t2v", "geometric_mean").mean
    assert f"student glove, alone, {mean:.1f}" in rows.alt
    differences = results_figures.differences_figure(study)
    assert differences and "against student glove, alone" in differences.alt and "gone" not in differences.alt
    (curve,) = curve_figures(study)
    assert curve.title == "Geom by distillation.weight" and curve.alt.startswith("Geom by distillation.weight, glove")
    assert "1, " in curve.alt and "100, " in curve.alt


def test_a_curve_needs_three_values_of_one_setting():
    def titles(*changes: dict[str, object]) -> list[str]:
        rows = [(f"row {n}", "taught", 1.0, change) for n, change in enumerate(changes)]
        return [plot.title for plot in curve_figures(make_study(rows, seeds=[0, 1]))]

    assert titles(*({"teachers": ["a"] * n} for n in (1, 2, 4))) == ["Geom by teachers"]
    assert titles(*({"training.lr": lr} for lr in (0.1, 0.2))) == []
    assert titles(*({"student.text": text} for text in "abc")) == []
    assert titles(*({"model.mask_padding": value} for value in (True, False, None))) == []
    assert titles(*({"teachers": [name]} for name in "abc")) == [], "of the same length"
    assert titles(*({"training.lr": lr, "pool": pool} for lr in (1, 2, 3) for pool in "ab")) == ["Geom by training.lr"]


@pytest.mark.slow
def test_modalities_are_drawn_by_number_and_by_cost():
    sizes = (["scene"], ["scene", "motion"], ["scene", "motion", "ocr"])
    rows = [
        (f"{len(experts)}, {role}", role, 2.0 - 0.4 * len(experts), {"student.experts": experts})
        for experts in sizes
        for role in ("student", "taught")
    ]
    study = make_study(rows)
    (number,) = modality_figures(study)
    assert number.alt.startswith("Geom by the number of the student's experts, glove, alone: 1, ")
    assert curve_figures(study) == [], "drawn once"
    priced = [row.model_copy(update={"cost": 10.0 * len(row.changes["student.experts"])}) for row in study.rows]
    measured = Measured(videos=8, seconds=40.0, machine={"processor": "x"})
    study = study.model_copy(update={"rows": priced, "measured": measured})
    _, cost = modality_figures(study)
    assert cost.alt.startswith("Geom by extraction cost, glove, alone: 10, ") and "; 30, " in cost.alt
    assert "| 2, taught | scene + motion | 20.0 |" in markdown(study)
    assert "measured on 8 videos of 40 s (processor x)" in render_study(study)
    assert modality_figures(make_study(ROWS)) == []


def test_precision_and_recall_are_told_or_the_noisiest():
    comparison = Denoised(variants=["a"], captions=100, dropped=10, spared=1, noisiest=["v1#2", "v3#0"])
    assert sentences.denoised_sentence(comparison).endswith("is not known. The noisiest: v1#2, v3#0.")
    detected = comparison.model_copy(update={"wrong": 20, "precision": 0.9, "recall": 0.45, "average_precision": 0.8})
    words = "10 of 100 training captions dropped, 20 are known to be wrong: precision 90.0 %, recall 45.0 %"
    assert words in sentences.denoised_sentence(detected)


@pytest.mark.slow
def test_a_study_without_comparisons_or_rows_still_has_a_report():
    assert results_figures.differences_figure(make_study(ROWS[:1])) is None
    assert "Differences" not in render_study(make_study(ROWS[:1]))
    assert "Not computed, gone" in render_study(make_study([], missing=GONE))


def test_markdown_has_the_same_numbers(study: Results):
    text = markdown(study)
    assert text.startswith("## a-study\n\n**Does <i>it</i> help?**")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    widths = {line.count(" | ") for line in lines}
    assert widths == {6, 5} and len(lines) == 2 + len(study.rows) + 2 + len(study.comparisons)
    assert "- A larger weight is better: yes (" in text


@pytest.mark.parametrize(
    ("tried", "chosen", "ends"),
    [
        (["weight 1", "weight 10", "weight 100"], "weight 100", ["weight 100"]),
        (["weight 100", "weight 1", "weight 10"], "weight 10", []),
        (["weight 1", "weight 10"], "weight 10", []),
        (["lr 1e-05, huber 0.1", "lr 0.001, huber 1", "lr 0.1, huber 1"], "lr 1e-05, huber 0.1", ["lr 1e-05"]),
        (["appearance", "scene", "motion"], "scene", []),
        (["1", "2", "5"], "beta 5, 5, 5", []),
    ],
)
def test_a_choice_at_the_end_of_what_was_tried_is_told(tried: list[str], chosen: str, ends: list[str]):
    choice = Choice(label="glove", tried=dict.fromkeys(tried, 50.0), chosen=chosen)
    assert sentences.at_an_end(choice) == ends
    assert ("a better value may lie there" in sentences.choice_sentence(choice)) == bool(ends)
