"""Searches that also ask what a writer writes: `/api/v1/search?expand=true`."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, chat_server
from served import HOST, Made
from starlette.testclient import TestClient

from teachtext.learning.trained_model import TrainedModel
from teachtext.rewriting.chat_writer import ChatWriter
from teachtext.search.expansion import Expander
from teachtext.search.searcher import Searcher
from teachtext.service.app import create_app
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

TEXT = "a red ball moves to the left"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as state:
        state.says("a crimson ball rolls\nsomething else entirely")
        yield state


@pytest.fixture
def client(made: Made, trained: TrainedModel, server: ChatServer) -> Iterator[TestClient]:
    """A service whose writer is `server` and has half a second."""
    place: Path = made.place
    library = Library(
        Searcher(place, model=trained),
        uploads=place / "uploads",
        features=place / "features",
        thumbnails=place / "thumbnails",
        expander=Expander(ChatWriter(f"{server.url}#small"), seconds=0.5),
    )
    app = create_app(library=library, uploads=Uploads(library=library, most_bytes=2**20))
    with TestClient(app, base_url=HOST, raise_server_exceptions=False, follow_redirects=False) as opened:
        yield opened


def ask(client: TestClient, **parameters: Any) -> Any:
    return client.get("/api/v1/search", params={"text": TEXT, **parameters})


def without_time(answer: Any) -> dict[str, Any]:
    return {key: value for key, value in answer.json().items() if key not in ("seconds", "next")}


def test_written_queries_are_asked_and_shown(client: TestClient, server: ChatServer):
    answer = ask(client, expand=True).json()
    assert sorted(answer["written"]) == ["a crimson ball rolls", "something else entirely"] and not answer["notes"]
    plain = ask(client).json()
    assert not plain["written"] and len(server.requests) == 1
    scores = {result["id"]: result["score"] for result in plain["results"]}
    assert {result["id"]: result["score"] for result in answer["results"]} == scores


def test_the_parts_of_a_list_come_from_the_same_queries(client: TestClient, server: ChatServer):
    whole = [result["id"] for result in ask(client, expand=True).json()["results"]]
    first = ask(client, expand=True, count=3).json()
    server.says("another answer")
    rest = ask(client, expand=True, count=10, cursor=first["next"]).json()
    assert [result["id"] for part in (first, rest) for result in part["results"]] == whole
    # a cursor belongs to one question
    assert "another search" in ask(client, cursor=first["next"]).json()["problem"]


def test_a_slow_writer_costs_no_more_than_its_time(client: TestClient, server: ChatServer):
    plain = without_time(ask(client))
    server.wait_s = 5.0
    started = time.monotonic()
    answer = ask(client, expand=True)
    assert answer.status_code == 200 and time.monotonic() - started < 4
    slow = without_time(answer)
    assert "did not answer within 0.5 s" in slow.pop("notes")[0]
    assert slow == {key: value for key, value in plain.items() if key != "notes"}


def test_markup_comes_back_as_text(client: TestClient, server: ChatServer):
    server.says("<script>alert(1)</script>")
    answer = ask(client, expand=True)
    assert answer.json()["written"] == ["<script>alert(1)</script>"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"by": "words"}, "by words alone"),
        ({"group_by": "moment"}, "and not moments"),
        ({"text": " "}, "the query is empty"),
        ({"writer": "wordnet"}, "parameter 'writer'"),
        ({"queries": 5}, "parameter 'queries'"),
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, server: ChatServer, parameters: Any, problem: str):
    answer = ask(client, expand=True, **parameters)
    assert answer.status_code == 422 and problem in answer.json()["problem"]
    assert not server.requests


def test_a_service_without_a_writer_says_so(reader: TestClient):
    answer = ask(reader, expand=True)
    assert answer.status_code == 422
    assert answer.json() == {
        "problem": "this service has no writer of queries",
        "mend": "have it started with --writer, or do not expand",
    }
