"""C2KD from end to end, on generated videos with captions in two languages."""

import pytest
from safetensors import safe_open

from teachtext.errors import InputError
from teachtext.evaluation.results import Results
from teachtext.experiment.config_file import run_config
from teachtext.experiment.run import run

pytestmark = pytest.mark.slow


def config(folder, **changes):
    values = {
        "name": "c2kd",
        "method": "c2kd",
        "dataset": {"playground": {"videos": 30, "captions_per_video": 2, "languages": ["en", "de"]}},
        "experts": ["motion"],
        "teachers": ["minilm"],
        "student": {"text": "use"},
        "training": {"epochs": 2},
        "seeds": [0, 1],
        "workers": 1,
    }
    return run_config(values | changes, where="test", folder=folder)


def test_a_student_of_two_languages_is_taught_in_english(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = config(tmp_path)
    assert (settings.distillation.preset, settings.training.loss) == ("c2kd", "info_nce")
    results, _ = run(settings, jobs=1)
    english, german = results.languages
    assert (english.language, german.language) == ("en", "de") and english.captions == german.captions > 0
    labels = [row.label for row in results.rows]
    assert labels == ["teacher minilm", "student use, alone", "student use, c2kd"]
    assert list(german.rows) == labels
    (note,) = [note for note in results.test.notes if "reads English alone" in note]
    assert note.startswith("teacher minilm") and f"{german.captions} of the {2 * german.captions} test captions" in note
    (cache, *_) = sorted((tmp_path / "runs" / "c2kd").rglob("embeddings-*.safetensors"))
    with safe_open(cache, framework="np") as file:
        assert ".de" not in file.metadata()["captions"] and "#1" in file.metadata()["captions"]
    assert Results.load(tmp_path / "runs" / "c2kd" / "results.json").languages == results.languages
    page = (tmp_path / "runs" / "c2kd" / "report.html").read_text()
    assert "by language, text to video" in page


def test_captions_in_one_language_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = {"playground": {"videos": 30, "captions_per_video": 2}}
    with pytest.raises(InputError, match="several languages, and all are in 'en'"):
        run(config(tmp_path, dataset=dataset), jobs=1)
