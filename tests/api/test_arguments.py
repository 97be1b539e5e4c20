"""Wrong arguments: one sentence each, before any work."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")
pytest.importorskip("torch")
pytest.importorskip("wordllama")
from clips import write_clip, write_model

import teachtext
from teachtext import InputError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> teachtext.Model:
    return teachtext.load(write_model(tmp_path_factory.mktemp("models") / "motion"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "0.mp4", 0)
    return folder


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, None])
def test_an_extraction_without_a_worker_is_refused(clips: Path, tmp_path: Path, workers: Any):
    with pytest.raises(InputError, match=r"workers is .*: give a whole number of at least 1"):
        teachtext.extract(clips, tmp_path / "features", experts=["motion"], workers=workers)
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize("jobs", [0, -1, 1.5])
def test_an_experiment_without_a_job_is_refused(tmp_path: Path, jobs: Any):
    config = tmp_path / "config.yaml"
    config.write_text(
        f"{{name: tiny, work: '{tmp_path}/run', dataset: {{playground: {{videos: 24}}}}, experts: [motion],"
        " teachers: [wordllama], student: {text: wordllama}}"
    )
    with pytest.raises(InputError, match=r"jobs is .*: give a whole number of at least 1"):
        teachtext.run(config, jobs=jobs)
    assert not (tmp_path / "run").exists()


def test_an_unknown_engine_is_refused(clips: Path, tmp_path: Path):
    with pytest.raises(InputError, match="unknown engine 'zzz': choose from local, ray"):
        teachtext.extract(clips, tmp_path, experts=["motion"], engine="zzz")  # type: ignore[arg-type]
