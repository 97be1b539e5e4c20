"""Results as files keep them: one form for runs and studies; files of earlier versions are read too."""

import json
from pathlib import Path
from typing import Any

import pytest
from studies import make_ranks, make_study

from teachtext.errors import InputError
from teachtext.evaluation.compare import Pair, effects_of
from teachtext.evaluation.results import Results, verdict_of
from teachtext.evaluation.significance import Difference

SEEDS = (0, 1, 2)


@pytest.fixture
def results() -> Results:
    rows: list[Any] = [("alone", "student", 2.0, {}), ("with teachers", "taught", 1.0, {})]
    made = make_study(rows, [Pair("with teachers", "alone")])
    taught, alone = ([make_ranks(level, seed) for seed in SEEDS] for level in (1.0, 2.0))
    return made.model_copy(update={"effects": effects_of(taught, alone)})


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["summary"]["alone"]["t2v"]["r1"] == results.rows[0].spread("t2v", "r1").model_dump()
    effect = results.effect("v2t", "mdr")
    assert effect and written["effect_of_teachtext"]["v2t"]["mdr"] == effect.model_dump()


def test_a_run_of_an_earlier_version_is_read(results: Results, tmp_path: Path) -> None:
    written = results.model_dump(mode="json")
    keys = ("name", "seeds", "effects", "config", "versions")
    row_keys = ("label", "text_encoder", "experts", "parameters", "seeds")
    old = {key: written[key] for key in keys} | {"test": written["rows"][0]["tested"], "summary": {}}
    roles = {"student": "student", "taught": "teachtext"}
    old["rows"] = [{key: row[key] for key in row_keys} | {"role": roles[row["role"]]} for row in written["rows"]]
    (tmp_path / "old.json").write_text(json.dumps(old))
    again = Results.load(tmp_path / "old.json")
    assert again.main.role == "taught" and again.test == results.test
    assert again.effect("t2v", "r1") == results.effect("t2v", "r1")
    (comparison,) = again.comparisons
    assert (comparison.ours, comparison.theirs) == ("with teachers", "alone")
    assert comparison.verdict == verdict_of(results.interval("t2v", "geometric_mean"))


def test_a_study_of_an_earlier_version_is_read(results: Results, tmp_path: Path) -> None:
    old = results.model_dump(mode="json", exclude={"effects", "notes"}) | {"told": ["No cost of speech: none."]}
    old["rows"][1]["role"] = "teachtext"
    (tmp_path / "old.json").write_text(json.dumps(old))
    again = Results.load(tmp_path / "old.json")
    assert again == results.model_copy(update={"effects": {}, "notes": ["No cost of speech: none."]})


@pytest.mark.parametrize("content", ["[]", "{}", '{"rows": 3}', '{"rows": [{"role": []}]}', '{"rows": [1]}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(InputError, match=r"results\.json is not a results file: make it with"):
        Results.load(tmp_path / "results.json")


@pytest.mark.parametrize(
    ("low", "high", "metric", "p", "verdict"),
    [
        (0.2, 1.2, "r1", None, "gain"),
        (0.2, 1.2, "r1", 0.01, "gain"),
        (0.2, 1.2, "r1", 0.2, "undecided"),
        (0.2, 1.2, "mdr", None, "loss"),
        (-0.2, 1.2, "r1", None, "undecided"),
    ],
)
def test_one_verdict(low: float, high: float, metric: str, p: float | None, verdict: str) -> None:
    difference = Difference(metric, (low + high) / 2, low, high, 0.95, 30, 120, 3, p=0.01, p_interval=0.01)
    assert verdict_of(difference, p) == verdict
    assert verdict_of(None) == "not computed"
