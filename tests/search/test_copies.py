"""Copies of videos in an index: equal files, other encodings and sizes."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")
from clips import write_model
from encodings_of_scenes import encode, scene
from entries import SPACES, make_entry

from teachtext.learning.trained_model import TrainedModel
from teachtext.search import copies
from teachtext.search.answer import Answer, SearchResult
from teachtext.search.copies import Sketches, copy_groups
from teachtext.search.folding import fold, folded
from teachtext.search.indexing import Indexed, index_folder
from teachtext.search.manifest import read_manifest
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.search.types import Entry
from teachtext.search.upkeep import remove_videos
from teachtext.video import sketching
from teachtext.video.sketch import Sketch, is_copy
from teachtext.video.sketching import sketch

Index = Callable[..., Indexed]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return TrainedModel(write_model(tmp_path_factory.mktemp("models") / "motion"))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    frames, folder = scene(0, 3.0), tmp_path / "videos"
    encode(folder / "film.mp4", frames)
    encode(folder / "small.mkv", frames, scale=0.75, options={"crf": "30"})
    encode(folder / "other.mp4", scene(0, 3.0, path_seed=1))
    shutil.copy(folder / "film.mp4", folder / "twin.mp4")
    return folder


@pytest.fixture
def index(videos: Path, model: TrainedModel, tmp_path: Path) -> Index:
    def run(**options: Any) -> Indexed:
        store = open_store(str(tmp_path / "index"))
        return index_folder(videos, store, model, tmp_path / "features", hub_correction=False, **options)

    return run


def groups(tmp_path: Path) -> Any:
    return read_manifest(open_store(str(tmp_path / "index"))).copies


@pytest.mark.slow
def test_copies_are_one_result_that_counts_them(index: Index, tmp_path: Path, model: TrainedModel):
    index()
    copies = ["videos/film.mp4", "videos/small.mkv", "videos/twin.mp4"]
    assert groups(tmp_path) == [copies]
    searcher = Searcher(tmp_path / "index", model=model)
    answer = folded(lambda k: searcher.search("a disc", k=k, by="model"), 2)
    assert len(answer.results) == 2 and answer.folded == 2
    assert {len(result.copies): result.item.id in copies for result in answer.results} == {3: True, 0: False}
    assert len(searcher.search("a disc", k=9, by="model").results) == 4


@pytest.mark.slow
def test_groups_follow_what_comes_changes_and_goes(index: Index, videos: Path, tmp_path: Path):
    for name in ("small.mkv", "twin.mp4"):
        (videos / name).rename(tmp_path / name)
    index()
    assert groups(tmp_path) == []
    (tmp_path / "small.mkv").rename(videos / "small.mkv")
    index()
    assert groups(tmp_path) == [["videos/film.mp4", "videos/small.mkv"]]
    assert index().unchanged == 3
    (tmp_path / "twin.mp4").rename(videos / "twin.mp4")
    index()
    assert groups(tmp_path) == [["videos/film.mp4", "videos/small.mkv", "videos/twin.mp4"]]
    (videos / "twin.mp4").rename(videos / "renamed.mp4")
    encode(videos / "small.mkv", scene(7, 3.0))
    index()
    assert groups(tmp_path) == [["videos/film.mp4", "videos/renamed.mp4"]]
    store = open_store(str(tmp_path / "index"))
    remove_videos(store, ["videos/film.mp4"], tmp_path / "features")
    assert groups(tmp_path) == []


@pytest.mark.slow
def test_an_index_without_groups_gets_them_and_a_stopped_run_is_made_good(index: Index, tmp_path: Path):
    index()
    before = groups(tmp_path)
    store = open_store(str(tmp_path / "index"))
    fields = store.manifest()
    assert fields is not None and before
    # as an earlier version, or a run that was killed before its end, has left the index
    for left in ({**fields, "copies": None}, {name: value for name, value in fields.items() if name != "copies"}):
        with store.writing():
            store.write_manifest(left)
        assert read_manifest(store).copies is None
        assert index().unchanged == 4 and groups(tmp_path) == before


def test_only_alike_vectors_and_lengths_are_compared(tmp_path: Path):
    store = open_store(str(tmp_path / "index"))
    store.write_manifest({"spaces": SPACES})
    vectors = {name: np.eye(dim, dtype=np.float32)[0] for name, dim in SPACES.items()}
    far = {name: np.eye(dim, dtype=np.float32)[1] for name, dim in SPACES.items()}
    lengths = {"a": 10.0, "b": 10.2, "c": 11.0, "d": 3600.0, "e": 3606.0, "f": None, "g": 10.1}
    items = [make_entry(name, content=name, duration_s=length).item for name, length in lengths.items()]
    with store.writing():
        store.put([Entry.of_clip(item, far if item.id == "g" else vectors) for item in items])
    asked: list[str] = []

    class All(Sketches):
        def of(self, items: Any, progress: Any = None) -> Any:
            asked.extend(sorted(item.id for item in items))
            return {}

    assert copy_groups(store, SPACES, All(tmp_path, Path)) == []
    assert asked == ["a", "b", "d", "e"], "not of another length, and none that shows something else"


def test_a_video_is_not_compared_with_every_copy_of_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = open_store(str(tmp_path / "index"))
    store.write_manifest({"spaces": SPACES})
    vectors = {name: np.eye(dim, dtype=np.float32)[0] for name, dim in SPACES.items()}
    names = [f"{number:02}" for number in range(30)]
    with store.writing():
        store.put([Entry.of_clip(make_entry(name, content=name, duration_s=10.0).item, vectors) for name in names])
    pixels = np.random.default_rng(0).integers(0, 255, (20, 8, 8)).astype(np.uint8)
    compared: list[int] = []

    class Same(Sketches):
        def of(self, items: Any, progress: Any = None) -> Any:
            return {item.content: Sketch(np.arange(20), pixels) for item in items}

    def counted(one: Sketch, other: Sketch) -> bool:
        compared.append(1)
        return is_copy(one, other)

    monkeypatch.setattr(copies, "is_copy", counted)
    assert copy_groups(store, SPACES, Same(tmp_path, Path)) == [names]
    assert len(compared) == 29


def result(name: str, content: str, copies: list[str]) -> SearchResult:
    item = replace(make_entry(name, duration_s=1.0).item, content=content)
    return SearchResult(item=item, path=Path(name), has_file=True, score=0.0, why={}, copies=copies)


def test_a_search_goes_on_until_there_are_enough_results():
    results = [result(f"v{n}", str(n), ["v0", "twin"] if n < 30 else []) for n in range(40)]
    results += [result("w1", "39", [])]
    asked = []

    def ask(k: int) -> Answer:
        asked.append(k)
        return Answer(results=results[:k], total=41, exact=True, corrected=False, seconds=0.0)

    assert [each.item.id for each in fold(results)] == ["v0", *(f"v{n}" for n in range(30, 40))]
    answer = folded(ask, 3)
    assert [each.item.id for each in answer.results] == ["v0", "v30", "v31"] and asked == [3, 12, 48]
    assert len(folded(ask, 3, most=3).results) == 1


@pytest.mark.slow
def test_clips_of_one_source_are_no_copies_and_their_encodings_are(msvd476_folder: Path, tmp_path: Path):
    import av

    names = ["bQJQGoJF7_k_109_115", "bQJQGoJF7_k_120_126", "AjZ-R3LFMzo_18_23", "AjZ-R3LFMzo_5_10"]
    paths = [msvd476_folder / f"videos/{name}.mp4" for name in names]
    drawn = [sketch(path, 5.0) for path in paths]
    assert not any(is_copy(one, other) for one in drawn for other in drawn if one is not other)
    for path, original in zip(paths, drawn, strict=True):
        with av.open(str(path)) as container:
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        copy = encode(tmp_path / path.name, frames, rate=15, scale=0.5, options={"crf": "32"})
        assert is_copy(original, sketch(copy, 5.0)), path.name


def test_a_transport_stream_of_a_second_has_a_sketch(tmp_path: Path):
    encode(tmp_path / "short.ts", scene(0, 1.0))
    assert len(sketch(tmp_path / "short.ts", 1.0).times) == 8


def test_a_video_that_shows_no_picture_now_is_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sketching, "_shown", lambda *arguments: iter(()))
    encode(tmp_path / "a.mp4", scene(0, 1.0))
    item = make_entry("v/a.mp4").item
    sketches = Sketches(tmp_path / "sketches", lambda name: tmp_path / "a.mp4")
    assert sketches.of([item]) == {} and sketches.of([item]) == {}
