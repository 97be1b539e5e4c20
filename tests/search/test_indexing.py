import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")
pytest.importorskip("wordllama")
from clips import write_clip, write_model
from missing_packages import uninstall

from teachtext.data.batch import TextBatch
from teachtext.data.kept_captions import CAPTIONS, KeptCaption, KeptCaptions, save_captions
from teachtext.data.store import FeatureFile
from teachtext.encoders.query import QueryEncoder
from teachtext.encoders.registry import VIDEO_EXPERTS
from teachtext.errors import InputError
from teachtext.learning.checkpoint import load_model
from teachtext.learning.trained_model import TrainedModel
from teachtext.models.similarity import similarity
from teachtext.search import first_for_texts, indexing_run
from teachtext.search.blend import Blend
from teachtext.search.indexing import Indexed, check_new, index_folder
from teachtext.search.manifest import Manifest, read_manifest
from teachtext.search.searcher import Searcher
from teachtext.search.segments import long_settings
from teachtext.search.stores import open_store

Index = Callable[..., Indexed]
NO_CAPTIONS = (
    "model 'motion' keeps no captions of its training, so hubs are not corrected; run its 'teachtext run' again, which "
    "adds them, or give --query-bank FILE"
)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    return TrainedModel(write_model(tmp_path_factory.mktemp("models") / "motion"))


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    for number in range(4):
        write_clip(folder / ("inner" if number % 2 else ".") / f"v{number}.mp4", number)
    (folder / "notes.txt").write_text("no video")
    return folder


@pytest.fixture
def index(videos: Path, model: TrainedModel, tmp_path: Path) -> Index:
    def run(folder: Path = videos, place: str = str(tmp_path / "index"), **options: Any) -> Indexed:
        options = {"model": model, "features": tmp_path / "features", **options}
        return index_folder(folder, open_store(place), **options)

    return run


def counts(done: Indexed) -> tuple[int, int, int, int]:
    return done.added, done.updated, done.renamed, done.unchanged


def items(tmp_path: Path) -> dict[str, Any]:
    return {item.id: item for item in open_store(str(tmp_path / "index")).catalog()}


def extracted(tmp_path: Path) -> dict[str, int]:
    """How many shards there are, which grow with every extraction and with every taking over."""
    return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "features/video-normal/motion").iterdir()}


def test_an_index_that_was_made_before_moments_is_refused_and_left_alone(
    index: Index, tmp_path: Path, model: TrainedModel
):
    place = tmp_path / "index"
    Manifest(model=model.identity, spaces=model.spaces, experts=model.experts).write(open_store(place))
    fields = json.loads((place / "index.json").read_text())
    (place / "index.json").write_text(json.dumps({**fields, "format": "teachtext-index-1"}))
    # its rows are videos
    pa = pytest.importorskip("pyarrow")
    lancedb = pytest.importorskip("lancedb")
    lancedb.connect(place / "vectors").create_table("pattern_1", pa.table({"id": ["videos/v0.mp4"], "written": [1.0]}))
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    said = (
        f"the index {place} was made by an earlier version, before moments of videos could be found: make it anew in "
        "another place with 'teachtext index FOLDER --index NEWPLACE'; the features of its videos are extracted again"
    )
    for use in (index, lambda: Searcher(place, model=model)):
        with pytest.raises(InputError) as raised:
            use()
        assert str(raised.value) == said
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_folder_is_indexed_and_searched(index: Index, tmp_path: Path, model: TrainedModel, videos: Path):
    assert counts(index()) == (4, 0, 0, 0)
    stored = items(tmp_path)
    assert sorted(stored) == ["videos/inner/v1.mp4", "videos/inner/v3.mp4", "videos/v0.mp4", "videos/v2.mp4"]
    for item in stored.values():
        path = tmp_path / item.id
        assert item.size == path.stat().st_size and item.duration_s == pytest.approx(8 / 15, abs=0.1)
        assert abs(item.added_s - time.time()) < 600
    answer = Searcher(str(tmp_path / "index"), model=model).search("something moves", k=3)
    assert answer.total == 4 and answer.exact and len(answer.results) == 3
    scores = [result.score for result in answer.results]
    assert scores == sorted(scores, reverse=True)
    for result in answer.results:
        assert result.path == tmp_path / result.item.id and result.has_file
        assert result.why.keys() == {"motion"} and sum(result.why.values()) == pytest.approx(result.score)


@pytest.mark.slow
def test_its_scores_are_those_of_the_model(videos: Path, tmp_path: Path):
    """Over two experts of which some videos lack one, by `models.similarity` on the same features."""
    import torch

    for number in range(4, 7):
        write_clip(videos / f"v{number}.mp4", number, sound=True)
    folder = write_model(tmp_path / "both", experts=("motion", "audio"))
    chosen = TrainedModel(folder)
    index_folder(videos, open_store(str(tmp_path / "index")), chosen, tmp_path / "features")
    results = Searcher(str(tmp_path / "index")).search("a loud noise", k=99).results
    assert {tuple(result.why) for result in results} == {("motion",), ("audio", "motion")}
    loaded, spec = load_model(folder)
    long = long_settings(spec.experts, spec.expert_settings)
    folders = {name: VIDEO_EXPERTS.folder_name(name, long.get(name, {})) for name in spec.experts}
    files = {name: FeatureFile(tmp_path / "features/video-normal" / folder) for name, folder in folders.items()}
    ids = sorted(result.item.id for result in results)
    rows = torch.from_numpy(np.array(QueryEncoder(spec.text_encoder).encode("a loud noise")))[None]
    with torch.inference_mode():
        text = loaded.encode_text(TextBatch(["q"], rows, torch.tensor([1])))
        expected = similarity(text, loaded.encode_video(spec.videos(files, ids)))[0].numpy()
    scores = {result.item.id: result.score for result in results}
    assert np.allclose([scores[name] for name in ids], expected, atol=1e-6)


@pytest.mark.slow
def test_what_has_not_changed_is_left_alone(index: Index, tmp_path: Path):
    index()
    before, shards, versions = items(tmp_path), extracted(tmp_path), open_store(str(tmp_path / "index")).versions()
    assert counts(index()) == (0, 0, 0, 4)
    assert items(tmp_path) == before and extracted(tmp_path) == shards
    assert open_store(str(tmp_path / "index")).versions() == versions


@pytest.mark.slow
def test_new_changed_renamed_and_gone_files(index: Index, tmp_path: Path, videos: Path):
    index(tags=["old"])
    before = items(tmp_path)
    (videos / "v0.mp4").rename(videos / "inner" / "renamed.mp4")
    write_clip(videos / "v2.mp4", 50)
    write_clip(videos / "new.mp4", 51)
    (videos / "inner" / "v1.mp4").unlink()
    done = index()
    assert counts(done) == (1, 1, 1, 1)
    assert done.gone == ["videos/inner/v1.mp4"]
    stored = items(tmp_path)
    assert sorted(stored) == [
        "videos/inner/renamed.mp4", "videos/inner/v1.mp4", "videos/inner/v3.mp4", "videos/new.mp4", "videos/v2.mp4",
    ]  # fmt: skip
    renamed, old = stored["videos/inner/renamed.mp4"], before["videos/v0.mp4"]
    assert (renamed.added_s, renamed.tags, renamed.content) == (old.added_s, ("old",), old.content)
    assert stored["videos/v2.mp4"].content != before["videos/v2.mp4"].content
    assert stored["videos/v2.mp4"].added_s == before["videos/v2.mp4"].added_s
    results = Searcher(str(tmp_path / "index")).search("x", k=9).results
    assert {result.item.id for result in results if not result.has_file} == {"videos/inner/v1.mp4"}
    done = index(remove_missing=True)
    assert done.gone == ["videos/inner/v1.mp4"] and "videos/inner/v1.mp4" not in items(tmp_path)
    assert index(remove_missing=True).gone == []


@pytest.mark.slow
def test_a_renamed_file_is_not_extracted_again(
    index: Index, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    index()
    shutil.move(videos / "v0.mp4", videos / "again.mp4")
    done: list[int] = []
    plain = indexing_run.extract

    def extract(*arguments: Any, **options: Any) -> Any:
        result = plain(*arguments, **options)
        done.append(result.done)
        return result

    monkeypatch.setattr(indexing_run, "extract", extract)
    assert counts(index()) == (0, 0, 1, 3)
    assert done == [0]


@pytest.mark.slow
def test_one_of_two_copies_that_is_deleted_is_removed(index: Index, tmp_path: Path, videos: Path):
    shutil.copy(videos / "v0.mp4", videos / "copy.mp4")
    assert counts(index()) == (5, 0, 0, 0)
    (videos / "v0.mp4").unlink()
    assert counts(index()) == (0, 0, 0, 4)
    assert "videos/v0.mp4" not in items(tmp_path) and "videos/copy.mp4" in items(tmp_path)


@pytest.mark.slow
def test_bad_files_are_set_aside_and_an_item_that_went_bad_is_dropped(index: Index, tmp_path: Path, videos: Path):
    (videos / "empty.mp4").touch()
    (videos / "text.mp4").write_text("no video\n" * 50)
    (videos / "link.mp4").symlink_to("nowhere.mp4")
    (videos / "inner_link.mp4").symlink_to(videos / "v0.mp4")
    done = index()
    assert {failure.id for failure in done.failed} == {"videos/empty.mp4", "videos/text.mp4", "videos/link.mp4"}
    assert all(str(failure) for failure in done.failed) and "videos/inner_link.mp4" in items(tmp_path)
    (videos / "v2.mp4").write_bytes(b"overwritten")
    done = index()
    assert "videos/v2.mp4" in {failure.id for failure in done.failed}
    assert "videos/v2.mp4" not in items(tmp_path)


@pytest.mark.slow
def test_a_file_that_cannot_be_read_for_a_while_is_neither_gone_nor_dropped(index: Index, tmp_path: Path, videos: Path):
    index()
    (videos / "v0.mp4").unlink()
    (videos / "v0.mp4").symlink_to(tmp_path / "away" / "v0.mp4")
    done = index(remove_missing=True)
    assert done.gone == [] and [failure.id for failure in done.failed] == ["videos/v0.mp4"]
    assert "videos/v0.mp4" in items(tmp_path)


@pytest.mark.slow
def test_several_folders_and_a_folder_that_was_moved(index: Index, tmp_path: Path, videos: Path):
    index()
    other = tmp_path / "elsewhere" / "videos"
    write_clip(other / "w.mp4", 20)
    assert counts(index(other)) == (1, 0, 0, 0)
    assert "videos-2/w.mp4" in items(tmp_path)
    assert index(videos).gone == [], "what is in another folder is not gone from this one"
    moved = tmp_path / "new place" / "videos"
    moved.parent.mkdir()
    videos.rename(moved)
    assert counts(index(moved)) == (0, 0, 0, 4)
    results = Searcher(str(tmp_path / "index")).search("x", k=9).results
    assert len(results) == 5 and all(result.has_file for result in results)


@pytest.mark.slow
def test_links_out_of_the_folder_are_indexed_and_what_is_left_out_is_named(index: Index, tmp_path: Path, videos: Path):
    (videos / "link.mp4").symlink_to(write_clip(tmp_path / "store" / "3f" / "ab.mp4", 9))
    write_clip(tmp_path / "disk" / "c.mp4", 10)
    (videos / "2022").symlink_to(tmp_path / "disk")
    (videos / "up").symlink_to("..")
    (videos / "picture.heic").touch()
    done = index()
    assert counts(done) == (6, 0, 0, 0) and not done.failed
    assert {"videos/link.mp4", "videos/2022/c.mp4"} < items(tmp_path).keys()
    assert done.notes == [
        "left out, files without the ending of a video: 1 (.heic 1; 'picture.heic')",
        "left out, links to folders that are read already: 1 ('up')",
        NO_CAPTIONS,
    ]
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    done = index(remove_missing=True)
    assert done.gone == [] and "videos/2022/c.mp4" in items(tmp_path), "it may come back"
    assert "left out, links that lead nowhere: 1 ('2022')" in done.notes


@pytest.mark.slow
def test_an_index_among_the_videos_is_not_looked_into(index: Index, videos: Path):
    place = str(videos / "index")
    options = {"place": place, "features": videos / "index" / "features"}
    assert counts(index(**options)) == (4, 0, 0, 0)
    (videos / "index" / "thumbnails").mkdir()
    shutil.copy(videos / "v0.mp4", videos / "index" / "thumbnails" / "x.mp4")
    (videos / "index" / "thumbnails" / "x.jpg").touch()
    done = index(**options)
    assert counts(done) == (0, 0, 0, 4) and done.notes == []


@pytest.mark.slow
def test_a_folder_under_a_new_name_keeps_its_videos(index: Index, tmp_path: Path, videos: Path):
    index(tags=["old"])
    before = items(tmp_path)
    moved = videos.rename(tmp_path / "holidays")
    write_clip(moved / "new.mp4", 30)
    assert counts(index(moved)) == (1, 0, 4, 0)
    stored = items(tmp_path)
    assert sorted(stored) == [
        "holidays/inner/v1.mp4", "holidays/inner/v3.mp4", "holidays/new.mp4", "holidays/v0.mp4", "holidays/v2.mp4",
    ]  # fmt: skip
    assert stored["holidays/v0.mp4"].tags == ("old",)
    assert stored["holidays/v0.mp4"].added_s == before["videos/v0.mp4"].added_s
    assert all(result.has_file for result in Searcher(str(tmp_path / "index")).search("x", k=9).results)


@pytest.mark.slow
def test_a_file_that_moves_between_two_folders_is_taken_over_and_a_copy_is_not(
    index: Index, tmp_path: Path, videos: Path
):
    index(tags=["old"])
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(videos / "v0.mp4", other / "copy.mp4")
    (videos / "v2.mp4").rename(other / "moved.mp4")
    assert counts(index(other)) == (1, 0, 1, 0)
    stored = items(tmp_path)
    assert {"videos/v0.mp4", "other/copy.mp4", "other/moved.mp4"} < stored.keys() and "videos/v2.mp4" not in stored
    assert stored["other/moved.mp4"].tags == ("old",) and stored["other/copy.mp4"].tags == ()
    assert index(videos).gone == []


@pytest.mark.slow
def test_a_move_that_was_stopped_is_finished_by_the_next_run(
    index: Index, tmp_path: Path, videos: Path, monkeypatch: pytest.MonkeyPatch
):
    index()
    moved = videos.rename(tmp_path / "holidays")

    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    store = type(open_store(str(tmp_path / "index")))
    remove = store.remove
    monkeypatch.setattr(store, "remove", stop)
    with pytest.raises(KeyboardInterrupt):
        index(moved)
    monkeypatch.setattr(store, "remove", remove)
    assert len(items(tmp_path)) == 8
    assert counts(index(moved)) == (0, 0, 0, 4)
    assert sorted(items(tmp_path)) == [
        "holidays/inner/v1.mp4", "holidays/inner/v3.mp4", "holidays/v0.mp4", "holidays/v2.mp4",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_videos_of_a_folder_that_is_gone_are_named_and_can_be_removed(index: Index, tmp_path: Path, videos: Path):
    index()
    other = tmp_path / "other"
    write_clip(other / "w.mp4", 20)
    videos.rename(tmp_path / "unplugged")
    done = index(other, remove_missing=True)
    assert len(items(tmp_path)) == 5 and done.gone == [], "a disk may come back"
    assert done.notes == [
        f"4 videos of {videos} are in the index, but that folder is gone; remove them with "
        f"'teachtext index {videos} --remove-missing'"
    ]
    with pytest.raises(InputError, match="is not a folder"):
        index(videos)
    with pytest.raises(InputError, match="is not a folder"):
        index(tmp_path / "never there", remove_missing=True)
    assert len(index(videos, remove_missing=True).gone) == 4
    assert list(items(tmp_path)) == ["other/w.mp4"] and index(other).notes == []


@pytest.mark.slow
def test_tags_are_added_to_what_is_there_too(index: Index, tmp_path: Path):
    index(tags=["a"])
    assert counts(index(tags=["b", "a"])) == (0, 0, 0, 4)
    assert {item.tags for item in items(tmp_path).values()} == {("a", "b")}
    with pytest.raises(InputError, match="tag"):
        index(tags=[" "])


@pytest.mark.slow
def test_another_model_is_refused_with_the_mend(index: Index, tmp_path: Path):
    index()
    before = items(tmp_path)
    other = TrainedModel(write_model(tmp_path / "other", seed=1))
    with pytest.raises(InputError, match=r"made by model 'motion'.*--index"):
        index(model=other)
    with pytest.raises(InputError, match=r"made by model 'motion'.*--index"):
        Searcher(str(tmp_path / "index"), model=other)
    assert items(tmp_path) == before


@pytest.mark.slow
def test_experts_that_were_made_otherwise_are_refused(index: Index, tmp_path: Path, videos: Path):
    index()
    store = open_store(str(tmp_path / "index"))
    manifest = store.manifest()
    assert manifest is not None
    store.write_manifest(manifest | {"made_by": {"motion": "another version"}})
    write_clip(videos / "new.mp4", 30)
    with pytest.raises(InputError, match="expert 'motion' is not what it was"):
        index()
    assert "videos/new.mp4" not in items(tmp_path)


def test_an_empty_folder_makes_an_index_that_finds_nothing(index: Index, tmp_path: Path, model: TrainedModel):
    (tmp_path / "empty").mkdir()
    assert counts(index(tmp_path / "empty")) == (0, 0, 0, 0)
    answer = Searcher(str(tmp_path / "index"), model=model).search("anything")
    assert answer.results == [] and answer.total == 0
    with pytest.raises(InputError, match="not a folder"):
        index(tmp_path / "nowhere")


def test_what_a_model_needs_that_cannot_be_extracted_makes_no_index(tmp_path: Path, videos: Path):
    imported = SimpleNamespace(
        experts=["clip20x359"],
        spaces={"clip20x359": 4},
        identity={"kind": "trained", "name": "x", "fingerprint": "y"},
    )
    with pytest.raises(InputError, match="unknown video expert 'clip20x359'"):
        index_folder(videos, open_store(str(tmp_path / "index")), imported, tmp_path / "features")
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("expert", "package", "extra"),
    [("face", "dlib", "face"), ("speech", "faster_whisper", "sound"), ("motion", "av", "video")],
)
def test_an_expert_whose_package_is_not_installed_leaves_no_index(
    tmp_path: Path, videos: Path, monkeypatch: pytest.MonkeyPatch, expert: str, package: str, extra: str
):
    uninstall(monkeypatch, package, importers=(f"teachtext.encoders.video.{expert}", "teachtext.video.file"))
    model = SimpleNamespace(experts=[expert], spaces={expert: 4}, identity={"kind": "trained", "name": "x"})
    with pytest.raises(InputError, match=rf"'{package}' is not installed: pip install 'teachtext\[{extra}\]'"):
        index_folder(videos, open_store(str(tmp_path / "index")), model, tmp_path / "features")
    assert not (tmp_path / "index").exists() and not (tmp_path / "features").exists()


@pytest.mark.slow
def test_a_query_bank_gives_biases_and_hubs_and_stays(index: Index, tmp_path: Path, videos: Path):
    index()
    bank = tmp_path / "captions.txt"
    bank.write_text("a man walks\n\na dog\nsomething turns left\n")
    assert counts(index(query_bank=bank)) == (0, 4, 0, 0)
    store = open_store(str(tmp_path / "index"))
    record = read_manifest(store).bank
    assert record is not None and set(record.hubs) <= {*items(tmp_path)} and record.hubs
    assert all(entry.segments[0].bias != 0 for entry in store.get(list(items(tmp_path))).values())
    assert counts(index()) == (0, 0, 0, 4), "it need not be given again"
    bank.write_text("another caption\n")
    with pytest.raises(InputError, match="has changed"):
        index()
    assert counts(index(query_bank=bank)) == (0, 4, 0, 0)
    bank.unlink()
    with pytest.raises(InputError, match=r"captions\.txt"):
        index()


@pytest.fixture
def taught(model: TrainedModel, tmp_path: Path) -> TrainedModel:
    """The model with captions of its training beside it."""
    folder = Path(shutil.copytree(model.folder, tmp_path / "taught" / "motion"))
    texts = ["a man walks", "a dog", "something turns left"]
    save_captions(folder, KeptCaptions(dataset="toy", training=[KeptCaption(text, text) for text in texts]))
    return TrainedModel(folder)


def biases(tmp_path: Path) -> dict[str, float]:
    store = open_store(str(tmp_path / "index"))
    return {name: entry.segments[0].bias for name, entry in store.get(list(items(tmp_path))).items()}


@pytest.mark.slow
def test_a_new_video_is_compared_with_those_that_came_first_and_not_with_all(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """And the index is what it would be if all videos had been compared."""
    monkeypatch.setattr(first_for_texts, "_TIMES", 1)
    bank, videos = tmp_path / "captions.txt", tmp_path / "videos"
    bank.write_text("a dog runs\na red ball\nsomething moves\n")
    for number in range(12):
        write_clip(videos / f"v{number:02}.mp4", number)
    store = open_store(str(tmp_path / "index"))
    read: list[Any] = []
    plain = store.read
    store.read = lambda pattern: read.append(pattern) or plain(pattern)  # type: ignore[method-assign, func-returns-value]

    def index() -> Manifest:
        index_folder(videos, store, model, tmp_path / "features", query_bank=bank)
        return read_manifest(store)

    def anew() -> Manifest:
        place = open_store(str(tmp_path / f"index-{len(read)}"))
        index_folder(videos, place, model, tmp_path / "features-anew", query_bank=bank)
        return read_manifest(place)

    def assert_same(first: Manifest, second: Manifest) -> None:
        assert first.bank and second.bank and first.bank.hubs == second.bank.hubs
        assert (first.by_chance, first.examples, first.copies) == (second.by_chance, second.examples, second.copies)
        assert first.confidence and second.confidence
        assert first.confidence.nothing_below == pytest.approx(second.confidence.nothing_below, abs=2e-6)

    first = index()
    for number in (20, 21, 22):
        read.clear()
        write_clip(videos / f"v{number:02}.mp4", number)
        assert_same(index(), anew())
        assert len(read) == 1, "the copies alone"
    assert first.by_chance
    (videos / first.by_chance[0].partition("/")[2]).unlink()
    read.clear()
    index_folder(videos, store, model, tmp_path / "features", query_bank=bank, remove_missing=True)
    assert_same(read_manifest(store), anew())
    assert len(read) > 1


@pytest.mark.slow
def test_hubs_are_corrected_with_the_captions_of_the_model(
    index: Index, taught: TrainedModel, tmp_path: Path, videos: Path
):
    done = index(model=taught)
    note = "hubs are corrected with 3 captions of the training of 'motion'; --no-hub-correction switches this off"
    assert done.notes[-1] == note
    first = biases(tmp_path)
    assert len(first) == 4 and all(first.values())
    record = read_manifest(open_store(str(tmp_path / "index"))).bank
    assert record is not None and record.of_model and set(record.hubs) <= first.keys() and record.hubs
    bank = tmp_path / "captions.txt"
    bank.write_text("a man walks\na dog\nsomething turns left\n")
    index(model=taught, query_bank=bank, place=str(tmp_path / "same" / "index"))
    assert biases(tmp_path / "same") == first, "as with a file of the same captions"
    # videos that come later get the same correction, from the model wherever it lies
    moved = TrainedModel(Path(shutil.move(taught.folder, tmp_path / "moved" / "motion")))
    write_clip(videos / "later.mp4", 60)
    done = index(model=moved)
    assert counts(done) == (1, 0, 0, 4) and note not in done.notes
    later = biases(tmp_path)
    assert later["videos/later.mp4"] != 0 and {name: later[name] for name in first} == first
    (moved.folder / CAPTIONS).unlink()
    with pytest.raises(InputError, match="keeps no captions of its training, and hubs are to be corrected"):
        index(model=moved)


@pytest.mark.slow
def test_hub_correction_is_switched_off_and_on(index: Index, taught: TrainedModel, tmp_path: Path):
    index(model=taught, hub_correction=False)
    assert not any(biases(tmp_path).values())
    assert read_manifest(open_store(str(tmp_path / "index"))).bank is None
    assert counts(index(model=taught)) == (0, 0, 0, 4), "it stays off"
    assert counts(index(model=taught, hub_correction=True)) == (0, 4, 0, 0)
    assert all(biases(tmp_path).values())
    assert counts(index(model=taught)) == (0, 0, 0, 4), "it stays on"
    assert counts(index(model=taught, hub_correction=False)) == (0, 4, 0, 0)
    assert not any(biases(tmp_path).values())


@pytest.mark.slow
def test_an_index_of_two_models(index: Index, taught: TrainedModel, tmp_path: Path, videos: Path):
    """Shares and biases come at the end of the first run, and stay; so do videos that one of the models cannot read."""
    write_clip(videos / "loud.mp4", 70, sound=True)
    other = TrainedModel(write_model(tmp_path / "both", experts=("motion", "audio"), seed=1))
    done = index(model=Blend([taught, other]))
    assert counts(done) == (5, 0, 0, 0)
    assert done.notes[-1].endswith("added, with equal weights: student 0.5, student-2 0.5")
    manifest = read_manifest(open_store(str(tmp_path / "index")))
    assert manifest.blend is not None and set(manifest.blend) == {"student", "student-2"}
    assert sorted(manifest.spaces) == ["student-2:audio", "student-2:motion", "student:motion"]
    first = biases(tmp_path)
    assert all(first.values()) and manifest.bank is not None and manifest.bank.hubs
    results = Searcher(str(tmp_path / "index")).search("something moves", k=9).results
    assert len(results) == 5
    alone = {id(model): index_scores(index, model, tmp_path / str(n)) for n, model in enumerate((taught, other))}
    for result in results:
        parts = zip(manifest.blend.values(), alone.values(), strict=True)
        assert result.score == pytest.approx(sum(share * scores[result.item.id] for share, scores in parts), abs=1e-5)
    write_clip(videos / "later.mp4", 60)
    done = index(model=Blend([taught, other]))
    assert counts(done) == (1, 0, 0, 5) and done.notes == []
    assert read_manifest(open_store(str(tmp_path / "index"))).blend == manifest.blend
    later = biases(tmp_path)
    assert later["videos/later.mp4"] != 0 and {name: later[name] for name in first} == first
    with pytest.raises(InputError, match=r"the index was made by model 'student \+ student-2'"):
        index(model=taught)
    with pytest.raises(InputError, match="is one model, and the index holds student"):
        Searcher(str(tmp_path / "index"), model=taught.folder)


def index_scores(index: Index, model: TrainedModel, place: Path) -> dict[str, float]:
    index(model=model, place=str(place), hub_correction=False)
    results = Searcher(str(place), model=model).search("something moves", k=9).results
    return {result.item.id: result.score for result in results}


def test_a_file_name_that_is_not_utf8_is_set_aside(index: Index, videos: Path, tmp_path: Path):
    name = videos / "caf\udce9.mp4"
    try:
        shutil.copy(videos / "v0.mp4", name)
    except OSError:
        pytest.skip("this file system takes no such name")
    done = index()
    assert len(done.failed) == 1 and "UTF-8" in str(done.failed[0])
    assert done.added == 4


@pytest.mark.parametrize("name", ["results.json", "config.yaml", "model.safetensors"])
def test_a_new_index_is_not_made_in_the_folder_of_a_run_or_model(tmp_path: Path, name: str):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).touch()
    with pytest.raises(InputError, match=rf"run holds a run or a model \({name}\): give another folder"):
        check_new(tmp_path / "videos", open_store(tmp_path / "run"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == [name]


def test_a_new_index_needs_videos(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no videos"):
        check_new(tmp_path / "empty", open_store(tmp_path / "index"))
    assert not (tmp_path / "index").exists()


def test_a_query_bank_that_is_not_there_leaves_no_folder(index: Index, tmp_path: Path):
    with pytest.raises(InputError, match=r"none\.txt cannot be read"):
        index(query_bank=tmp_path / "none.txt")
    assert not (tmp_path / "index").exists() and not (tmp_path / "features").exists()


def test_what_is_no_folder_is_refused_before_a_model_is_loaded(tmp_path: Path):
    file = tmp_path / "v.mp4"
    file.write_bytes(b"x")
    for place in (file, tmp_path / "gone", Path("/dev/null")):
        with pytest.raises(InputError, match="is not a folder"):
            check_new(place, open_store(tmp_path / "index"))
    assert not (tmp_path / "index").exists()
