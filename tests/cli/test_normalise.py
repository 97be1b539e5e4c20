"""`evaluate` and `metrics` behind score normalisers and as an ensemble, on a run that was really made."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from teachtext.data.folder import load_folder
from teachtext.data.protocol import Protocol
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.evaluation.metrics import retrieval_metrics
from teachtext.evaluation.query_bank import QueryBank
from teachtext.evaluation.score_normalisation import BETAS, NORMALISERS
from teachtext.experiment.evaluate import evaluate_folder
from teachtext.experiment.normalise import normalise_models
from teachtext.learning.checkpoint import load_model
from teachtext.learning.inference import embed_texts, embed_videos
from teachtext.models.similarity import similarity

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]


def loaded(ready: Any, folder: Path) -> Any:
    model, spec = load_model(folder)
    video = {"motion": FeatureFile(ready.features / "video" / "motion")}
    return model, spec.features(FeatureFile(ready.features / "text" / "wordllama"), video)


def scored(ready: Any, folder: Path, captions: str, videos: str) -> Any:
    """The captions of a split against the videos of another, all at once."""
    model, features = loaded(ready, folder)
    dataset = load_folder(ready.playground, protocol=Protocol(), missing_videos="keep")
    text = embed_texts(model, features, [caption.id for caption in dataset.queries_of(captions)])
    return similarity(text, embed_videos(model, features, dataset.splits[videos])).numpy()


def own_video(count: int) -> Any:
    return np.repeat(np.arange(count), 3)


def test_evaluate_chooses_beta_on_validation_and_takes_the_training_captions_as_bank(ready: Any, teachtext: Command):
    named = [part for name in NORMALISERS for part in ("--normalise", name)]
    said = teachtext("evaluate", ready.model, ready.playground, "--features", ready.features, *named, "--json")
    assert said.returncode == 0, said.stderr
    content = json.loads(said.stdout)
    test, validation = scored(ready, ready.model, "test", "test"), scored(ready, ready.model, "val", "val")
    assert content["t2v"] == pytest.approx(retrieval_metrics(test, own_video(5))["t2v"].as_dict())
    assert list(content["normalised"]) == list(NORMALISERS)
    for name, result in content["normalised"].items():
        best = {}
        for beta in BETAS:
            bank = QueryBank.of(scored(ready, ready.model, "train", "val"), [beta])
            on_validation = NORMALISERS[name].apply(validation, beta, bank)
            best[f"{beta:g}"] = retrieval_metrics(on_validation, own_video(3))["t2v"].geometric_mean
        assert result["validation"] == pytest.approx(best)
        assert result["beta"] == float(max(best, key=lambda beta: best[beta]))
        bank = QueryBank.of(scored(ready, ready.model, "train", "test"), [result["beta"]])
        want = retrieval_metrics(NORMALISERS[name].apply(test, result["beta"], bank), own_video(5))["t2v"]
        assert result["t2v"] == pytest.approx(want.as_dict()) and ("v2t" in result) != NORMALISERS[name].needs_bank
        assert result["sees"] == NORMALISERS[name].sees


def test_the_tables_say_what_was_seen(ready: Any, teachtext: Command):
    said = teachtext(
        *("evaluate", ready.model, ready.playground, "--features", ready.features, "--ensemble", ready.model),
        *("--beta", 20, "--normalise", "qb-norm", "--normalise", "sinkhorn"),
    )
    assert said.returncode == 0, said.stderr
    output = " ".join(said.stdout.split())
    assert output.index("on playground, test") < output.index("mean of 2 models on playground, test")
    assert output.index("mean of 2") < output.index("qb-norm, beta 20, sees query + training bank; hubness")
    assert "sinkhorn, beta 20, sees all test queries at once; hubness" in output
    assert all(len(line) <= 80 for line in said.stdout.splitlines())


def test_an_ensemble_is_the_mean_of_similarities(ready: Any, teachtext: Command):
    other = next(path for path in ready.model.parent.iterdir() if path != ready.model)
    arguments = ("evaluate", ready.model, ready.playground, "--features", ready.features, "--ensemble", other)
    content = json.loads(teachtext(*arguments, "--normalise", "sinkhorn", "--beta", 5, "--json").stdout)
    mean = (scored(ready, ready.model, "test", "test") + scored(ready, other, "test", "test")) / 2
    assert content["ensemble"]["t2v"] == pytest.approx(retrieval_metrics(mean, own_video(5))["t2v"].as_dict())
    result = content["ensemble"]["normalised"]["sinkhorn"]
    want = retrieval_metrics(NORMALISERS["sinkhorn"].apply(mean, 5.0), own_video(5))["t2v"]
    assert result["t2v"] == pytest.approx(want.as_dict()) and not result["validation"]
    assert "normalised" not in content["model"]


def test_no_split_serves_twice(ready: Any):
    arguments = (ready.model, ready.playground, ready.features)
    with pytest.raises(InputError, match="beta is chosen on split 'val', so it cannot be tested there"):
        evaluate_folder(*arguments, split="val", normalisers=["sinkhorn"])
    assert evaluate_folder(*arguments, split="val", normalisers=["sinkhorn"], beta=20.0).normalised
    with pytest.raises(InputError, match="no normaliser 'z-score'"):
        evaluate_folder(*arguments, normalisers=["z-score"])
    with pytest.raises(InputError, match="beta cannot be -1"):
        evaluate_folder(*arguments, normalisers=["sinkhorn"], beta=-1.0)
    dataset = load_folder(ready.playground, protocol=Protocol(), missing_videos="keep")
    models = [loaded(ready, ready.model)]
    with pytest.raises(InputError, match="the captions of split 'train' are the query bank"):
        normalise_models(models, dataset, "train", ["qb-norm"], beta=20.0)
    dataset = load_folder(ready.playground, protocol=Protocol(select=None), missing_videos="keep")
    with pytest.raises(InputError, match="no split is there to choose beta on: give '--beta'"):
        normalise_models(models, dataset, "test", ["qb-norm"])


def test_metrics_of_a_file_behind_what_needs_no_more(teachtext: Command, tmp_path: Path):
    scores = np.random.default_rng(0).random((6, 6))
    np.save(tmp_path / "s.npy", scores)
    arguments = ("metrics", tmp_path / "s.npy", "--normalise")
    content = json.loads(teachtext(*arguments, "sinkhorn", "--beta", 20, "--json").stdout)
    want = retrieval_metrics(NORMALISERS["sinkhorn"].apply(scores, 20.0), np.arange(6))
    assert content["normalised"]["sinkhorn"]["t2v"] == pytest.approx(want["t2v"].as_dict())
    said = teachtext(*arguments, "sinkhorn")
    assert said.returncode == 2 and not said.stdout and "give '--beta'" in said.stderr
