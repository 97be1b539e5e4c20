"""Searches by a picture, a sound or a clip from outside the index."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("av")
pytest.importorskip("wordllama")
pytest.importorskip("aisfx")
pytest.importorskip("PIL")
from clips import write_clip, write_model
from outside_files import write_png_header, write_sound
from PIL import Image

from teachtext.errors import InputError, NotFound
from teachtext.learning.trained_model import TrainedModel
from teachtext.search.filters import Filter
from teachtext.search.indexing import index_folder
from teachtext.search.like import check_example, similar_to
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """An index of five clips, of which two have sound, by a model that sees motion and hears."""
    folder = tmp_path_factory.mktemp("like")
    for number in range(5):
        write_clip(folder / "videos" / f"v{number}.mp4", number, sound=number < 2)
    model = TrainedModel(write_model(folder / "model", experts=("audio", "motion")))
    index_folder(folder / "videos", open_store(str(folder / "index")), model, folder / "index" / "features")
    searcher = Searcher(folder / "index", model=model)
    yield searcher
    searcher.close()


def test_a_clip_from_outside_finds_its_copy_in_the_index(searcher: Searcher, tmp_path: Path):
    copy = shutil.copy(searcher.manifest.path_of("videos/v1.mp4"), tmp_path / "outside.mp4")
    answer = similar_to(searcher, str(copy))(3)
    assert answer.results[0].item.id == "videos/v1.mp4" and len(answer.results) == 3
    assert answer.results[0].score == pytest.approx(1.0, abs=1e-3)
    assert answer.results[0].why.keys() == {"audio", "motion"} and answer.confidence is None


def test_a_video_of_the_index_is_left_out(searcher: Searcher):
    path = searcher.manifest.path_of("videos/v3.mp4")
    for name in (str(path), "videos/v3.mp4"):
        results = similar_to(searcher, name)(9).results
        assert len(results) == 4 and "videos/v3.mp4" not in [result.item.id for result in results]


def test_a_sound_is_compared_with_the_sound_of_the_videos(searcher: Searcher, tmp_path: Path):
    results = similar_to(searcher, str(write_sound(tmp_path / "a.mp3")))(9).results
    # videos without sound come last, and nothing is said of motion
    assert {result.item.id for result in results[:2]} == {"videos/v0.mp4", "videos/v1.mp4"}
    assert all(result.why.get("motion", 0) == 0 for result in results)


def test_in_one_space_a_sound_is_compared_with_what_silent_videos_show(tmp_path: Path):
    for number in range(3):
        write_clip(tmp_path / "videos" / f"v{number}.mp4", number, sound=number < 2)
    model = TrainedModel(write_model(tmp_path / "model", experts=("audio", "motion"), kind="omni"))
    index_folder(tmp_path / "videos", open_store(str(tmp_path / "index")), model, tmp_path / "index" / "features")
    searcher = Searcher(tmp_path / "index", model=model)
    try:
        sound = write_sound(tmp_path / "a.wav")
        results = similar_to(searcher, str(sound))(9).results
        vector = searcher.embed_file(sound).vectors["joint"]
    finally:
        searcher.close()
    assert {result.item.id for result in results} == {f"videos/v{number}.mp4" for number in range(3)}
    assert all(-1 <= result.score <= 1 and result.why.keys() == {"joint"} for result in results)
    assert abs(float((vector**2).sum()) - 1) < 1e-3


def test_a_filter_holds_for_files_from_outside(searcher: Searcher, tmp_path: Path):
    only = Filter(ids=frozenset(["videos/v4.mp4"]))
    results = similar_to(searcher, str(write_sound(tmp_path / "a.wav")), only)(9).results
    assert [result.item.id for result in results] == ["videos/v4.mp4"]


def test_a_file_of_which_the_model_says_nothing_is_refused_in_a_sentence(searcher: Searcher, tmp_path: Path):
    Image.new("RGB", (60, 40), "red").save(tmp_path / "red.png")
    with pytest.raises(InputError, match=r"red.png is a picture, and the model 'model' sees no pictures: give another"):
        similar_to(searcher, str(tmp_path / "red.png"))


def test_bad_files_are_refused_in_a_sentence(searcher: Searcher, tmp_path: Path):
    (tmp_path / "text.jpg").write_text("no picture")
    bad = {
        "text.jpg": "is a text file, not a picture, a sound or a video",
        "bomb.png": "has more than 64 megapixels",
        "empty.png": r"is empty \(0 bytes\)",
    }
    write_png_header(tmp_path / "bomb.png", 30_000, 30_000)
    (tmp_path / "empty.png").touch()
    for name, problem in bad.items():
        with pytest.raises(InputError, match=problem) as raised:
            similar_to(searcher, str(tmp_path / name))
        assert raised.value.mend and "Traceback" not in str(raised.value)
    with pytest.raises(NotFound, match="holds no video 'nowhere', and there is no such file"):
        similar_to(searcher, "nowhere")


def test_words_and_a_file_do_not_mix():
    with pytest.raises(InputError, match="both words and a file are given"):
        check_example("a dog", "both", 3)
    with pytest.raises(InputError, match="a file has no words to rank by"):
        check_example("", "words", 3)
    with pytest.raises(InputError, match="ask for at least 1"):
        check_example("", "both", 0)


def test_an_expert_of_another_version_is_refused(searcher: Searcher, tmp_path: Path):
    from dataclasses import replace

    from teachtext.search.like_file import FileEmbedder

    older = replace(searcher.manifest, made_by={"audio": "of another version"})
    embedder = FileEmbedder(searcher.model, older)
    try:
        for _ in range(2):
            with pytest.raises(InputError, match="expert 'audio' is not what it was when the index was made"):
                embedder.embed(write_sound(tmp_path / "a.wav"))
    finally:
        embedder.close()
