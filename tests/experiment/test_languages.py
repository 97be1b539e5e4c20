"""The language of a run's captions."""

import json
from pathlib import Path
from typing import Any

import pytest

from teachtext.experiment.config import RunConfig
from teachtext.experiment.config_file import run_config
from teachtext.experiment.workspace import Workspace


def config_of(tmp_path: Path, **dataset: Any) -> RunConfig:
    settings = {"dataset": dataset, "experts": ["motion"], "teachers": ["glove"], "student": {"text": "glove"}}
    return run_config({"name": "x", "denoising": {"folds": 2}} | settings, where="the test", folder=tmp_path)


@pytest.mark.parametrize(("language", "spoken"), [(None, ["en"]), ("de", ["de"]), ("all", ["de", "en"])])
def test_a_run_uses_the_language_of_its_config(tmp_path: Path, language: str | None, spoken: list[str]) -> None:
    (tmp_path / "set").mkdir()
    rows = [
        {"id": f"{video}#0{ending}", "video": video, "text": f"{text} {video}", "language": code}
        for video in "abc"
        for code, ending, text in (("en", "", "a dog"), ("de", ".de", "ein Hund"))
    ]
    (tmp_path / "set" / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "set" / "splits.json").write_text(json.dumps({"train": ["a"], "val": ["b"], "test": ["c"]}))
    chosen = {} if language is None else {"language": language}
    config = config_of(tmp_path, path="set", missing_videos="keep", **chosen)
    dataset = Workspace(config).listed_dataset
    assert sorted({caption.language for caption in dataset.captions}) == spoken
    assert any("3 captions in other languages" in note for note in dataset.notes) == (language != "all")


def test_languages_name_the_lists_of_noise_only_where_they_are_set(tmp_path: Path) -> None:
    plain, english, several, german = (
        Workspace(config_of(tmp_path, **dataset)).denoising_folder
        for dataset in (
            {"playground": {}},
            {"playground": {"languages": ["en"]}},
            {"playground": {"languages": ["en", "de"]}},
            {"playground": {"languages": ["en", "de"]}, "language": "de"},
        )
    )
    assert plain == english
    assert len({plain, several, german}) == 3
