import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from teachtext.errors import InputError
from teachtext.experiment.config import RunConfig
from teachtext.experiment.plan import external_teachers, plans_of
from teachtext.experiment.run import train
from teachtext.experiment.teachers import external_teacher
from teachtext.experiment.train import Training
from teachtext.experiment.workspace import Workspace
from teachtext.learning.sparse_teacher import SparseTeacher
from teachtext.learning.teachers import CachedTeacher, LiveTeacher
from teachtext.progress import Progress, silent

pytestmark = pytest.mark.slow

SHORT = {"epochs": 2, "batch_size": 8}


@dataclass
class Done:
    sketch: Any
    config: RunConfig

    def model(self, start: str) -> Path:
        return next((self.config.folder / "models").glob(f"{start}-seed0-*"))

    @property
    def cache(self) -> Path:
        return next(self.model("rich").glob("embeddings-*.safetensors"))


def trained(config: RunConfig, progress: Progress = silent) -> dict[str, torch.Tensor]:
    """Train a run; return the weights of the taught student."""
    trainings, _ = train(config, jobs=1, progress=progress)
    return load_file(trainings[-1].folder / "model.safetensors")


def assert_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], atol: float = 0.0) -> None:
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], atol=atol, rtol=0)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, sketch: Callable[..., Any]) -> Done:
    """A run with a teacher of each text encoder; nothing about it is changed by the tests below."""
    folder = tmp_path_factory.mktemp("teachers")
    made = sketch(folder / "data", videos=36)
    config = made.config(folder / "work", training=SHORT)
    trained(config)
    return Done(made, config)


@pytest.fixture
def configured(done: Done, tmp_path: Path) -> Callable[..., RunConfig]:
    """A run of its own over the same data, with given teachers."""

    def config(*teachers: Any, **changes: Any) -> RunConfig:
        made: RunConfig = done.sketch.config(tmp_path, teachers=list(teachers), **{"training": SHORT} | changes)
        return made

    return config


def given_of(config: RunConfig, progress: Progress = silent) -> Any:
    workspace = Workspace(config)
    training = Training(workspace, plans_of(config)[-1], 0)
    (given,) = external_teachers(config)
    captions = [caption.id for caption in training.data.dataset.queries_of("train")]
    return external_teacher(workspace, given, captions, training.data.dataset.splits["train"], progress)


def test_a_file_teaches_what_the_teacher_that_it_was_made_of_teaches(done: Done, configured: Callable[..., RunConfig]):
    taught = load_file(done.model("plain-taught") / "model.safetensors")
    alone = load_file(done.model("plain") / "model.safetensors")
    assert any(not torch.equal(value, alone[name]) for name, value in taught.items()), "teachers make a difference"
    config = configured("plain", {"file": str(done.cache)})
    assert [member.role for member in plans_of(config)] == ["teacher", "student", "taught"]
    assert_same(taught, trained(config))
    names = [path.name for path in (config.folder / "models").iterdir()]
    assert not any(name.startswith("rich") for name in names), "a given teacher is not trained"
    origin = json.loads(next(config.folder.glob("models/*taught*/config.json")).read_text())["origin"]
    assert origin["teachers"] == ["plain", done.cache.name]


@pytest.mark.parametrize("live", [False, True])
def test_the_folder_of_a_model_teaches_what_the_model_teaches(
    done: Done, configured: Callable[..., RunConfig], live: bool
):
    taught = load_file(done.model("plain-taught") / "model.safetensors")
    config = configured("plain", {"folder": str(done.model("rich")), "live": live})
    assert_same(taught, trained(config), atol=1e-4 if live else 0)
    assert (config.folder / "teachers").exists() != live
    assert isinstance(given_of(config), LiveTeacher if live else CachedTeacher)


def test_a_teacher_of_the_run_may_teach_live(done: Done, configured: Callable[..., RunConfig]):
    config = configured("plain", {"text": "rich", "live": True})
    assert_same(load_file(done.model("plain-taught") / "model.safetensors"), trained(config), atol=1e-4)
    assert not list(config.folder.glob("models/rich-*/embeddings-*")) and list(
        config.folder.glob("models/plain-*/emb*")
    )


def test_scored_pairs_become_a_teacher_that_knows_no_more(configured: Callable[..., RunConfig], tmp_path: Path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"caption": "source00_0_5#1", "videos": ["source00_0_5", "elsewhere"], "scores": [0.75, 0.1]}\n')
    remarks: list[str] = []
    teacher = given_of(configured({"file": "pairs.jsonl"}), lambda _what, _done, _total, note="": remarks.append(note))
    assert isinstance(teacher, SparseTeacher)
    assert remarks == [
        f"{path}: 1 videos of the file are no training videos: 'elsewhere'",
        f"{path}: 95 training captions are not in the file: "
        "'source00_0_5#0', 'source00_0_5#2', 'source00_0_5#3' and 92 more",
    ]
    path.write_text('{"caption": "nobody", "videos": ["source00_0_5"], "scores": [0.75]}\n')
    with pytest.raises(InputError, match=r"pairs\.jsonl knows none of the 96 training captions"):
        given_of(configured({"file": "pairs.jsonl"}))
    path.write_text('{"caption": "source00_0_5#1", "video": "source00_5_10", "score": 0.75}\n')
    with pytest.raises(InputError, match=r"no score of the right video for 1 of 1 training captions .*'source00_0_5'"):
        given_of(configured({"file": "pairs.jsonl"}))


def test_a_pair_may_name_its_caption_by_the_text(configured: Callable[..., RunConfig], tmp_path: Path):
    # all four captions of a video have one text in this dataset
    pair = {"caption": "about source00_0_5", "video": "source00_0_5", "score": 2}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    batch = SimpleNamespace(
        text=SimpleNamespace(ids=["source00_0_5#0", "source00_0_5#3", "source00_5_10#0"], tokens=torch.zeros(1)),
        video=SimpleNamespace(ids=["source00_0_5"]),
    )
    scores = given_of(configured({"file": "pairs.jsonl"})).scores(batch)
    assert scores[:2].tolist() == [[2.0], [2.0]] and scores[2].isnan()


def test_a_stale_cache_is_made_anew_and_told(done: Done, configured: Callable[..., RunConfig], tmp_path: Path):
    folder = Path(shutil.copytree(done.model("rich"), tmp_path / "elsewhere"))
    config = configured({"folder": "elsewhere"})
    notes: list[str] = []

    def listen(what: str, _done: int, _total: int, note: str = "") -> None:
        if what.startswith("freeze"):
            notes.append(note)

    first = given_of(config, listen)
    again = given_of(config, listen)
    assert notes == [""] and torch.equal(first.text.vectors[again_name(again)], again.text.vectors[again_name(again)])
    weights = load_file(folder / "model.safetensors")
    save_file({name: value * 1.5 for name, value in weights.items()}, folder / "model.safetensors")
    changed = given_of(config, listen)
    assert notes == ["", "made anew, for the weights changed"]
    assert not torch.equal(first.text.vectors[again_name(again)], changed.text.vectors[again_name(again)])
    # a cache of an earlier version says nothing of itself: nobody knows whether it is stale
    (cache,) = (config.folder / "teachers").iterdir()
    old = CachedTeacher.load(cache)
    old.made_from = None
    old.save(cache)
    given_of(config, listen)
    assert notes[2:] == ["made anew, for it does not say what it was made from"]


def again_name(teacher: CachedTeacher) -> str:
    return next(iter(teacher.text.vectors))


def test_a_student_is_trained_anew_when_its_given_teacher_changes(
    done: Done, configured: Callable[..., RunConfig], tmp_path: Path
):
    shutil.copy(done.cache, tmp_path / "t.safetensors")
    config = configured({"file": "t.safetensors"})

    def folder() -> str:
        return Training(Workspace(config), plans_of(config)[-1], 0).folder.name

    before = folder()
    assert folder() == before
    cached = CachedTeacher.load(tmp_path / "t.safetensors")
    for vector in cached.text.vectors.values():
        vector *= -1
    cached.save(tmp_path / "t.safetensors")
    assert folder() != before


def test_a_file_beside_other_weights_than_its_own_is_refused(
    done: Done, configured: Callable[..., RunConfig], tmp_path: Path
):
    folder = Path(shutil.copytree(done.model("rich"), tmp_path / "model"))
    cache = next(folder.glob("embeddings-*"))
    given_of(configured({"file": str(cache)}))
    shutil.copy(done.model("plain") / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(InputError) as caught:
        given_of(configured({"file": str(cache)}))
    assert f"{cache} is stale" in str(caught.value) and f"give 'folder: {folder}'" in str(caught.value)


def test_ids_that_a_file_does_not_know_are_told_before_anything_is_trained(
    done: Done, configured: Callable[..., RunConfig], tmp_path: Path
):
    whole = CachedTeacher.load(done.cache)
    captions, videos = (list(own) for own in (whole._caption_row, whole._video_row))
    rows = torch.arange(len(captions) - 2)
    CachedTeacher(caption_ids=captions[:-2], text=whole.text.select(rows), video_ids=videos, video=whole.video).save(
        tmp_path / "t.safetensors"
    )
    config = configured("plain", {"file": "t.safetensors"})
    with pytest.raises(InputError) as caught:
        trained(config)
    assert f"{tmp_path / 't.safetensors'} knows nothing of caption '{captions[-2]}' and 1 others" in str(caught.value)
    assert not (config.folder / "models").exists()
    # by id and never by position: another order is the same teacher
    turned = torch.arange(len(captions)).flip(0)
    CachedTeacher(caption_ids=captions[::-1], text=whole.text.select(turned), video_ids=videos, video=whole.video).save(
        tmp_path / "t.safetensors"
    )
    assert_same(load_file(done.model("plain-taught") / "model.safetensors"), trained(config))


def test_a_model_that_has_learned_from_the_test_split_is_refused(
    done: Done, configured: Callable[..., RunConfig], tmp_path: Path
):
    folder = Path(shutil.copytree(done.model("rich"), tmp_path / "model"))
    seen = [*json.loads((folder / "trained_on.json").read_text()), done.sketch.splits["test"][0]]
    (folder / "trained_on.json").write_text(json.dumps(seen))
    with pytest.raises(InputError, match=r"model was trained on 1 videos of split 'test' \(first: 'source15_0_5'\)"):
        trained(configured({"folder": "model"}))


def test_a_model_needs_its_experts_and_text_features(done: Done, configured: Callable[..., RunConfig], tmp_path: Path):
    folder = str(done.model("rich"))
    with pytest.raises(InputError, match=r"sees expert 'sound', which is not among 'experts': sight: add it"):
        trained(configured({"folder": folder}, experts=["sight"]))
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    told = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(told | {"text_encoder": "poor"}))
    with pytest.raises(InputError, match=r"unknown text encoder 'poor', and .*text holds plain, rich"):
        trained(configured({"folder": "other"}))


@pytest.mark.parametrize(
    ("teacher", "told"),
    [
        ({}, "'teachers.0': give one of 'text', 'file' and 'folder'"),
        ({"text": "rich", "file": "t.safetensors"}, "'teachers.0': give one of 'text', 'file' and 'folder'"),
        ({"file": "t.pt"}, "t.pt' is neither .safetensors (embeddings) nor .jsonl (scored pairs)"),
        ({"file": "t.jsonl", "live": True}, "a file holds scores or embeddings and no model: leave 'live' out"),
        (
            {"folder": "f", "experts": ["sight"]},
            "'experts' is said of a teacher that is trained here, not of a 'folder'",
        ),
        ({"file": "t.jsonl", "training": {}}, "'training' is said of a teacher that is trained here, not of a 'file'"),
    ],
)
def test_a_teacher_is_one_thing(configured: Callable[..., RunConfig], teacher: dict[str, Any], told: str):
    with pytest.raises(InputError) as caught:
        configured(teacher)
    assert told in str(caught.value)


def test_a_given_teacher_that_is_not_there_or_comes_twice(configured: Callable[..., RunConfig], tmp_path: Path):
    with pytest.raises(InputError, match=r"gone\.jsonl does not exist: correct the path in the config"):
        trained(configured({"file": "gone.jsonl"}))
    with pytest.raises(InputError, match=r"gone does not exist"):
        trained(configured({"folder": "gone"}))
    with pytest.raises(InputError, match=r"'teachers' names '.*t\.jsonl' twice"):
        configured({"file": "t.jsonl"}, {"file": "t.jsonl"})
