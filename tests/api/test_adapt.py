"""A student for videos without captions, from Python and from the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("wordllama")

import teachtext
from teachtext.cli.main import app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sentences(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A query log: the captions of the playground, without their videos."""
    lines = (run.folder / "playground" / "captions.jsonl").read_text().splitlines()
    path = tmp_path_factory.mktemp("log") / "queries.txt"
    path.write_text("\n".join(json.loads(line)["text"] for line in lines))
    return path


@pytest.fixture(scope="module")
def adapted(run: Any, sentences: Path, tmp_path_factory: pytest.TempPathFactory) -> teachtext.Adapted:
    out = tmp_path_factory.mktemp("adapted") / "student"
    videos = run.folder / "playground" / "videos"
    return teachtext.adapt(videos, run.folder, out, sentences=sentences, text="glove", seeds=[0, 1], workers=2)


def test_the_student_agrees_with_its_teacher_more_than_chance(adapted: teachtext.Adapted):
    for agreement in adapted.agreement:
        assert agreement.videos == 4
        assert agreement.correlation > 0.2
        assert agreement.metrics["r1"] > agreement.chance["r1"]
    written = json.loads((adapted.folder / "agreement.json").read_text())
    assert len(written["students"]) == 2 and written["query"]["share"] == adapted.cost.share > 0


def test_the_student_loads_and_embeds_videos_that_it_has_not_seen(adapted: teachtext.Adapted, run: Any):
    student = teachtext.load(adapted.folder)
    assert student.experts == ["motion"]
    scores = student.similarity(student.encode_text(["a ball rolls"]), student.encode_video(run.videos))
    assert scores.shape == (1, 4)


def test_nothing_is_done_twice(adapted: teachtext.Adapted, run: Any, sentences: Path):
    weights = [model / "model.safetensors" for model in adapted.models]
    before = [path.stat().st_mtime_ns for path in weights]
    videos = run.folder / "playground" / "videos"
    again = teachtext.adapt(videos, run.folder, adapted.folder, sentences=sentences, text="glove", seeds=[0, 1])
    assert [path.stat().st_mtime_ns for path in weights] == before
    assert [each.metrics["r1"] for each in again.agreement] == [each.metrics["r1"] for each in adapted.agreement]


def test_a_changed_video_changes_the_student(run: Any, sentences: Path, tmp_path: Path):
    videos = tmp_path / "videos"
    shutil.copytree(run.folder / "playground" / "videos", videos)
    options: dict[str, Any] = {"sentences": sentences, "text": "wordllama"}
    first = teachtext.adapt(videos, run.folder, tmp_path / "out", **options)
    names = sorted(path.name for path in videos.iterdir())
    shutil.copy(videos / names[0], videos / names[1])
    second = teachtext.adapt(videos, run.folder, tmp_path / "out", **options)
    assert first.models != second.models


def test_the_command_line_prints_agreement_and_cost(
    run: Any, sentences: Path, adapted: teachtext.Adapted, capsys: pytest.CaptureFixture[str]
):
    videos = str(run.folder / "playground" / "videos")
    options = ["--model", str(run.folder), "--out", str(adapted.folder), "--sentences", str(sentences)]
    app(["adapt", videos, *options, "--text", "glove", "--seed", "0"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "rank correlation" in printed and "of processor" in printed
    assert f"Student: {adapted.folder}" in printed


def test_a_model_like_clip_teaches_a_student_whose_queries_need_no_tower(run: Any, sentences: Path, tmp_path: Path):
    pytest.importorskip("transformers")
    import shared_models

    teacher = f"hf:{shared_models.clip(tmp_path / 'clip')}"
    videos = run.folder / "playground" / "videos"
    adapted = teachtext.adapt(videos, [teacher, run.folder], tmp_path / "out", sentences=sentences, text="glove")
    student = teachtext.load(adapted.folder)
    assert student.experts == [f"{teacher}#pooled", "motion"]
    assert adapted.agreement[0].correlation > 0.2
    assert adapted.cost.share < 1
    # of the teachers' experts one is enough to find videos by
    less = teachtext.adapt(videos, [teacher], tmp_path / "less", sentences=sentences, text="glove", experts=["motion"])
    assert teachtext.load(less.folder).experts == ["motion"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"videos": "few"}, "holds 4 videos: give a folder with at least 10"),
        ({"model": []}, "the list of models is empty"),
        ({"model": "no/such"}, "no/such"),
        ({"text": "nothing"}, "'nothing'"),
        ({"experts": ["nothing"]}, "'nothing'"),
    ],
)
def test_bad_input_is_one_sentence(run: Any, sentences: Path, tmp_path: Path, changes: dict[str, Any], problem: str):
    videos = run.videos if changes.pop("videos", "") else run.folder / "playground" / "videos"
    arguments: dict[str, Any] = {"model": run.folder, "sentences": sentences} | changes
    with pytest.raises(teachtext.InputError, match=problem):
        teachtext.adapt(videos, out=tmp_path / "out", **arguments)
    assert not (tmp_path / "out" / "models").exists()
