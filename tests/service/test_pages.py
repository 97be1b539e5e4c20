"""What the pages answer: browsing, filters, equal files, the log-in that leads back, and addresses that are none."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from clips import write_clip
from served import HOST, Made
from starlette.testclient import TestClient

from teachtext.learning.trained_model import TrainedModel
from teachtext.search.indexing import index_folder
from teachtext.search.searcher import Searcher
from teachtext.search.stores import open_store
from teachtext.service.app import create_app
from teachtext.service.page_forms import own_address
from teachtext.service.querylog import QueryLog, pairs
from teachtext.service.state import Library

Serve = Callable[..., TestClient]

pytestmark = pytest.mark.server


def names(page: str) -> list[str]:
    return re.findall(r'<h2><a href="/video\?id=videos%2F([^"&]*)', page)


def test_filters_hold_without_words(reader: TestClient):
    everything = reader.get("/").text
    assert len(names(everything)) == 7
    assert len(names(reader.get("/", params={"tag": "a&b"}).text)) == 7
    assert names(reader.get("/", params={"tag": "other"}).text) == []
    assert names(reader.get("/", params={"speech": "yes"}).text) == []
    assert len(names(reader.get("/", params={"speech": "no", "longest": "9"}).text)) == 7
    assert names(reader.get("/", params={"shortest": "9"}).text) == []
    nothing = reader.get("/", params={"shortest": "9", "tag": "a&b"}).text
    assert "No video fits" in nothing and 'href="/?tag=a%26b"' in nothing and 'href="/?shortest=9"' in nothing


def test_the_list_has_an_order(reader: TestClient):
    by_name = names(reader.get("/", params={"sort": "name"}).text)
    assert [name for name in by_name if name.startswith("v")] == [f"v{number}.mp4" for number in range(6)]
    newest, oldest = (names(reader.get("/", params={"sort": order}).text) for order in ("newest", "oldest"))
    assert newest == oldest[::-1]
    assert reader.get("/", params={"sort": "magic"}).status_code == 422


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"shortest": "abc"}, "is not a length"),
        ({"longest": "1e999"}, "is not a length"),
        ({"q": "dog", "after": "yesterday"}, "is not a day"),
    ],
)
def test_a_filter_that_cannot_be_read_is_said_in_its_own_words(reader: TestClient, query: dict[str, str], problem: str):
    answer = reader.get("/", params=query)
    assert answer.status_code == 422 and problem in answer.text
    assert ("duration" not in answer.text and 'value="dog"' in answer.text) or "q" not in query


def test_an_address_without_a_page_is_said_on_a_page(reader: TestClient):
    answer = reader.get("/nowhere")
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
    assert "There is no page at this address" in answer.text
    assert set(reader.get("/api/nowhere").json()) == {"problem", "mend"}


@pytest.mark.parametrize(
    "path", ["/", "/?q=dog", "/api/health/live", "/api/health/ready", "/api/videos/videos/v1.mp4", "/nowhere"]
)
def test_head_answers_what_get_does_without_its_body(reader: TestClient, path: str):
    head, get = reader.head(path), reader.get(path)
    assert head.status_code == get.status_code and head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]


def test_head_of_a_file_says_its_length(reader: TestClient, made_once: Made):
    head = reader.head("/api/files/videos/v1.mp4")
    assert head.content == b"" and int(head.headers["content-length"]) == (made_once.videos / "v1.mp4").stat().st_size
    assert reader.head("/api/captions").status_code == 405


def test_a_click_on_a_moment_is_logged_as_a_choice(
    made: Made, trained: TrainedModel, library: Library, serve: Serve, tmp_path: Path
):
    from dataclasses import replace

    from entries import heard

    store = library.searcher.store
    with store.writing():
        entry = store.get(["videos/v1.mp4"])["videos/v1.mp4"]
        store.put([replace(entry, item=replace(entry.item, made="x", moments=(heard("some bread", 0.2),)))])
    log = tmp_path / "queries.jsonl"
    client = serve(log=QueryLog(log))
    page = client.get("/", params={"q": "bread"}).text
    (link,) = re.findall(r'class="moment">said at <a href="([^"]*)"', page)
    assert client.get(link.replace("&amp;", "&")).status_code == 200
    assert pairs(log) == [("videos/v1.mp4", "bread", 1)]


def test_the_log_in_leads_back_and_one_can_log_out(serve: Serve):
    client = serve(token="secret")
    asked = client.get("/video?id=videos%2Fv1.mp4&t=2", headers={"Accept": "text/html"})
    assert asked.headers["location"] == "/login?next=" + quote("/video?id=videos%2Fv1.mp4&t=2", safe="")
    form = client.get(asked.headers["location"]).text
    (back,) = re.findall(r'name="next" value="([^"]*)"', form)
    assert client.get("/api/tags").status_code == 401
    logged_in = client.post("/login", data={"shown": "secret", "next": back.replace("&amp;", "&")})
    assert logged_in.headers["location"] == "/video?id=videos%2Fv1.mp4&t=2"
    assert "Log out" in client.get("/").text
    assert client.post("/logout").headers["location"] == "/login"
    assert client.get("/api/tags").status_code == 401


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example/", "/\\evil.example", "/\t/evil.example", "javascript:0", ""]
)
def test_the_log_in_leads_to_no_other_site(serve: Serve, address: str):
    client = serve(token="secret")
    assert client.post("/login", data={"shown": "secret", "next": address}).headers["location"] == "/"
    assert own_address(address) == "/"


@pytest.fixture
def copies(tmp_path: Path, trained: TrainedModel) -> Library:
    folder = tmp_path / "clips"
    for name in ("b", "c", "d"):
        write_clip(folder / f"{name}.mp4", ord(name))
    for name in ("b2", "b3"):
        shutil.copy(folder / "b.mp4", folder / f"{name}.mp4")
    place = tmp_path / "index"
    index_folder(folder, open_store(str(place)), trained, place / "features")
    searcher = Searcher(place, model=trained)
    return Library(searcher, uploads=place / "uploads", features=place / "features", thumbnails=place / "thumbnails")


@pytest.mark.slow
def test_equal_files_are_one_card_and_the_api_keeps_all(copies: Library):
    from teachtext.service.uploads import Uploads

    app = create_app(library=copies, uploads=Uploads(library=copies, most_bytes=2**20))
    with TestClient(app, base_url=HOST) as client:
        page = client.get("/", params={"q": "a dog"}).text
        assert page.count('class="card"') == 3 and "All of 5 videos, copies once (" in page
        assert page.count("3 copies") == 1 and all(f"clips/b{number}.mp4" in page for number in ("", "2", "3"))
        assert client.get("/").text.count('class="card"') == 3
        assert "copies=all" in page and "copies=all" in client.get("/").text
        every = client.get("/", params={"q": "a dog", "copies": "all"}).text
        assert every.count('class="card"') == 5 == client.get("/?copies=all").text.count('class="card"')
        assert "copies one by one" in every and "show all" not in every
        assert len(client.get("/api/search", params={"text": "a dog"}).json()["results"]) == 5


def test_the_list_says_where_it_ends(reader: TestClient, monkeypatch: pytest.MonkeyPatch):
    for module in ("pages", "state"):
        monkeypatch.setattr(f"teachtext.service.{module}.DEEPEST", 5)
    page = reader.get("/", params={"q": "a dog"}).text
    assert page.count('class="card"') == 5
    assert "The list ends here: a search shows 5 of 7 videos at most" in page


def test_numbers_have_their_nouns(reader: TestClient):
    nothing = reader.get("/", params={"q": "a dog", "longest": "0.1"}).text
    assert "Nothing was found: no video fits the filters." in nothing
    assert "7 videos" in reader.get("/").text and "0.5 s" in reader.get("/").text


def test_a_card_has_a_title_the_file_name_and_why(made: Made, library: Library, serve: Serve):
    from dataclasses import replace

    from entries import heard

    (made.videos / "v1.info.json").write_text('{"title": "Anna bakes <bread>"}')
    try:
        store = library.searcher.store
        with store.writing():
            entry = store.get(["videos/v2.mp4"])["videos/v2.mp4"]
            item = replace(entry.item, made="x", moments=(heard("Buy some bread. And milk.", 0.2),))
            store.put([replace(entry, item=item)])
        client = serve()
        page = client.get("/", params={"q": "bread"}).text
        assert "Anna bakes &lt;bread&gt;" in page and '<p class="file">v1.mp4</p>' in page
        assert "“Buy some bread.”" in page and "said at" in page and "<mark>bread</mark>" in page
        assert "in the file name: <mark>v2</mark>" in client.get("/", params={"q": "v2", "by": "words"}).text
        start = client.get("/").text
        assert "Anna bakes &lt;bread&gt;" in start and "Buy some bread" in start
        assert 'href="/?q=Buy%20some%20bread.%20And"' in start, "an example that this index can answer"
        assert "Anna bakes" in client.get("/video", params={"id": "videos/v1.mp4"}).text
    finally:
        (made.videos / "v1.info.json").unlink()


def test_a_film_shows_its_best_places_and_a_strip(made: Made, library: Library, serve: Serve):
    from dataclasses import replace

    from teachtext.search.types import Entry, Segment

    store = library.searcher.store
    with store.writing():
        entries = list(store.get([f"videos/v{number}.mp4" for number in range(4)]).values())
        segments = [
            Segment(10.0 * number, 10.0 * number + 10, entry.segments[0].vectors)
            for number, entry in enumerate(entries)
        ]
        film = replace(entries[0].item, id="videos/film.mp4", content="f" * 16, made="x", duration_s=40.0)
        store.put([Entry(film, segments)])
    client = serve()
    page = client.get("/", params={"q": "something moves"}).text
    assert page.count('class="card wide"') == 1 and page.count('<svg class="strip"') == 1
    heat = client.get("/api/v1/videos/videos/film.mp4/heat", params={"text": "something moves"}).json()
    assert [(place["start_s"], place["end_s"]) for place in heat["segments"]] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    result = next(
        result
        for result in client.get("/api/search", params={"text": "something moves"}).json()["results"]
        if result["id"] == "videos/film.mp4"
    )
    assert max(place["score"] for place in heat["segments"]) == pytest.approx(result["score"], abs=1e-5)
    best = heat["places"][0]
    shown = client.get("/video", params={"id": "videos/film.mp4", "q": "something moves"}).text
    first = re.findall(r'class="places".*?data-seek="([0-9.]+)"', shown, re.DOTALL)[0]
    assert float(first) == best["start_s"] and "Search in this video" in shown
    assert client.get("/api/v1/videos/videos/film.mp4/heat").status_code == 422
    assert "Search in this video" not in client.get("/video", params={"id": "videos/v1.mp4"}).text
