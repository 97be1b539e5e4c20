"""A slow teacher from end to end, on a few generated videos."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from teachtext.errors import InputError
from teachtext.experiment.config_file import run_config
from teachtext.experiment.evaluate import evaluate_folder
from teachtext.experiment.run import run
from teachtext.experiment.teacher_agreement import check_roster
from teachtext.experiment.workspace import Workspace
from teachtext.learning.sparse_teacher import SparseTeacher

pytestmark = pytest.mark.slow


def config(folder, **changes):
    values = {
        "name": "slow",
        "method": "dcd",
        "work": str(folder / "run"),
        "dataset": {"playground": {"videos": 30, "captions_per_video": 2}},
        "experts": ["motion"],
        "teachers": [{"text": "glove", "shortlist": 5}],
        "student": {"text": "wordllama"},
        "model": {"shared_dim": 16},
        "distillation": {"direction": "rows"},
        "training": {"epochs": 2, "batch_size": 8},
        "seeds": [0],
        "workers": 1,
    }
    return run_config(values | changes, where="test", folder=folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    settings = config(tmp_path_factory.mktemp("slow"))
    results, _ = run(settings, jobs=1)
    return settings, results


def folder_of(settings, start):
    (folder,) = settings.folder.glob(f"models/{start}-*")
    return folder


def evaluated(settings, **options):
    model = folder_of(settings, "wordllama-seed0")
    return evaluate_folder(model, settings.folder / "playground", settings.folder / "features", **options)


def test_a_student_learns_from_the_short_lists_of_a_slow_teacher(done):
    settings, results = done
    assert [row.label for row in results.rows] == ["student wordllama, alone", "student wordllama, dcd"]
    assert results.rows[-1].teachers == ["glove (slow)"]
    alone, taught = (folder_of(settings, f"wordllama-{role}") for role in ("seed0", "taught"))
    one, other = (load_file(folder / "model.safetensors") for folder in (alone, taught))
    assert any(not np.array_equal(value, other[name]) for name, value in one.items())
    scorer = folder_of(settings, "scorer-glove-seed0")
    (lists,) = scorer.glob("lists-*.jsonl")
    lines = [json.loads(line) for line in lists.read_text().splitlines()]
    train = json.loads((settings.folder / "playground" / "splits.json").read_text())["train"]
    assert len(lines) == 2 * len(train) and {len(line["videos"]) for line in lines} == {5}
    for line in lines:
        assert line["caption"].partition("#")[0] in line["videos"] and {*line["videos"]} <= {*train}
    assert json.loads((scorer / "config.json").read_text())["format"] == "teachtext-scorer-1"


def test_a_second_call_trains_nothing(done):
    settings, _ = done
    before = {path: path.stat().st_mtime_ns for path in settings.folder.glob("models/*/*")}
    run(settings, jobs=1)
    assert {path: path.stat().st_mtime_ns for path in settings.folder.glob("models/*/*")} == before


def test_the_lists_are_a_teacher_in_a_file_too(done, tmp_path):
    settings, _ = done
    (lists,) = folder_of(settings, "scorer-glove-seed0").glob("lists-*.jsonl")
    # two folders of generated data are equal
    again, _ = run(config(tmp_path, teachers=[{"file": str(lists)}]), jobs=1)
    taught = [
        load_file(next(c.glob("models/*taught*")) / "model.safetensors") for c in (settings.folder, tmp_path / "run")
    ]
    assert all(np.array_equal(value, taught[1][name]) for name, value in taught[0].items())
    assert SparseTeacher.load(lists) and again.rows[-1].teachers == [lists.name]


def test_a_scorer_ranks_the_first_videos_anew(done):
    settings, _ = done
    scorer = folder_of(settings, "scorer-glove-seed0")
    result = evaluated(settings, scorer_folder=scorer, shortlist=3)
    reranked = result.reranked
    assert (reranked.shortlist, reranked.chosen_on, reranked.scorer) == (3, "val", scorer.name)
    assert reranked.milliseconds_a_pair > 0
    # of three videos that change places no fourth one is passed
    assert reranked.metrics.r5 == result.metrics["t2v"].r5
    # the split that chooses the share is no split to test the choice on
    assert evaluated(settings, scorer_folder=scorer, split="val").reranked.chosen_on == ""
    with pytest.raises(InputError, match=r"is a model, and no slow scorer"):
        evaluated(settings, scorer_folder=folder_of(settings, "wordllama-seed0"))
    with pytest.raises(InputError, match=r"is a slow scorer, which ranks short lists alone"):
        evaluate_folder(scorer, settings.folder / "playground", settings.folder / "features")
    with pytest.raises(InputError, match=r"was trained on"):
        evaluated(settings, scorer_folder=scorer, split="train")


def test_a_slow_teacher_is_trained_here_and_makes_lists_once(tmp_path):
    for teacher, problem in (
        ({"text": "glove", "shortlist": 5, "live": True}, "leave 'copies' and 'live' out"),
        ({"text": "glove", "shortlist": 5, "copies": 2}, "leave 'copies' and 'live' out"),
        ({"file": "t.jsonl", "shortlist": 5}, "'shortlist' is said of a teacher that is trained here"),
        ({"text": "glove", "shortlist": 1}, "shortlist"),
    ):
        with pytest.raises(InputError, match=problem):
            config(tmp_path, teachers=[teacher])
    settings = config(tmp_path)
    workspace = Workspace(settings)
    with pytest.raises(InputError, match="slow"):
        check_roster(workspace)
