import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch")

from teachtext.errors import InputError
from teachtext.evaluation.result_rows import Role, Row, SeedResult
from teachtext.evaluation.results import Results
from teachtext.experiment.main_student import candidates_of, main_student


def row_of(role: Role, seeds: int) -> Row:
    results = [
        SeedResult(seed=seed, model=f"models/{role}-{seed}", best_epoch=1, t2v={}, v2t={}) for seed in range(seeds)
    ]
    return Row.model_construct(label=role, role=role, seeds=results, sees="")


@pytest.fixture
def old_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a version that wrote no `best.json`."""
    rows = [row_of("teacher", 2), row_of("student", 2), row_of("taught", 2)]
    results = Results.model_construct(rows=rows)
    monkeypatch.setattr(Results, "load", lambda path: results)
    (tmp_path / "results.json").write_text("{}")
    for row in rows:
        for seed in row.seeds:
            metrics = {"t2v": {"geometric_mean": 10.0 + seed.seed}}
            model = tmp_path / seed.model
            model.mkdir(parents=True)
            (model / "metrics.json").write_text(json.dumps({"best_epoch": 1, "history": [{"validation": metrics}]}))
    return tmp_path


def test_the_taught_student_with_the_best_validation_is_the_main_student(old_run: Path):
    assert main_student(old_run) == old_run / "models" / "taught-1"
    # the student alone plays no part, so that its model may be missing
    shutil.rmtree(old_run / "models" / "student-0")
    assert [candidate.role for candidate in candidates_of(Results.load(old_run), old_run)] == ["taught", "taught"]
    assert main_student(old_run) == old_run / "models" / "taught-1"


@pytest.mark.parametrize("removed", ["models", "models/taught-0", "models/taught-1"])
def test_a_missing_student_is_named_with_the_command_that_makes_it_again(old_run: Path, removed: str):
    shutil.rmtree(old_run / removed)
    with pytest.raises(InputError, match=r"models/taught-\d, the student of the run, is missing: run 'teachtext run'"):
        main_student(old_run)
