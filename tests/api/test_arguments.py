"""Wrong arguments: one sentence each, before any work."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")
pytest.importorskip("torch")
pytest.importorskip("wordllama")
from clips import write_clip, write_model

import teachtext
from teachtext import InputError


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
