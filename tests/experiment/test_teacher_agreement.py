import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
from teachtext.errors import InputError
from teachtext.evaluation.metrics import retrieval_metrics
from teachtext.experiment.config import RunConfig
from teachtext.experiment.run import compare_teachers
from teachtext.experiment.workspace import Workspace
from teachtext.progress import silent
from teachtext.reports.agreement_report import AgreementContent

SHORT = {"epochs": 2, "batch_size": 8}


def compared(config: RunConfig) -> AgreementContent:
    comparison, _ = compare_teachers(config, jobs=1)
    return comparison


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory, sketch: Callable[..., Any]
) -> tuple[Any, RunConfig, AgreementContent]:
    folder = tmp_path_factory.mktemp("roster")
    made = sketch(folder / "data", videos=36)
    config = made.config(folder / "work", training=SHORT, seeds=[0, 1])
    return made, config, compared(config)


def test_the_roster_is_trained_and_measured_on_the_split_that_selects(done: tuple[Any, RunConfig, AgreementContent]):
    made, config, found = done
    assert found.labels == ["teacher plain", "teacher rich"] and found.seeds == [0, 1]
    assert f"val split: {len(made.splits['val'])} videos" in found.measured_on
    for encoder in ("plain", "rich"):
        for seed, roster in zip((0, 1), found.by_seed, strict=True):
            (folder,) = config.folder.glob(f"models/{encoder}-seed{seed}-*")
            told = json.loads((folder / "metrics.json").read_text())
            kept = told["history"][told["best_epoch"] - 1]["validation"]["t2v"]
            assert roster.metrics[f"teacher {encoder}"].as_dict() == kept
    assert len(list((config.folder / "models").iterdir())) == 4, "no student is trained"
    told = json.loads((config.folder / "teachers.json").read_text())
    assert [seed["seed"] for seed in told["seeds"]] == [0, 1]
    assert told["seeds"][0]["oracle"]["mnr"] <= min(row["mnr"] for row in told["seeds"][0]["t2v"].values())
    assert "Agreement (Spearman)" in (config.folder / "teachers.html").read_text()


@pytest.mark.slow
def test_the_test_split_is_not_read(
    done: tuple[Any, RunConfig, AgreementContent], sketch: Callable[..., Any], tmp_path: Path
):
    _, config, found = done
    assert not list(config.folder.rglob("test-*"))
    made = sketch(tmp_path / "data", videos=36)
    for kind in ("sight", "sound"):
        _overwrite(made.folder / "features" / "video" / kind, made.splits["test"])
    again = compared(made.config(tmp_path, training=SHORT, seeds=[0, 1]))
    assert [roster.metrics for roster in again.by_seed] == [roster.metrics for roster in found.by_seed]


def _overwrite(folder: Path, ids: list[str]) -> None:
    from teachtext.data.feature_writer import FeatureWriter
    from teachtext.data.store import FeatureFile

    file = FeatureFile(folder)
    with FeatureWriter(folder, provenance=file.provenance, dim=file.dim, dtype="float32") as writer:
        for video_id in ids:
            writer.add(video_id, np.zeros((1, file.dim), np.float32), source="other")


def test_teachers_made_elsewhere_are_compared_where_they_know_the_split(
    done: tuple[Any, RunConfig, AgreementContent], tmp_path: Path
):
    made, config, found = done
    (folder,) = config.folder.glob("models/rich-seed0-*")
    seen = Path(shutil.copytree(folder, tmp_path / "seen"))
    (seen / "trained_on.json").write_text(json.dumps(made.splits["val"][:2]))
    from teachtext.experiment.plan import plans_of
    from teachtext.experiment.train import Training

    workspace = Workspace(config)
    cache = Training(workspace, plans_of(config)[1], 0)
    cache.as_teacher(silent)
    (embeddings,) = cache.folder.glob("embeddings-*")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"caption": "source00_0_5#1", "videos": ["source00_0_5"], "scores": [0.75]}\n')
    given = [{"folder": str(folder)}, {"folder": "seen"}, {"file": str(embeddings)}, {"file": "pairs.jsonl"}]
    both = compared(made.config(tmp_path, training=SHORT, teachers=["plain", *given]))
    assert both.labels == ["teacher plain", f"teacher {folder.name}"]
    assert both.by_seed[0].metrics[f"teacher {folder.name}"] == found.by_seed[0].metrics["teacher rich"]
    assert both.notes == [
        "teacher seen is left out: it was trained on 2 videos of split 'val'.",
        f"teacher {embeddings.name} is left out: its file does not know all of split 'val'.",
        "teacher pairs.jsonl is left out: it knows some pairs only.",
    ]
    with pytest.raises(InputError, match=r"teacher pairs\.jsonl is left out: .* name teachers that are trained here"):
        compared(made.config(tmp_path, training=SHORT, teachers=[{"file": "pairs.jsonl"}]))


def test_what_cannot_be_compared_is_refused(done: tuple[Any, RunConfig, AgreementContent], tmp_path: Path):
    made = done[0]
    with pytest.raises(InputError, match="the config names no teachers"):
        compared(made.config(tmp_path, teachers=[]))
    with pytest.raises(InputError, match=r"'dataset\.select' is null, and teachers are compared on the split that"):
        compared(made.config(tmp_path, dataset={"select": None}))


def test_the_ensemble_is_of_the_similarities(done: tuple[Any, RunConfig, AgreementContent]):
    from teachtext.experiment.plan import plans_of
    from teachtext.experiment.train import Training
    from teachtext.learning.checkpoint import load_model

    _, config, found = done
    trainings = [Training(Workspace(config), member, 1) for member in plans_of(config)[:2]]
    scores = [training.score_selection(load_model(training.folder)[0]) for training in trainings]
    mean = (scores[0].similarity + scores[1].similarity) / 2
    assert found.by_seed[1].ensemble == retrieval_metrics(mean, scores[0].video_of)["t2v"]
