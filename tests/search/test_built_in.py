"""The built-in model says what it is, and names a better model that is there already."""

import json
from pathlib import Path

import pytest

from teachtext.search.built_in import about_model

BUILT_IN = {"kind": "classnames"}
LINE = "the built-in model finds things by the names of 1,000 object classes; for open words give --model"


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))


def cache(name: str, model_type: str, *, weights: bool = True) -> None:
    folder = Path("cache") / f"models--{name}" / "snapshots" / "1a2b"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    if weights:
        (folder / "model.safetensors").touch()


def test_the_built_in_model_says_what_it_is_and_no_other_does():
    assert about_model(BUILT_IN) == LINE
    assert about_model({"kind": "trained"}) == about_model({"kind": "shared"}) == ""


def test_a_model_in_the_cache_of_the_hub_is_offered():
    cache("someone--bert", "bert")
    cache("someone--half-a-clip", "clip", weights=False)
    (Path("cache") / "models--broken" / "snapshots" / "1").mkdir(parents=True)
    (Path("cache") / "models--broken" / "snapshots" / "1" / "config.json").write_bytes(b"\xff[")
    assert about_model(BUILT_IN) == LINE
    cache("openai--clip-vit-base-patch32", "clip")
    assert about_model(BUILT_IN) == f"{LINE}, such as --model hf:openai/clip-vit-base-patch32, to 'teachtext index'"


def test_a_trained_student_is_offered_first():
    cache("openai--clip-vit-base-patch32", "clip")
    Path("runs/mine").mkdir(parents=True)
    Path("runs/mine/results.json").write_text("{}")
    assert about_model(BUILT_IN) == f"{LINE}, such as --model runs/mine, to 'teachtext index'"
