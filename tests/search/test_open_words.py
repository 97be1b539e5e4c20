"""Open words: an index of a shared-space model finds what words mean, with towers whose weights were set for that."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("lancedb")
pytest.importorskip("transformers")
pytest.importorskip("sentence_transformers")
import planted
from clips import write_model
from outside_files import write_sound
from PIL import Image
from planted import HERTZ, SIGHTS, sight, write_sight, write_tone

import teachtext
from teachtext.encoders.shared_space.model import SharedSpace
from teachtext.errors import InputError
from teachtext.search.quality import measure_quality, read_split
from teachtext.search.searcher import Searcher
from teachtext.search.text_sides import load_text_sides


class Place(NamedTuple):
    """A shared-space model, the videos of an index that it made, and the index."""

    model: Path
    videos: Path
    index: Path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("clip")
    place = Place(planted.planted_clip(folder / "tiny-clip"), folder / "videos", folder / "index")
    for words in SIGHTS:
        write_sight(place.videos / f"{words}.mp4", words)
    teachtext.index(place.videos, place=place.index, model=f"hf:{place.model}", workers=1)
    return place


@pytest.fixture(scope="module")
def index(clip: Place) -> Iterator[teachtext.Index]:
    index = teachtext.open_index(clip.index)
    yield index
    index.close()


@pytest.mark.parametrize("words", SIGHTS)
def test_words_put_the_right_video_first(words: str, index: teachtext.Index):
    first, second = index.search(words, k=2, by="model")
    assert first.path.stem == words and first.score > second.score + 0.05
    assert first.why.keys() == {"pictures"}


@pytest.mark.parametrize("words", SIGHTS)
def test_a_picture_puts_the_right_video_first(words: str, index: teachtext.Index, tmp_path: Path):
    Image.fromarray(sight(words)).save(tmp_path / "photo.png")
    assert index.like(tmp_path / "photo.png", k=1)[0].path.stem == words


def test_a_clip_from_outside_puts_the_right_video_first(index: teachtext.Index, tmp_path: Path):
    assert index.like(write_sight(tmp_path / "mine.mp4", "green", seconds=1), k=1)[0].path.stem == "green"


def test_a_sound_is_refused_by_a_model_without_a_tower_for_sound(index: teachtext.Index, tmp_path: Path):
    with pytest.raises(InputError, match=r"a.wav is a sound file, and the model 'tiny-clip' hears nothing: "):
        index.like(write_sound(tmp_path / "a.wav"))


def test_the_model_in_python_scores_texts_and_videos(clip: Place):
    model = teachtext.load(f"hf:{clip.model}")
    texts = model.encode_text(list(SIGHTS))
    videos = model.encode_video([clip.videos / f"{words}.mp4" for words in SIGHTS])
    assert model.similarity(texts, videos).argmax(dim=1).tolist() == list(range(len(SIGHTS)))
    expected = SharedSpace(model=str(clip.model)).encode_texts(SIGHTS)
    np.testing.assert_allclose(texts.vectors["pictures"].cpu().numpy(), expected, atol=1e-5)
    alone = model.encode_text("a red ball").vectors["pictures"].cpu().numpy()[0]
    np.testing.assert_allclose(alone, expected[SIGHTS.index("a red ball")], atol=1e-5)
    # the folder says itself what it holds
    assert teachtext.load(clip.model).embedder.identity == model.embedder.identity
    with pytest.raises(InputError, match="'tiny-clip' has no weights to save"):
        model.save(clip.videos.parent / "saved")


def test_other_weights_are_refused_and_a_moved_folder_is_not(clip: Place, tmp_path: Path):
    moved = shutil.copytree(clip.model, tmp_path / "moved")
    assert Searcher(clip.index, model=moved).search("red", k=1).results[0].path.stem == "red"
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps(config | {"transformers_version": "of another revision"}))
    with pytest.raises(InputError, match=r"the index was made by model 'tiny-clip' .*, not by 'moved'"):
        Searcher(clip.index, model=moved)


def test_the_text_side_that_the_index_keeps_answers_as_the_model_does(index: teachtext.Index, clip: Place):
    sides = load_text_sides(str(clip.index))
    assert sides is not None and index.indexed is None
    by_side = Searcher(clip.index, model=sides)
    for text in (*SIGHTS, "A Blue BALL", "red " * 40):
        whole, side = index.searcher.search(text, by="model"), by_side.search(text, by="model")
        assert side.notes == whole.notes
        assert [hit.item.id for hit in side.results] == [hit.item.id for hit in whole.results]
        scores = [[hit.score for hit in answer.results] for answer in (side, whole)]
        np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


def test_an_index_is_measured_and_nobody_knows_what_its_model_has_learned_from(index: teachtext.Index, tmp_path: Path):
    """The captions of a shared-space model's training are not known, so no share of known videos is said."""
    captions = {words: [f"a photo of {words}", words] for words in SIGHTS}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    (tmp_path / "splits.json").write_text(json.dumps({"test": list(SIGHTS)}))
    dataset = read_split(tmp_path, "test")
    quality = measure_quality(index.searcher, dataset, "test")
    by_model = {
        caption.id: [hit.video_id for hit in index.search(caption.text, k=6, by="model")]
        for caption in quality.captions
    }
    expected = [by_model[caption.id].index(f"videos/{caption.video_id}.mp4") for caption in quality.captions]
    assert quality.ranked.ranks.tolist() == expected
    assert [rank for rank, caption in zip(expected, quality.captions, strict=True) if caption.text in SIGHTS] == [0] * 6
    assert (quality.learned, quality.learned_first, quality.notes) == (None, None, [])


def test_a_text_that_is_longer_than_the_tower_reads_is_cut_and_that_is_said(index: teachtext.Index):
    answer = index.searcher.search("red " * 40, by="model")
    assert any("16 tokens" in note for note in answer.notes), answer.notes
    assert index.searcher.search("red", by="model").notes == []


@pytest.mark.slow
def test_the_model_stands_beside_a_trained_one_in_one_index(clip: Place, tmp_path: Path):
    pytest.importorskip("wordllama")
    trained = write_model(tmp_path / "student")
    blended = teachtext.index(
        clip.videos, place=tmp_path / "index", model=[f"hf:{clip.model}", trained], workers=1, hub_correction=False
    )
    result = blended.search("red", k=1, by="model")[0]
    assert result.path.stem == "red" and result.why.keys() == {"shared:pictures", "student:motion"}
    sides = load_text_sides(str(tmp_path / "index"))
    assert sides is not None
    by_sides = Searcher(tmp_path / "index", model=sides).search("red", k=1, by="model").results[0]
    assert by_sides.score == pytest.approx(result.score, abs=1e-4)


def test_models_of_no_family_are_refused_in_a_sentence(tmp_path: Path):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    for place in (f"hf:{tmp_path / 'bert'}", tmp_path / "bert"):
        with pytest.raises(InputError, match="has no space for text and pictures that is supported here: give a model"):
            teachtext.load(place)
    with pytest.raises(InputError, match="is not the folder of a model"):
        teachtext.load(f"hf:{tmp_path}")


def test_the_page_puts_the_right_video_first(clip: Place):
    pytest.importorskip("fastapi")
    pytest.importorskip("prometheus_client")
    from starlette.testclient import TestClient

    from teachtext.service.app import create_app
    from teachtext.service.state import Library
    from teachtext.service.uploads import Uploads

    searcher = Searcher(clip.index)
    folder = clip.index.parent
    library = Library(
        searcher, uploads=folder / "uploads", features=clip.index / "features", thumbnails=folder / "thumbnails"
    )
    app = create_app(library=library, uploads=Uploads(library=library, most_bytes=2**20))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for words in ("blue", "a green ball"):
            page = client.get("/", params={"q": words, "by": "model"}).text
            order = sorted(SIGHTS, key=lambda name: page.find(f'id" value="videos/{name}.mp4"') % len(page))
            assert order[0] == words
        assert "tiny-clip" in client.get("/").text


@pytest.mark.slow
def test_an_id_of_the_hub_is_a_model_of_teachtext_first(clip: Place, tmp_path: Path):
    commit = "0123456789" * 4
    cached = tmp_path / "models--me--clip"
    shutil.copytree(clip.model, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    code = (
        "import teachtext; from teachtext.api.load import embedder_of; from teachtext.errors import InputError\n"
        "try: teachtext.load('me/clip')\n"
        "except InputError as error: print(error)\n"
        "embedder = embedder_of('me/clip', 'cpu'); print(embedder.experts, embedder.identity['revision'])"
    )
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    lines = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert lines.stdout.splitlines() == [
        "'me/clip' is a model of transformers, not of TeachText: write hf:me/clip",
        f"['hf:me/clip#pooled'] {commit}",
    ]


@pytest.mark.slow
def test_a_clip_tower_puts_the_right_video_first(clip: Place, tmp_path: Path):
    model = planted.planted_xclip(tmp_path / "xclip")
    index = teachtext.index(clip.videos, place=tmp_path / "index", model=model, workers=1)
    assert [index.search(words, k=1, by="model")[0].path.stem for words in SIGHTS] == list(SIGHTS)
    assert index.like(write_sight(tmp_path / "mine.mp4", "a red ball"), k=1)[0].path.stem == "a red ball"
    index.close()


@pytest.mark.slow
def test_a_sound_tower_puts_the_right_video_first(tmp_path: Path):
    model = planted.planted_clap(tmp_path / "clap")
    for name in HERTZ:
        write_tone(tmp_path / "videos" / f"{name}.mkv", name)
    index = teachtext.index(tmp_path / "videos", place=tmp_path / "index", model=model, workers=1)
    assert index.indexed is not None and "by the sound of the videos alone" in " ".join(index.indexed.notes)
    assert [index.search(name, k=1, by="model")[0].path.stem for name in HERTZ] == list(HERTZ)
    assert index.like(write_sound(tmp_path / "high.mp3", hertz=HERTZ["car"]), k=1)[0].path.stem == "car"
    Image.fromarray(sight("red")).save(tmp_path / "photo.jpg")
    with pytest.raises(InputError, match=r"photo.jpg is a picture, and the model 'clap' sees no pictures: "):
        index.like(tmp_path / "photo.jpg")
    index.close()
