"""`teachtext demo`: a study, its noisy captions and a search, in one table."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("lancedb")
pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("wordllama")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from teachtext.api.demo import STUDY, demonstrate
from teachtext.cli.demo import demo
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.experiment.study.study import load_study

SMALL: dict[str, Any] = {
    "name": "small-demo",
    "base": {
        "dataset": {"playground": {"videos": 24, "captions_per_video": 3, "train_captions": 2, "seed": 3}},
        "experts": ["motion"],
        "teachers": ["wordllama"],
        "student": {"text": "wordllama"},
        "model": {"shared_dim": 16},
        "training": {"epochs": 2, "batch_size": 8},
        "logging": "none",
        "workers": 1,
    },
    "variants": {
        "several": {"members": ["student", "taught"]},
        "copies": {"teachers": [{"text": "wordllama", "copies": 2}]},
        "wrong": {
            "dataset.playground": {"captions_per_video": 4, "train_captions": 4, "wrong_captions": 0.25},
            "teachers": [],
            "denoising": {"folds": 2},
            "members": [],
        },
    },
    "seeds": [0, 1],
    "resamples": 200,
    "compare": {"taught": False},
    "claims": {"Teachers help": ["several", "several, alone"], "They help more than copies": ["several", "copies"]},
}


def test_the_packaged_study_makes_four_claims():
    study = load_study(STUDY)
    assert study.config.name == "demo" and study.config.question
    assert len({pair.ours for pair in study.pairs if pair.claim}) == 2
    assert [variant.config.denoising is not None for variant in study.variants].count(True) == 1
    assert study.variants[0].config.defaults == "measured", "the recipe of a run that says nothing else"


def test_the_study_can_be_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    demo(show=True)
    assert capsys.readouterr().out == STUDY.read_text()
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    demo(tmp_path / "mine.yaml", show=True)
    assert capsys.readouterr().out == "name: mine\n"


@pytest.mark.parametrize("changes", [{"claims": {}}, None])
def test_a_file_without_claims_is_refused(tmp_path: Path, changes: dict[str, Any] | None):
    settings = {**SMALL, **changes} if changes else {"name": "a-run", "seeds": [0], **SMALL["base"]}
    (tmp_path / "file.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match=r"file\.yaml claims nothing"):
        demonstrate(tmp_path / "file.yaml")


def test_what_cannot_be_searched_is_refused_before_anything_is_trained(tmp_path: Path):
    (tmp_path / "captions.jsonl").write_text('{"video": "a", "text": "a dog"}\n')
    base = SMALL["base"] | {"dataset": {"path": str(tmp_path)}}
    variants = {"several": SMALL["variants"]["several"], "copies": SMALL["variants"]["copies"]}
    study = SMALL | {"base": base, "variants": variants, "work": str(tmp_path / "work")}
    (tmp_path / "file.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(InputError, match="has no folder 'videos' that could be searched"):
        demonstrate(tmp_path / "file.yaml")
    study |= {"ensembles": {"both": ["several", "copies"]}, "claims": {"Both help": ["both", "several"]}}
    (tmp_path / "file.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(InputError, match=r"file\.yaml: 'both' is no trained student"):
        demonstrate(tmp_path / "file.yaml")
    assert not (tmp_path / "work").exists()


@pytest.mark.slow
def test_a_demonstration_tests_its_claims_and_searches(tmp_path: Path):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(SMALL | {"work": str(tmp_path / "work")}))
    done = demonstrate(tmp_path / "study.yaml", jobs=1)
    assert [line.measure for line in done.lines] == ["Geom", "Geom", "precision", "R@1"]
    assert [row[0] for row in done.table.rows] == ["1", "", "2", "3"]
    assert all(line.difference is not None for line in done.lines)
    search = done.lines[-1]
    assert search.difference is not None and search.ours is not None and search.theirs is not None
    assert search.ours - search.theirs == pytest.approx(search.difference.value)
    assert search.difference.videos == done.results.test.videos, "the captions are of the test split"
    page = done.page.read_text()
    assert page.startswith("<!doctype html>") and "Generated data." in page and "data:image/jpeg" in page
    assert [line["claim"] for line in json.loads((tmp_path / "work" / "demo.json").read_text())] == [
        line.claim for line in done.lines
    ]
    # the index has all videos, and their features are those of the study
    assert "among 24 clips" in done.notes[-1]
    features = [FeatureFile(path) for path in sorted((tmp_path / "work").glob("playground-*/features/video/motion"))]
    assert [len(file) for file in features] == [24, 24], "the index adds nothing to the features of the study"
    # nothing is done twice
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("model.safetensors")}
    again = demonstrate(tmp_path / "study.yaml", jobs=1)
    assert again.lines == done.lines and again.table.rows == done.table.rows
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("model.safetensors")} == before
