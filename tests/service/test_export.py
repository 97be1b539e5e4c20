"""Chosen videos as CSV, JSON and a playlist."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest
from entries import heard
from served import HOST, SCRIPT, Made
from starlette.testclient import TestClient

from teachtext.search.filters import Filter
from teachtext.search.types import Item, Segment
from teachtext.service.export import Chosen, Stretch, export
from teachtext.service.state import Library

Serve = Callable[..., TestClient]


@pytest.fixture
def with_film(made: Made, library: Library) -> Library:
    """An index in which v1 is a film of 40 s whose middle is like v2, and words are heard in v0."""
    store = library.searcher.store
    entries = store.get([f"videos/v{number}.mp4" for number in range(3)])
    first, film, other = (entries[f"videos/v{number}.mp4"] for number in range(3))
    middle = other.segments[0].vectors
    ends = {name: -vector for name, vector in middle.items()}
    with store.writing():
        store.put(
            [
                replace(first, item=replace(first.item, moments=(heard("buy some bread", 0.2),))),
                replace(
                    film,
                    item=replace(film.item, duration_s=40.0),
                    segments=[Segment(0, 10, ends), Segment(10, 20, middle), Segment(20, 40, ends)],
                ),
            ]
        )
    return library


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_csv_has_a_line_for_each_place_in_the_order_of_the_search(with_film: Library, serve: Serve):
    client = serve()
    query = with_film.searcher.search("something moves", k=7)
    ids = [result.item.id for result in query.results][::-1]
    answer = client.post("/export", data={"id": ids, "q": "something moves", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="videos.csv"'
    exported = lines(answer.text)
    assert list(dict.fromkeys(row["video"] for row in exported)) == ids[::-1], "best first"
    by_id = {result.item.id: result for result in query.results}
    places = by_id["videos/v1.mp4"].places
    of_film = [row for row in exported if row["video"] == "videos/v1.mp4"]
    assert [(float(row["start_s"]), float(row["end_s"])) for row in of_film] == [
        (place.start_s, place.end_s) for place in places
    ]
    for row in exported:
        best = by_id[row["video"]]
        assert float(row["score"]) <= best.score + 1e-4
        assert row["match"] in ("strong", "weaker")
        assert client.get(row["address"].removeprefix(HOST)).status_code == 200


def test_best_places_first_is_one_ranking_of_the_places_of_all_chosen_videos(with_film: Library, serve: Serve):
    ids = [f"videos/v{number}.mp4" for number in range(4)]
    form = {"id": ids, "q": "some bread", "format": "csv", "group_by": "moment"}
    rows = lines(serve().post("/export", data=form).text)
    answer = with_film.searcher.search("some bread", k=99, where=Filter(ids=frozenset(ids)), group_by="moment")
    assert [(row["video"], row["start_s"], row["score"]) for row in rows] == [
        (result.item.id, f"{result.places[0].start_s:.2f}", f"{result.score:.4f}") for result in answer.results
    ]
    assert {row["video"] for row in rows} == set(ids)
    assert [row["words"] for row in rows if row["video"] == "videos/v0.mp4"] == ["buy some bread"]
    assert {row["words"] for row in rows if row["video"] != "videos/v0.mp4"} == {""}
    plain = json.loads(serve().post("/export", data={**form, "format": "json"}).text)["videos"]
    assert [each["places"][0]["start_s"] for each in plain] == [float(row["start_s"]) for row in rows]
    assert all(len(each["places"]) == 1 for each in plain)
    # words alone find one of the videos; the others stand behind it, whole
    rows = lines(serve().post("/export", data={**form, "q": "bread", "by": "words"}).text)
    assert [row["video"] for row in rows] == ids and rows[1]["score"] == "" and rows[1]["end_s"] == "40.00"


def test_the_page_offers_the_ranking_of_places_with_a_query_alone(serve: Serve):
    client, box = serve(), 'name="group_by" value="moment"'
    assert box in client.get("/", params={"q": "something moves"}).text
    assert box not in client.get("/").text and box not in client.get("/like?video=videos/v1.mp4").text


def test_without_a_query_videos_are_whole_and_in_the_order_of_their_choice(with_film: Library, serve: Serve):
    exported = lines(
        serve().post("/export", data={"id": ["videos/v2.mp4", "videos/v1.mp4", "videos/v2.mp4"], "format": "csv"}).text
    )
    assert [(row["video"], row["score"], row["match"]) for row in exported] == [
        ("videos/v2.mp4", "", ""),
        ("videos/v1.mp4", "", ""),
    ]
    assert [row["start_s"] for row in exported] == ["0.00", "0.00"] and exported[1]["end_s"] == "40.00"


def test_json_has_places_and_words(with_film: Library, serve: Serve):
    answer = serve().post("/export", data={"id": ["videos/v0.mp4", "videos/v1.mp4"], "q": "bread", "format": "json"})
    exported = json.loads(answer.text)
    assert exported["query"] == "bread"
    spoken = next(video for video in exported["videos"] if video["video"] == "videos/v0.mp4")
    assert spoken["words"] == [{"start_s": 0.2, "end_s": pytest.approx(1.7), "how": "said", "text": "buy some bread"}]
    assert spoken["match"] == "strong" and len(spoken["places"]) == 1
    assert spoken["address"] == f"{HOST}/api/files/videos/v0.mp4"


def test_a_playlist_starts_and_stops_at_places(with_film: Library, serve: Serve):
    result = next(
        result
        for result in with_film.searcher.search("something moves", k=7).results
        if result.item.id == "videos/v1.mp4"
    )
    text = serve().post("/export", data={"id": "videos/v1.mp4", "q": "something moves", "format": "m3u8"}).text
    expected = ["#EXTM3U"]
    for place in result.places:
        expected.append(f"#EXTINF:{round(place.end_s - place.start_s)},v1")
        expected += [f"#EXTVLCOPT:start-time={place.start_s:.2f}"] if place.start_s else []
        expected += [f"#EXTVLCOPT:stop-time={place.end_s:.2f}"] if place.end_s < 40 else []
        expected.append(f"{HOST}/api/files/videos/v1.mp4")
    assert text.splitlines() == expected


def test_addresses_lead_to_the_service_behind_a_proxy(serve: Serve):
    client = serve(root_path="/videos")
    assert 'action="/videos/export"' in client.get("/").text
    exported = json.loads(client.post("/export", data={"id": "videos/v0.mp4", "format": "json"}).text)
    assert exported["videos"][0]["address"] == f"{HOST}/videos/api/files/videos/v0.mp4"


@pytest.mark.parametrize("form", ["csv", "json", "m3u8"])
def test_names_of_strangers_are_one_cell_and_one_line(serve: Serve, form: str):
    name = f"videos/{SCRIPT}"
    text = serve().post("/export", data={"id": name, "format": form}).text
    if form == "csv":
        assert [row["video"] for row in lines(text)] == [name]
    elif form == "json":
        assert json.loads(text)["videos"][0]["video"] == name
    else:
        assert len(text.splitlines()) == 3 and text.splitlines()[-1].endswith(quote(name, safe="/"))


def test_a_spreadsheet_takes_no_name_for_a_formula_and_a_title_stays_in_its_line():
    item = Item(id="=HYPERLINK(1).mp4", content="", made="", added_s=0, size=9)
    video = Chosen(
        item=item,
        title="two\nlines\n#EXTVLCOPT:x",
        address="http://here/api/files/a",
        stretches=[Stretch(start_s=0.0, end_s=None)],
    )
    row = lines(export([video], "csv", text=""))[0]
    assert row["video"] == "'=HYPERLINK(1).mp4" and row["title"] == "two\nlines\n#EXTVLCOPT:x" and row["end_s"] == ""
    assert export([video], "m3u8", text="").splitlines() == [
        "#EXTM3U",
        r"#EXTINF:-1,two\nlines\n#EXTVLCOPT:x",
        "http://here/api/files/a",
    ]


@pytest.mark.parametrize(
    ("form", "status", "problem"),
    [
        ({"format": "csv"}, 422, "No video is chosen"),
        ({"format": "csv", "id": "videos/none.mp4"}, 404, "holds no video"),
        ({"format": "exe", "id": "videos/v1.mp4"}, 422, "format"),
        ({"format": "csv", "id": "videos/v1.mp4", "q": "x" * 200_000}, 422, "query"),
    ],
)
def test_what_cannot_be_exported_is_said_on_a_page(reader: TestClient, form: dict[str, str], status: int, problem: str):
    answer = reader.post("/export", data=form)
    assert answer.status_code == status and problem in answer.text and "<h1>" in answer.text


def test_another_site_exports_nothing(reader: TestClient):
    form = {"format": "csv", "id": "videos/v1.mp4"}
    assert reader.post("/export", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
