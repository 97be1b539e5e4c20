import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from studies import make_study

from teachtext.errors import InputError
from teachtext.evaluation.compare import Pair

DOCS = Path(__file__).resolve().parents[2] / "docs"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_results", DOCS / "make_results.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load()


def test_the_committed_page_is_what_the_committed_results_give(script: ModuleType):
    studies = script.studies_in(DOCS / "results")
    assert (DOCS / "results.md").read_text() == script.page(studies), "run 'python docs/make_results.py'"
    for path in (DOCS / "results").glob("*.json"):
        assert script.Results.load(path).name == path.stem
        assert "/home/" not in path.read_text() and "/work/" not in path.read_text(), "no path of a machine"


def test_a_page_without_studies_says_so(script: ModuleType):
    assert "No study has been done yet." in script.page([])


def test_claims_come_first_and_every_study_has_its_tables(script: ModuleType, tmp_path: Path):
    rows = [("good", "student", 0.5, {}), ("bad", "student", 2.2, {})]
    claims = [Pair("good", "bad", "Good is better"), Pair("bad", "good", "Bad is better")]
    for name, claim in zip(("second", "first"), claims, strict=True):
        make_study(rows, [claim], seeds=range(5), name=name).save(tmp_path / f"{name}.json")
    text = script.page(script.studies_in(tmp_path))
    head, first, second = text.split("\n## ")[1:]
    assert "- Bad is better: no, the other way round (bad against good: -" in head and "[first](#first)" in head
    assert "- Good is better: yes (good against bad: +" in head and "[second](#second)" in head
    assert first.startswith("first\n") and second.startswith("second\n")
    assert second.count("| good |") == 2 and "| gain |" in second and "| loss |" in first


def test_claims_of_the_paper_stand_together_and_what_teachers_cost_is_told(script: ModuleType, tmp_path: Path):
    rows = [("taught", "taught", 0.5, {}), ("alone", "student", 2.2, {})]
    make_study(rows, [Pair("taught", "alone", "Teachers help")], seeds=range(5), name="weight-x").save(tmp_path / "a")
    make_study(rows, [Pair("taught", "alone")], seeds=range(5), name="modalities-x").save(tmp_path / "b")
    studies = [script.Results.load(tmp_path / name) for name in "ab"]
    head = script.page(studies).split("\n## ")[1]
    _, teachers, fewer, cost = head.split("\n**")
    assert teachers.startswith("Teachers with several") and "- Teachers help: yes (taught against alone" in teachers
    assert (
        fewer.startswith("Fewer video experts") and "- Better, though no claim names it: taught than alone (+" in fewer
    )
    assert cost.startswith("Nothing is added") and "yes: 2 of 2 students have as many parameters" in cost
    bigger = studies[0].rows[0].model_copy(update={"parameters": 10**9})
    dearer = studies[0].model_copy(update={"rows": [bigger, studies[0].rows[1]]})
    assert "- no: 0 of 1 students have as many parameters" in script.page([dearer])


def test_a_file_that_is_no_study_is_refused(script: ModuleType, tmp_path: Path):
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match=r"x.json is not a results file"):
        script.studies_in(tmp_path)
