from pathlib import Path

import pytest

pytest.importorskip("torch")

from teachtext.errors import InputError
from teachtext.experiment.study.study import load_study


@pytest.mark.parametrize("text", ["dataset: {path: data}", "experts: [motion]", "teachers: [wordllama]"])
def test_a_run_without_a_student_is_read_as_a_run(tmp_path: Path, text: str):
    path = tmp_path / "config.yaml"
    path.write_text(f"name: run\n{text}\n")
    with pytest.raises(InputError) as caught:
        load_study(path)
    assert "'base'" not in str(caught.value) and "is missing" in str(caught.value)


def test_a_missing_student_is_named(tmp_path: Path):
    path = tmp_path / "config.yaml"
    path.write_text("name: run\ndataset: {path: data}\nexperts: [motion]\nteachers: [wordllama]\n")
    with pytest.raises(InputError, match="'student' is missing"):
        load_study(path)
