"""`teachtext.index` and `open_index`: the numbers of the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lancedb")
pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("wordllama")
from clips import write_clip, write_model
from scorers import write_scorer

import teachtext
from teachtext.search.reranking import Reranker

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).parent / "teachtext")


@pytest.fixture(scope="module")
def index(run: Any, tmp_path_factory: pytest.TempPathFactory) -> teachtext.Index:
    place = tmp_path_factory.mktemp("index") / "index"
    return teachtext.index(str(run.videos), model=teachtext.load(run.folder), place=place, tags=["toy"])


def test_a_search_gives_the_numbers_of_the_command_line(index: teachtext.Index, run: Any):
    arguments = [COMMAND, "search", "a ball moves", "--index", index.place, "--json", "-k", "3"]
    printed = json.loads(subprocess.run(arguments, capture_output=True, check=True).stdout)["results"]
    hits = index.search("a ball moves", k=3)
    assert len(hits) == 3
    for hit, record in zip(hits, printed, strict=True):
        assert (hit.video_id, str(hit.path)) == (record["id"], record["path"])
        # the command reads the query with the text side that the index keeps, without torch
        assert hit.score == pytest.approx(record["score"], abs=1e-5)
        assert hit.why == pytest.approx(record["why"], abs=1e-5)
    # the model's own similarity is the score
    model = teachtext.load(index.place)
    video = model.encode_video([hit.path for hit in hits])
    scores = model.similarity(model.encode_text("a ball moves"), video)[0].tolist()
    assert scores == pytest.approx([hit.score for hit in hits], abs=1e-5)


def test_an_index_is_opened_again_by_str_or_path(index: teachtext.Index, run: Any):
    for place in (index.place, Path(index.place)):
        again = teachtext.open_index(place)
        assert len(again) == 4 and [item.id for item in again] == [item.id for item in index.items]
        assert [hit.score for hit in again.search("a ball")] == [hit.score for hit in index.search("a ball")]
    assert index.indexed is not None and index.indexed.added == 4 and repr(index).endswith("4 videos)")
    first = index.items[0].id
    assert first not in [hit.video_id for hit in index.like(first)] and len(index.like(first, k=2)) == 2
    assert index.search("a ball", where="tag=holiday") == [] and len(index.search("a ball", where=["tag=toy"])) == 4
    assert teachtext.index(run.videos, place=index.place).indexed.unchanged == 4


def test_an_index_whose_model_is_gone_is_refused(index: teachtext.Index, run: Any, tmp_path: Path):
    model = Path(shutil.copytree(teachtext.load(run.folder).folder, tmp_path / "model"))
    place = teachtext.index(run.videos, model=model, place=tmp_path / "index").place
    moved = model.rename(tmp_path / "moved")
    for read in (teachtext.open_index, teachtext.load):
        with pytest.raises(teachtext.InputError, match=r"the model of this index is not in .*model any more"):
            read(place)
    assert len(teachtext.open_index(place, model=run.folder)) == 4
    with pytest.raises(teachtext.InputError, match="nope does not exist"):
        teachtext.open_index(place, model=tmp_path / "nope")
    assert len(teachtext.open_index(place, model=moved)) == len(teachtext.open_index(place, model=str(moved))) == 4
    with pytest.raises(teachtext.InputError, match="holds no index"):
        teachtext.open_index(tmp_path / "nothing")


def test_an_index_extracts_with_the_settings_of_the_training(tmp_path: Path):
    path = write_clip(tmp_path / "videos" / "clip.mp4", 3)
    settings = {"motion": {"per_second": 2}}
    vectors = {}
    for name, values in {"default": {}, "set": settings}.items():
        model = teachtext.load(write_model(tmp_path / name, settings=values))
        store = teachtext.index(path.parent, model=model, place=tmp_path / f"{name}-index").searcher.store
        (entry,) = store.get([item.id for item in store.catalog()]).values()
        vectors[name] = entry.segments[0].vectors["motion"]
        video = model.encode_video(path)
        np.testing.assert_allclose(vectors[name], video.vectors["motion"][0].numpy(), atol=1e-6)
    # the weights are the same, so that the difference comes from the features
    assert np.abs(vectors["set"] - vectors["default"]).max() > 1e-3
    folders = {
        folder.name for folder in (tmp_path / "set-index" / "features" / "video-normal").iterdir() if folder.is_dir()
    }
    assert len(folders) == 1 and "motion" not in folders


def test_results_have_places_and_low_scores_can_be_left_out(run: Any, tmp_path: Path):
    index = teachtext.index(run.videos, model=run.folder, place=tmp_path / "index")
    hits = index.search("a ball moves", by="model")
    assert len(hits) == 4
    assert all(hit.places[0].start_s == 0 and hit.places[0].score == hit.score for hit in hits)
    bound = hits[1].score
    kept = index.search("a ball moves", by="model", least_score=bound)
    assert [hit.video_id for hit in kept] == [hit.video_id for hit in hits if hit.score >= bound]
    assert all(isinstance(hit.is_strong, bool) for hit in hits)
    moments = index.search("a ball moves", by="model", group_by="moment")
    assert [(hit.video_id, hit.places) for hit in moments] == [(hit.video_id, hit.places[:1]) for hit in hits]
    with pytest.raises(teachtext.InputError, match="group_by"):
        index.search("a ball moves", group_by="film")  # type: ignore[arg-type]


def test_an_index_of_two_models(run: Any, tmp_path: Path):
    other = teachtext.load(write_model(tmp_path / "other", seed=3))
    index = teachtext.index(run.videos, model=[run.folder, other], place=tmp_path / "index")
    again = teachtext.open_index(index.place)
    hits = again.search("a ball moves")
    assert [hit.score for hit in hits] == [hit.score for hit in index.search("a ball moves")]
    assert hits[0].why.keys() == {"student:motion", "student-2:motion"}
    assert teachtext.index(run.videos, place=index.place).indexed.unchanged == 4
    assert len(teachtext.open_index(index.place, model=[teachtext.load(run.folder), other.folder])) == 4
    with pytest.raises(teachtext.InputError, match="is an index of several models: student"):
        teachtext.load(index.place)
    with pytest.raises(teachtext.InputError, match="the list of models is empty"):
        teachtext.index(run.videos, model=[], place=tmp_path / "index2")
    printed = subprocess.run(
        [COMMAND, "search", "a ball moves", "--index", index.place, "--json"], capture_output=True, check=True
    ).stdout
    assert [record["id"] for record in json.loads(printed)["results"]] == [hit.video_id for hit in hits]


def test_a_slow_scorer_ranks_anew(index: teachtext.Index, tmp_path: Path):
    scorer = write_scorer(tmp_path / "scorer", {"motion": 243})
    plain = {hit.video_id: hit.score for hit in index.search("a ball moves", by="model")}
    anew = {hit.video_id: hit.score for hit in index.search("a ball moves", by="model", rerank=scorer)}
    assert anew == plain
    reranker = Reranker(scorer, index.place, index.searcher.manifest, share=1.0)
    assert [hit.video_id for hit in index.search("a ball moves", by="model", rerank=reranker)] != list(plain)
    with pytest.raises(teachtext.InputError, match="ranks videos, and not moments"):
        index.search("a ball moves", rerank=scorer, group_by="moment")
