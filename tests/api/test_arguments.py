"""Wrong arguments: one sentence each, before any work."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("torch")
pytest.importorskip("wordllama")
import torch
from clips import write_clip, write_model

import teachtext
from teachtext import InputError
from teachtext.search.searcher import Searcher


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> teachtext.Model:
    return teachtext.load(write_model(tmp_path_factory.mktemp("models") / "motion"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "0.mp4", 0)
    return folder


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, None])
def test_an_extraction_without_a_worker_is_refused(clips: Path, tmp_path: Path, workers: Any):
    with pytest.raises(InputError, match=r"workers is .*: give a whole number of at least 1"):
        teachtext.extract(clips, tmp_path / "features", experts=["motion"], workers=workers)
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize("jobs", [0, -1, 1.5])
def test_an_experiment_without_a_job_is_refused(tmp_path: Path, jobs: Any):
    config = tmp_path / "config.yaml"
    config.write_text(
        f"{{name: tiny, work: '{tmp_path}/run', dataset: {{playground: {{videos: 24}}}}, experts: [motion],"
        " teachers: [wordllama], student: {text: wordllama}}"
    )
    with pytest.raises(InputError, match=r"jobs is .*: give a whole number of at least 1"):
        teachtext.run(config, jobs=jobs)
    assert not (tmp_path / "run").exists()


def test_a_time_limit_is_a_number(clips: Path, tmp_path: Path):
    with pytest.raises(InputError, match="time_limit is '3': give a number of seconds"):
        teachtext.extract(clips, tmp_path, experts=["motion"], time_limit="3")  # type: ignore[arg-type]


def test_an_unknown_engine_is_refused(clips: Path, tmp_path: Path):
    with pytest.raises(InputError, match="unknown engine 'zzz': choose from local, ray"):
        teachtext.extract(clips, tmp_path, experts=["motion"], engine="zzz")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([3], "text 1 is 3: give a string"),
        (["a dog", None], "text 2 is None: give a string"),
        (b"x", "texts is b'x': give a string or a list"),
        (3, "texts is 3: give a string or a list"),
        (None, "texts is None: give a string or a list"),
        (["a dog", " "], "text 2 is empty: remove it or fill it in"),
    ],
)
def test_what_is_no_text_is_refused(model: teachtext.Model, texts: Any, message: str):
    with pytest.raises(InputError) as error:
        model.encode_text(texts)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        ([3], "video 1 is 3: give a path"),
        (3, "videos is 3: give a string or a list"),
        ("", "video 1 is an empty string: give a path, or '.' for the current folder"),
        ("nope.mp4", "nope.mp4 does not exist: check the paths of the videos"),
        (["a.mp4", "b.mp4"], "none of the 2 videos exists: check the paths of the videos"),
    ],
)
def test_what_is_no_video_is_refused_before_a_worker_starts(
    model: teachtext.Model, videos: Any, message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr("teachtext.api.model.extract")
    with pytest.raises(InputError) as error:
        model.encode_video(videos)
    assert str(error.value) == message


@pytest.mark.slow
def test_embeddings_are_compared_by_the_model_that_made_them(model: teachtext.Model, clips: Path, tmp_path: Path):
    other = teachtext.load(write_model(tmp_path / "other", seed=1))
    text, video = model.encode_text(["a dog", "a cat"]), model.encode_video(clips)
    assert model.similarity(text.to("cpu"), video.to("cpu")).shape == (2, 1)
    for texts, videos, message in (
        (other.encode_text("a dog"), video, "'text' was encoded by another model than 'motion'"),
        (text, other.encode_video(clips), "'video' was encoded by another model than 'motion'"),
        (video, text, "'text' is of type EncodedVideos: give what 'encode_text' of this model returns"),
        (text, None, "'video' is of type NoneType"),
    ):
        with pytest.raises(InputError, match=message):
            model.similarity(texts, videos)  # type: ignore[arg-type]


def test_embeddings_are_shown_by_their_counts(model: teachtext.Model, clips: Path):
    assert repr(model.encode_text(["a dog", "a cat"])) == "EncodedTexts(2 texts, spaces=['motion'], device='cpu')"
    assert repr(model.encode_video(clips)) == "EncodedVideos(1 videos, 0 failed, spaces=['motion'], device='cpu')"


def test_an_empty_place_is_no_place(model: teachtext.Model):
    for place in ("", None, 3):
        with pytest.raises(InputError, match=r"place is .*: give a path"):
            teachtext.load(place)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="folder is an empty string"):
        model.save("")
    with pytest.raises(InputError, match="unknown device 'None'"):
        teachtext.load("somewhere", device=None)  # type: ignore[arg-type]
    for arguments in (("",), ("videos", "")):
        with pytest.raises(InputError, match=r"(folder|place) is an empty string"):
            teachtext.index(arguments[0], place=arguments[-1])
    with pytest.raises(InputError, match="place is an empty string"):
        teachtext.open_index("")
    with pytest.raises(InputError, match="place is an empty string"):
        teachtext.open_index("somewhere", model="")
    with pytest.raises(InputError, match=r"config is \{\}: give a path"):
        teachtext.run({})  # type: ignore[arg-type]


def test_experts_are_a_list_or_a_single_name(clips: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"there is no expert: choose from .*motion"):
        teachtext.extract(clips, tmp_path, experts=[])
    assert teachtext.extract(clips, tmp_path, experts="motion").done == 1
    assert [path.name for path in (tmp_path / "video").iterdir() if path.is_dir()] == ["motion"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"captions": "zzz"}, "unknown captions 'zzz': choose from separate, first, fused, chosen"),
        ({"normalise": "qb"}, "no normaliser 'qb': use "),
        ({"normalise": "qb-norm"}, "somewhere"),
    ],
)
def test_an_evaluation_names_the_choices(model: teachtext.Model, settings: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        teachtext.evaluate(model, "somewhere", features="features", **settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 2.5}, r"k is 2\.5: give a whole number of at least 1"),
        ({"k": "3"}, "k is '3'"),
        ({"k": None}, "k is None"),
        ({"k": True}, "k is True"),
        ({"text": None}, "text is None: give a string"),
        ({"text": ["a dog"]}, r"text is \['a dog'\]: give a string"),
        ({"by": "banana"}, "unknown by 'banana': choose from both, model, words"),
        ({"where": 3}, "conditions is 3: give a string or a list"),
    ],
)
def test_a_search_checks_its_arguments(arguments: dict[str, Any], message: str):
    # no store: the arguments are checked before
    index = teachtext.Index(object.__new__(Searcher))
    with pytest.raises(InputError, match=message):
        index.search(**{"text": "a dog"} | arguments)


def test_metrics_take_numbers_alone():
    scores = torch.tensor([[0.9, 0.1], [0.2, 0.8]], requires_grad=True)
    assert teachtext.metrics(scores)["t2v"].r1 == teachtext.metrics(scores, torch.tensor([0, 1]))["t2v"].r1 == 100
    for similarity, video_of, message in (
        ([[0.9, 0.1], [0.2]], None, "'similarity' is no array of numbers"),
        ([["a", "b"], ["c", "d"]], None, "'similarity' holds values of type <U1"),
        (None, None, "'similarity' holds values of type object"),
        (np.eye(2), [0.6, 1.2], "'video_of' holds values of type float64: give a whole number for each text"),
    ):
        with pytest.raises(InputError, match=message):
            teachtext.metrics(similarity, video_of)  # type: ignore[arg-type]
