"""Frame weights that are taught, from end to end, on a few generated videos."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_tensors

from teachtext.errors import InputError
from teachtext.experiment.config_file import run_config
from teachtext.experiment.run import run

pytestmark = pytest.mark.slow


def config(folder, **changes):
    values = {
        "name": "teachclip",
        "method": "teachclip",
        "work": str(folder / "run"),
        "dataset": {"playground": {"videos": 30, "captions_per_video": 2}},
        "experts": ["motion", {"name": "frames", "file": "frames", "pool": False, "max_tokens": 6}],
        "teachers": [{"text": "glove", "model": {"kind": "mmt"}}],
        "student": {"text": "wordllama"},
        "model": {"shared_dim": 16},
        "training": {"epochs": 2, "batch_size": 8},
        "seeds": [0],
        "workers": 1,
    }
    return run_config(values | changes, where="test", folder=folder)


def losses(model):
    return json.loads((model / "metrics.json").read_text())["history"][-1]["losses"]


def write_frames(folder):
    """Three to seven rows of each video."""
    random = np.random.default_rng(0)
    (folder / "frames").mkdir(parents=True)
    for number in range(1, 31):
        np.save(folder / "frames" / f"play{number:04}.npy", random.normal(size=(3 + number % 5, 8)).astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    settings = config(write_frames(tmp_path_factory.mktemp("teachclip")))
    results, _ = run(settings, jobs=1)
    return settings, results


def one(settings, pattern):
    (path,) = settings.folder.glob(pattern)
    return path


def differ(folder, other):
    ours, theirs = (load_file(path / "model.safetensors") for path in (folder, other))
    return any(not np.array_equal(value, theirs[name]) for name, value in ours.items())


def test_a_student_learns_the_weights_of_rows_from_a_teacher_of_another_kind(done):
    settings, results = done
    assert [row.label for row in results.rows][-1] == "student wordllama, teachclip"
    scores = load_tensors(one(settings, "models/glove-seed0-*/frames-*.safetensors"))["frames"]
    train = json.loads((settings.folder / "playground" / "splits.json").read_text())["train"]
    assert scores.shape == (2 * len(train), 6)
    assert scores[~scores.isnan()].abs().max() <= 1 + 1e-6 and (scores[:, 0] - scores[:, 1]).abs().min() > 0
    taught, alone = (one(settings, f"models/wordllama-{role}-*") for role in ("taught", "seed0"))
    assert {"ranking", "distillation", "frames"} == set(losses(taught))
    assert differ(taught, alone)


def test_the_frame_loss_changes_the_student_and_files_of_scores_are_made_once(done):
    settings, _ = done
    before = {path: path.stat().st_mtime_ns for path in settings.folder.glob("models/*/*")}
    run(settings, jobs=1)
    assert {path: path.stat().st_mtime_ns for path in settings.folder.glob("models/*/*")} == before
    taught = one(settings, "models/wordllama-taught-*")
    run(config(settings.folder.parent, distillation={"frame_weight": 0}), jobs=1)
    (other,) = (path for path in settings.folder.glob("models/wordllama-taught-*") if path != taught)
    assert differ(taught, other)
    assert "frames" not in losses(other)


def test_a_model_that_was_trained_before_teaches_weights_too(done, tmp_path):
    settings, _ = done
    teacher = {"folder": str(one(settings, "models/glove-seed0-*"))}
    # two folders of generated data are equal
    again = config(write_frames(tmp_path / "again"), teachers=[teacher])
    run(again, jobs=1)
    assert one(again, "teachers/frames-*.safetensors")
    ours, theirs = (
        losses(one(again, "models/wordllama-taught-*")),
        [losses(path) for path in settings.folder.glob("models/wordllama-taught-*")],
    )
    assert pytest.approx(ours, abs=1e-4) in [other for other in theirs if other.keys() == ours.keys()]
    frames = {"name": "frames", "file": "frames", "pool": False, "max_tokens": 4}
    fewer = config(write_frames(tmp_path / "fewer"), teachers=[teacher], experts=["motion", frames])
    with pytest.raises(InputError, match=r"has scores of \d+ rows of 'frames'.*'max_tokens'"):
        run(fewer, jobs=1)


def test_a_sequence_of_one_row_is_refused(tmp_path):
    single = config(tmp_path, experts=[{"name": "motion", "pool": False}], teachers=["glove"])
    with pytest.raises(InputError, match=r"'motion' has one row of each training video.*'pool: false'"):
        run(single, jobs=1)
