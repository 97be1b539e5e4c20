"""`teachtext.run`, `evaluate`, `extract` and `metrics`: the numbers of the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import teachtext

COMMAND = str(Path(sys.executable).parent / "teachtext")


@pytest.mark.slow
def test_a_run_prints_its_tables(run: Any, capsys: pytest.CaptureFixture[str]):
    run.experiment.table()
    printed = capsys.readouterr().out
    assert "text to video" in printed and "video to text" in printed
    rows = len(run.experiment.results.rows)
    assert repr(run.experiment) == f"Experiment({str(run.folder)!r}, {rows} rows, 0 videos set aside)"
    assert run.experiment.report.exists() and list(run.experiment.set_aside) == []


@pytest.mark.slow
def test_a_model_is_evaluated_to_the_numbers_of_the_run_and_the_command_line(run: Any):
    model = teachtext.load(run.folder)
    dataset, features = run.folder / "playground", run.folder / "features"
    done = teachtext.evaluate(model, str(dataset), features=str(features))
    measured = {direction: metrics.as_dict() for direction, metrics in done.metrics.items()}
    assert measured == {"t2v": dict(model.measured[0].t2v), "v2t": dict(model.measured[0].v2t)}
    arguments = [COMMAND, "evaluate", str(model.folder), str(dataset), "--features", str(features), "--json"]
    printed = json.loads(subprocess.run(arguments, capture_output=True, check=True).stdout)
    assert json.loads(json.dumps(measured))["t2v"] == {key: printed["t2v"][key] for key in measured["t2v"]}
    counts = f"{len(done.ranks.caption_ids)} queries, {len(done.ranks.video_ids)} videos"
    assert repr(done) == f"Evaluation(split='test', {counts}, spaces=['motion'])"
    # the same from sentences and stored features of videos
    captions = {
        record["id"]: record["caption"] if "caption" in record else record["text"]
        for record in map(json.loads, (dataset / "captions.jsonl").read_text().splitlines())
    }
    text = model.encode_text([captions[caption_id] for caption_id in done.ranks.caption_ids])
    scores = model.similarity(text, model.encode_video(list(done.ranks.video_ids), features=features))
    assert teachtext.metrics(scores, done.ranks.video_of) == done.metrics


@pytest.mark.slow
def test_features_are_extracted_from_a_folder(run: Any, tmp_path: Path):
    done = teachtext.extract(str(run.videos), tmp_path, experts=["motion"], workers=1)
    assert (done.done, done.failed) == (4, ())
    assert len(teachtext.load(run.folder).encode_video(features=tmp_path)) == 4
    with pytest.raises(teachtext.InputError, match="nothing is not a folder"):
        teachtext.extract(tmp_path / "nothing", tmp_path, experts=["motion"])


def test_metrics_of_an_array_a_tensor_and_a_file(tmp_path: Path):
    scores = np.array([[0.9, 0.1], [0.8, 0.2]])
    expected = teachtext.metrics(scores)
    assert expected["t2v"].r1 == 50 and teachtext.metrics(torch.from_numpy(scores)) == expected
    np.save(tmp_path / "scores.npy", scores)
    assert teachtext.metrics(str(tmp_path / "scores.npy")) == teachtext.metrics(tmp_path / "scores.npy") == expected
    assert teachtext.metrics([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 0])["t2v"].r1 == 100
    with pytest.raises(teachtext.InputError, match="is not square: give 'video_of'"):
        teachtext.metrics(np.ones((3, 2)))


def test_metrics_of_every_kind_of_number_with_ties_ndcg_and_files_for_trec(tmp_path: Path):
    scores = np.random.default_rng(0).integers(0, 3, (4, 3, 4))
    packed, own = scores.reshape(12, 4), np.repeat(np.arange(4), 3)
    expected = teachtext.metrics(packed.astype(float), own, ndcg=True)
    for given in (scores, torch.from_numpy(scores).bfloat16(), scores.astype(np.uint8), scores.astype(np.float16)):
        measured = teachtext.metrics(given, ndcg=True, trec=tmp_path / "trec")
        assert measured == expected and measured["t2v"].ndcg10 > 0
        assert measured["t2v"].ties is not None and measured["t2v"].ties.tied > 0
    assert len((tmp_path / "trec" / "v2t.qrels").read_text().splitlines()) == 12
    assert teachtext.metrics(packed > 1, own)["v2t"].r1 == teachtext.metrics((packed > 1).astype(int), own)["v2t"].r1
    with pytest.raises(AttributeError, match="no metric 'ndcg10'"):
        _ = teachtext.metrics(packed, own)["t2v"].ndcg10
    with pytest.raises(teachtext.InputError, match="holds inf in row 1, column 2"):
        teachtext.metrics([[0.0, np.inf], [1.0, 0.0]])
