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


def test_the_committed_pages_are_what_the_committed_results_give(script: ModuleType):
    studies = script.studies_in(DOCS / "results")
    again = "run 'python docs/make_results.py'"
    assert (DOCS / "results.md").read_text() == script.page(studies), again
    assert (DOCS / "results" / "index.md").read_text() == script.studies_page(studies), again
    for study in studies:
        assert (DOCS / "results" / f"{study.name}.md").read_text() == script.study_page(study), again
    assert {path.stem for path in (DOCS / "results").glob("*.md")} == {study.name for study in studies} | {"index"}
    for path in (DOCS / "results").glob("*.json"):
        assert script.Results.load(path).name == path.stem
        assert "/home/" not in path.read_text() and "/work/" not in path.read_text(), "no path of a machine"


def test_a_page_without_studies_says_so(script: ModuleType):
    assert "No study has been done yet." in script.page([])


def test_claims_stand_in_one_table_of_claim_and_data_set(script: ModuleType, tmp_path: Path):
    rows = [("good", "student", 0.5, {}), ("bad", "student", 2.2, {}), ("alike", "student", 0.501, {})]
    claims = {
        "helps-one": [Pair("good", "bad", "Good is better"), Pair("bad", "good", "Bad is better")],
        "helps-two": [Pair("good", "bad", "Good is better")],
        "other-two": [Pair("good", "bad"), Pair("alike", "good", "Alike is better")],
    }
    for name, pairs in claims.items():
        make_study(rows, pairs, seeds=range(5), name=name).save(tmp_path / f"{name}.json")
    studies = script.studies_in(tmp_path)
    text = script.page(studies)
    assert "\n4 claims were tested: 2 `gain`, 1 `loss`, 1 `undecided`.\n" in text
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.split("\n") if line.startswith("|")]
    assert lines[0] == ["claim", "one", "two"]
    by_claim = {line[0]: line[1:] for line in lines}
    one, two = by_claim["Good is better"]
    assert one.startswith("**gain** +") and one.endswith(") [helps](results/helps-one.md)")
    assert two.startswith("**gain** +") and two.endswith(") [helps](results/helps-two.md)")
    one, two = by_claim["Bad is better"]
    assert one.startswith("**loss** -") and two == ""
    assert by_claim["Alike is better"][1].startswith("undecided 0.0 (")
    assert by_claim["good against bad"][1].startswith("**gain** +")
    groups = [line[0] for line in lines if line[0].startswith("**")]
    assert groups == [
        "**Teachers with several text encoders make a student better**",
        "**Beyond the paper**",
        "**Decided, though no claim names it**",
    ]
    for study in studies:
        page = script.study_page(study)
        assert page.startswith(f"# {study.name}\n") and page.count("| good |") >= 2 and f"({study.name}.json)" in page
    listed = script.studies_page(studies)
    assert "| helps | Does &lt;i>it&lt;/i> help? | [one](helps-one.md), [two](helps-two.md) |" in listed
    assert "\nother-two\n" in listed


def test_what_teachers_cost_at_test_time_is_counted(script: ModuleType, tmp_path: Path):
    rows = [("taught", "taught", 0.5, {}), ("alone", "student", 2.2, {})]
    study = make_study(rows, [Pair("taught", "alone", "Teachers help")], seeds=range(5), name="weight-x")
    assert "1 of 1 taught students has as many parameters" in script.page([study])
    bigger = study.rows[0].model_copy(update={"parameters": 10**9})
    dearer = study.model_copy(update={"rows": [bigger, study.rows[1]]})
    assert "0 of 1 taught students has as many parameters" in script.page([dearer])


def test_a_study_page_names_few_of_the_noisiest_captions(script: ModuleType):
    denoised = {
        "variants": ["denoised"],
        "captions": 50,
        "dropped": 9,
        "spared": 0,
        "noisiest": [f"v#{n}" for n in range(9)],
    }
    rows = [("a", "student", 0.5, {}), ("b", "student", 2.2, {})]
    study = make_study(rows, [Pair("a", "b")], seeds=range(5), name="denoising-x")
    study = script.Results.model_validate(study.model_dump() | {"denoised": [denoised]})
    page = script.study_page(study)
    assert "v#2" in page and "v#3" not in page
    assert "## Wrong captions" not in script.page([study])
    wrong = denoised | {"wrong": 12, "precision": 0.5, "recall": None, "average_precision": 0.25}
    study = script.Results.model_validate(study.model_dump() | {"denoised": [wrong]})
    assert "[denoising](results/denoising-x.md) | 50 | 12 | 9 | 50.0 % | – | 25.0 % |" in script.page([study])


def test_a_file_that_is_no_study_is_refused(script: ModuleType, tmp_path: Path):
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match=r"x.json is not a results file"):
        script.studies_in(tmp_path)
