"""Runs and qrels in the format of TREC, and nDCG@10, against ir-measures."""

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, Success, nDCG

from teachtext.errors import InputError
from teachtext.evaluation.metrics import retrieval_metrics
from teachtext.evaluation.trec import DEPTH, write_trec

MEASURES = {"r1": Success @ 1, "r5": Success @ 5, "r10": Success @ 10, "ndcg10": nDCG @ 10}


def measured(folder, direction, prefix=""):
    qrels = ir_measures.read_trec_qrels(str(folder / f"{prefix}{direction}.qrels"))
    run = ir_measures.read_trec_run(str(folder / f"{prefix}{direction}.run"))
    return ir_measures.calc_aggregate([*MEASURES.values(), RR], list(qrels), list(run))


@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_those_of_ir_measures_where_no_ties_are(tmp_path, seed):
    random = np.random.default_rng(seed)
    # 1 to 20 captions a video, in no order
    video_of = random.permutation(np.repeat(np.arange(30), random.integers(1, 21, 30)))
    # as far apart as numbers of 32 bits are
    similarity = random.permutation(len(video_of) * 30).reshape(len(video_of), 30) / 2**20
    similarity[np.arange(len(video_of)), video_of] += random.choice([0, 0.005], len(video_of))
    similarity = similarity.astype(np.float32)
    write_trec(tmp_path, similarity, video_of)
    for direction, metrics in retrieval_metrics(similarity, video_of, ndcg=True).items():
        assert metrics.ties is not None and not metrics.ties.tied
        theirs = measured(tmp_path, direction)
        for key, measure in MEASURES.items():
            assert metrics[key] == pytest.approx(100 * theirs[measure]), (direction, key)


def test_tied_queries_count_by_the_mean_over_all_orders(tmp_path):
    similarity = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    metrics = retrieval_metrics(similarity, np.arange(3), ndcg=True)["t2v"]
    gains = 1 / np.log2(np.arange(3) + 2)
    assert metrics.ndcg10 == pytest.approx(100 * np.mean([gains[:2].mean(), gains[:2].mean(), gains.mean()]))
    assert metrics.ties is not None
    assert (metrics.ties.tied, metrics.ties.queries) == (3, 3)
    assert (metrics.r1, metrics.ties.best["r1"], metrics.ties.worst["r1"]) == (0.0, 100.0, 0.0)
    # trec_eval puts the last id first
    write_trec(tmp_path, similarity, np.arange(3))
    assert measured(tmp_path, "t2v")[MEASURES["r1"]] == pytest.approx(2 / 3)
    assert (tmp_path / "t2v.run").read_text().splitlines()[0] == "c0 Q0 v1 1 1.0 teachtext"


def test_ties_at_best_and_at_worst_are_those_of_a_slight_push():
    random = np.random.default_rng(0)
    similarity, video_of = random.integers(0, 4, (60, 12)).astype(float), np.repeat(np.arange(12), 5)
    right = np.zeros_like(similarity)
    right[np.arange(60), video_of] = 0.5
    metrics = retrieval_metrics(similarity, video_of)["t2v"]
    assert metrics.ties is not None
    for key in ("r1", "r5", "r10"):
        assert metrics.ties.best[key] == retrieval_metrics(similarity + right, video_of)["t2v"][key]
        assert metrics.ties.worst[key] == retrieval_metrics(similarity - right, video_of)["t2v"][key]
        assert metrics.ties.worst[key] <= metrics[key] <= metrics.ties.best[key]


def test_ids_and_depth(tmp_path):
    similarity = np.arange(2 * (DEPTH + 5), dtype=np.int64).reshape(2, -1) + 2**60
    ids = [f"a {number}%.mp4" for number in range(DEPTH + 5)]
    paths = write_trec(
        tmp_path / "new", similarity, np.array([3, 4]), caption_ids=["x", "y\tz"], video_ids=ids, prefix="case-"
    )
    assert [path.name for path in paths] == ["case-t2v.run", "case-t2v.qrels", "case-v2t.run", "case-v2t.qrels"]
    run = [line.split(" ") for line in paths[0].read_text().splitlines()]
    assert len(run) == 2 * DEPTH and {len(line) for line in run} == {6}
    assert run[0] == ["x", "Q0", "a%201004%25.mp4", "1", str(2**60 + DEPTH + 4), "teachtext"]
    assert paths[1].read_text() == "x 0 a%203%25.mp4 1\ny%09z 0 a%204%25.mp4 1\n"


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="could not be written"):
        write_trec(tmp_path / "file", np.eye(2), np.arange(2))
