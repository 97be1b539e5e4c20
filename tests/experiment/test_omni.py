"""One space for text, video and sound from end to end, on generated videos and made-up sounds."""

import json
from pathlib import Path

import numpy as np
import pytest

from teachtext.errors import InputError
from teachtext.evaluation.by_direction import DIRECTION_NAMES
from teachtext.evaluation.results import Results
from teachtext.experiment.config_file import run_config
from teachtext.experiment.evaluate import evaluate_folder
from teachtext.experiment.run import run

pytestmark = pytest.mark.slow
WORK = Path("runs/omni")


def config(folder, **changes):
    values = {
        "name": "omni",
        "method": "omni",
        "dataset": {"playground": {"videos": 30, "captions_per_video": 2}},
        "experts": ["motion", {"name": "audio", "file": "audio.npz"}],
        "teachers": [],
        "student": {"text": "wordllama"},
        "training": {"epochs": 2},
        "seeds": [0, 1],
        "workers": 1,
    }
    return run_config(values | changes, where="test", folder=folder)


def write_sounds(folder, ids):
    sounds = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
    np.savez(folder / "audio.npz", ids=ids, audio=sounds)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with sounds of two videos of three."""
    monkeypatch.chdir(tmp_path)
    write_sounds(tmp_path, [f"play{number:04}" for number in range(1, 31) if number % 3])
    return tmp_path


def test_a_run_has_results_in_twelve_directions(folder):
    results, _ = run(config(folder), jobs=1)
    labels = ["student wordllama, alone", "student wordllama, omni"]
    assert [row.label for row in results.rows] == labels
    assert [part.direction for part in results.directions] == list(DIRECTION_NAMES)
    for part in results.directions:
        assert list(part.rows) == labels and all(len(seeds) == 2 for seeds in part.rows.values())
        assert [(item.ours, item.theirs) for item in part.comparisons] == [(labels[1], labels[0])]
    saved = Results.load(WORK / "results.json")
    assert saved.directions == results.directions and saved.notes == results.notes
    page = (WORK / "report.html").read_text()
    assert "From any to any" in page and "text + video to audio" in page

    model = WORK / results.row("taught").seeds[0].model
    done = evaluate_folder(model, WORK / "playground", WORK / "features", directions=True)
    for part, found in zip(results.directions, done.directions, strict=True):
        assert (len(found.ranks), found.answers) == (part.queries, part.answers)
        assert found.metrics.as_dict() == pytest.approx(part.rows[labels[1]][0])
    (silent,) = [note for note in results.notes if "no audio features" in note]
    by_name = {part.direction: part for part in results.directions}
    tested, heard = by_name["text to video"].answers, by_name["text to audio"].answers
    assert silent.startswith(f"{tested - heard} of {tested} tested videos") and silent in done.notes


def test_a_model_of_another_kind_has_no_directions(folder):
    results, _ = run(config(folder, method=None, distillation=None, seeds=[0]), jobs=1)
    assert results.directions == [] and "From any to any" not in (WORK / "report.html").read_text()
    model = WORK / results.rows[0].seeds[0].model
    with pytest.raises(InputError, match=r"has no space for text, video and sound alike.*'method: omni'"):
        evaluate_folder(model, WORK / "playground", WORK / "features", directions=True)


def test_captions_in_several_languages_are_refused(folder):
    dataset = {"playground": {"videos": 30, "captions_per_video": 2, "languages": ["en", "de"]}, "language": "all"}
    with pytest.raises(InputError, match="captions in one language, and these are in de, en: choose one with"):
        run(config(folder, dataset=dataset), jobs=1)


def test_a_test_split_without_sound_is_said_and_a_training_split_without_sound_is_refused(folder):
    run(config(folder, seeds=[0]), jobs=1)
    train = json.loads((WORK / "playground" / "splits.json").read_text())["train"]
    write_sounds(folder, train[:5])
    results, _ = run(config(folder, seeds=[0]), jobs=1)
    assert "no tested video has audio features: the 10 directions with audio are empty" in results.notes
    assert [part.queries > 0 for part in results.directions] == [True, True] + 10 * [False]
    write_sounds(folder, train[:1])
    with pytest.raises(
        InputError, match=r"alone can learn nothing of audio: audio describe 1 of its .* training videos"
    ):
        run(config(folder, seeds=[0]), jobs=1)
