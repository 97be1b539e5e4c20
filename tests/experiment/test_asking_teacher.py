"""A teacher that asks several queries for each caption, on a few generated videos."""

import json
from pathlib import Path

import pytest
import torch

from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.plan import plans_of
from teachtext.experiment.run import run
from teachtext.experiment.train import training_of
from teachtext.experiment.workspace import Workspace
from teachtext.learning.teachers import CachedTeacher
from teachtext.progress import silent

CAPTIONS = {"text": "glove", "writer": "captions"}


@pytest.mark.parametrize(
    ("teacher", "problem"),
    [
        (CAPTIONS | {"live": True}, "a teacher with a 'writer' is kept as embeddings"),
        (CAPTIONS | {"shortlist": 5}, "a teacher with a 'writer' is kept as embeddings"),
        ({"file": "t.safetensors", "writer": "captions"}, "'writer' is said of a teacher that is trained here"),
        ({"text": "glove", "queries": 3}, "'queries' counts what a 'writer' writes"),
        ({"text": "glove", "writer": "nobody"}, "unknown writer 'nobody'"),
        ({"text": "glove", "writer": "file:"}, "is not the whole name of a writer"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tiny, tmp_path, teacher, problem):
    with pytest.raises(InputError, match=problem):
        tiny(tmp_path, teachers=[teacher])


def test_a_model_may_teach_by_one_query_and_by_several(tiny, tmp_path):
    config = tiny(tmp_path, teachers=["glove", CAPTIONS, CAPTIONS | {"queries": 2}])
    plans = plans_of(config)
    assert [plan.label for plan in plans[:-2]] == ["teacher glove"]
    assert [teacher.name for teacher in plans[-1].teachers] == [
        "glove",
        "glove (captions)",
        "glove (captions, 2 queries)",
    ]
    with pytest.raises(InputError, match="names 'glove' twice"):
        tiny(tmp_path, teachers=[CAPTIONS, CAPTIONS])


@pytest.fixture(scope="module")
def asked(tiny, tmp_path_factory) -> RunConfig:
    """A whole run, whose second teacher asks what a file says."""
    folder = tmp_path_factory.mktemp("asking")
    config = tiny(folder, seeds=[0])
    workspace = Workspace(config)
    workspace.source.make(lambda *said: None)
    texts = [caption.text for caption in workspace.listed_dataset.queries_of("train")]
    (folder / "rewritings.json").write_text(json.dumps({text: [f"again, {text}", "a video"] for text in texts[1:]}))
    teachers = [CAPTIONS, {"text": "glove", "writer": "file:rewritings.json"}]
    config = tiny(folder, seeds=[0], teachers=teachers)
    results, _ = run(config, jobs=1)
    assert results.rows[-1].teachers == ["glove (captions)", "glove (file)"]
    return config


def teachers_of(config: RunConfig) -> list[CachedTeacher]:
    training = training_of(Workspace(config), plans_of(config)[-1], 0)
    return training.sources.teachers(silent)


@pytest.mark.slow
def test_the_scores_of_a_teacher_are_the_mean_over_its_queries(asked):
    workspace = Workspace(asked)
    alone = training_of(workspace, plans_of(asked)[0], 0).as_teacher(silent)
    by_captions, by_file = teachers_of(asked)
    videos = alone.video_ids
    single = alone.table(alone.caption_ids, videos)
    owner = {caption.id: caption.video_id for caption in workspace.dataset.queries_of("train")}
    rows = [number for number, caption in enumerate(alone.caption_ids) if owner[caption] == videos[0]]
    for row in rows:
        torch.testing.assert_close(by_captions.table(by_captions.caption_ids, videos)[row], single[rows].mean(dim=0))
    # the first caption has no entry in the file
    table = by_file.table(alone.caption_ids, videos)
    torch.testing.assert_close(table[0], single[0])
    assert not torch.allclose(table[1:], single[1:])


@pytest.mark.slow
def test_what_was_written_is_kept_and_a_second_call_trains_nothing(asked):
    (queries,) = asked.folder.glob("models/glove-seed0-*/queries-*.jsonl")
    lines = [json.loads(line) for line in queries.read_text().splitlines()]
    assert [] in [line["queries"] for line in lines] and ["a video"] in [line["queries"][1:] for line in lines]
    before = {path: path.stat().st_mtime_ns for path in Path(asked.folder).glob("models/*/*")}
    run(asked, jobs=1)
    assert {path: path.stat().st_mtime_ns for path in Path(asked.folder).glob("models/*/*")} == before


@pytest.mark.slow
def test_another_file_of_rewritings_is_another_teacher(asked, tiny, tmp_path):
    def identities(path):
        config = tiny(
            tmp_path, teachers=[{"text": "glove", "writer": f"file:{path}"}], work=str(asked.folder), seeds=[0]
        )
        return training_of(Workspace(config), plans_of(config)[-1], 0).sources.identities()

    (tmp_path / "one.json").write_text('{"a": ["b"]}')
    (tmp_path / "two.json").write_text('{"a": ["c"]}')
    assert identities(tmp_path / "one.json") != identities(tmp_path / "two.json")
