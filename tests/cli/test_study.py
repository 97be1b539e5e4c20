from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from studies import make_study

from teachtext.evaluation.compare import Pair

pytestmark = pytest.mark.slow

Command = Callable[..., CompletedProcess[str]]
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "studies" / "weight-playground.yaml"


def test_results_are_enough_for_tables_and_report(teachtext: Command, tmp_path: Path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    rows = [("good", "student", 0.5, {}), ("bad", "student", 2.2, {})]
    make_study(rows, [Pair("good", "bad", "Good is better")]).save(tmp_path / "results.json")
    said = teachtext("study", tmp_path / "results.json")
    assert said.returncode == 0, said.stderr
    assert "Good is better: " in said.stdout
    assert f"Report: {tmp_path / 'report.html'}" in said.stdout.splitlines()
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_show_names_rows_and_comparisons_and_does_nothing(teachtext: Command, tmp_path: Path):
    said = teachtext("study", EXAMPLE, "--show", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "- minilm, huber 1, weight 10, TeachText against minilm, huber 1, weight 1, TeachText" in said.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", sorted(EXAMPLE.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(path: Path):
    from teachtext.experiment.study.study import load_study

    assert load_study(path).config.name == path.stem


def test_what_is_wrong_is_one_sentence(teachtext: Command, tmp_path: Path):
    text = EXAMPLE.read_text().replace("distillation.weight:", "distilation.weight:")
    (tmp_path / "bad.yaml").write_text(text)
    (tmp_path / "bad.json").write_text("{}")
    for name, message in {
        "bad.yaml": "variant 'glove, huber 1, weight 1': 'distilation' is not a setting (did you mean 'distillation'?)",
        "bad.json": "bad.json is not a results file",
        "gone.yaml": "gone.yaml cannot be read",
    }.items():
        said = teachtext("study", name, cwd=tmp_path)
        assert said.returncode == 2 and len(said.stderr.splitlines()) == 1
        assert message in said.stderr
    said = teachtext("study", "modalities", cwd=tmp_path)
    assert said.returncode == 2 and "write 'modalities: {}' into a study file" in said.stderr
    assert teachtext("study", "bad.yaml", "--jobs", "0", cwd=tmp_path).returncode == 2
