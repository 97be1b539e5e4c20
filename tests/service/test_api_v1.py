"""Version 1 of the API: the list, several searches at once, embeddings, tags, jobs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from served import Made
from starlette.testclient import TestClient

from teachtext.learning.trained_model import TrainedModel

Serve = Callable[..., TestClient]

pytestmark = pytest.mark.server


def test_the_list_comes_in_parts_without_gaps(reader: TestClient):
    whole = reader.get("/api/v1/videos").json()
    ids = [video["id"] for video in whole["videos"]]
    assert whole["total"] == len(ids) == 7 and whole["next"] is None and ids == sorted(ids)
    parts, cursor = [], ""
    while cursor is not None:
        part = reader.get("/api/v1/videos", params={"count": 2, "cursor": cursor}).json()
        parts += [video["id"] for video in part["videos"]]
        cursor = part["next"]
    assert parts == ids
    for video in whole["videos"]:
        assert reader.get(video["thumbnail_url"]).status_code == reader.get(video["file_url"]).status_code == 200
    assert reader.get("/api/v1/videos", params={"filter": "tag=none"}).json() == {
        "total": 0,
        "videos": [],
        "next": None,
    }
    assert reader.get("/api/v1/videos", params={"page": 2}).status_code == 422


def test_several_searches_are_those_of_single_ones(reader: TestClient):
    asked = [{"text": "a dog", "count": 3}, {"text": "v2", "by": "words"}, {"text": "a", "filter": ["tag=none"]}]
    answers = reader.post("/api/v1/searches", json={"searches": asked}).json()
    for one, answer in zip(asked, answers, strict=True):
        single = reader.get("/api/search", params=one).json()
        assert answer["results"] == single["results"] and answer["videos"] == 7
    assert reader.post("/api/v1/searches", json={"searches": [{"text": "a", "k": 3}]}).status_code == 422
    for body in ({"searches": []}, {"searches": [{"text": ""}]}, {"searches": [{"text": "a"}] * 33}, [], "x"):
        answer = reader.post("/api/v1/searches", json=body)
        assert answer.status_code == 422 and set(answer.json()) == {"problem", "mend"}


def test_embeddings_are_those_of_the_model(reader: TestClient, trained: TrainedModel):
    texts = ["a dog", "a cat", "a dog"]
    embedded = reader.post("/api/v1/embeddings", json={"texts": texts}).json()
    assert [each["text"] for each in embedded] == texts and embedded[0] == embedded[2]
    query = trained.embed_query("a cat")
    for space, vector in query.vectors.items():
        # together with others, values differ by a rounding
        assert embedded[1]["vectors"][space] == pytest.approx(vector.tolist(), abs=1e-6)
        assert math.isclose(np.linalg.norm(embedded[1]["vectors"][space]), 1, abs_tol=1e-5)
    assert sum(embedded[1]["weights"].values()) == pytest.approx(1)


def test_tags_are_added_and_removed(client: TestClient):
    address = "/api/v1/tags/videos/v1.mp4"
    assert client.patch(address, json={"add": ["fun", "dog"], "remove": ["a&b"]}).json() == ["dog", "fun"]
    assert client.get("/api/videos/videos/v1.mp4").json()["tags"] in (["dog", "fun"], ["fun", "dog"])
    assert "dog" in client.get("/api/tags").json()
    assert client.patch("/api/v1/tags/videos/none.mp4", json={"add": ["x"]}).status_code == 404
    assert client.patch(address, json={"add": [""]}).status_code == 422


def test_jobs_are_listed(client: TestClient, made: Made, tmp_path: Any):
    from clips import write_clip

    assert client.get("/api/v1/jobs").json() == []
    clip = write_clip(tmp_path / "a.mp4", 5).read_bytes()
    sent = [client.post("/api/uploads", params={"name": f"{name}.mp4"}, content=clip).json()["id"] for name in "ab"]
    assert [job["id"] for job in client.get("/api/v1/jobs").json()] == sent[::-1]


def test_the_document_says_how_a_program_is_let_in(serve: Serve):
    headers = {"Authorization": "Bearer secret"}
    document = serve(token="secret").get("/api/openapi.json", headers=headers).json()
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert document["security"] == [{"token": []}] and document["paths"]["/api/health/live"]["get"]["security"] == []
    assert serve().get("/api/openapi.json").json()["security"] == []


def asked(reader: TestClient, **parameters: Any) -> Any:
    answer = reader.get("/api/v1/search", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("group_by", ["video", "moment"])
@pytest.mark.parametrize("text", ["a dog", "v3", "script alert"])
def test_a_search_comes_in_parts_without_gaps(reader: TestClient, text: str, group_by: str):
    whole = asked(reader, text=text, group_by=group_by, count=100)
    assert whole["next"] is None and whole["videos"] == 7
    parts, cursor = [], ""
    while cursor is not None:
        part = asked(reader, text=text, group_by=group_by, count=2, cursor=cursor)
        assert part["total_matching"] == whole["total_matching"]
        parts += part["results"]
        cursor = part["next"]
    assert parts == whole["results"] and len(parts) == 7
    if group_by == "video":
        assert parts == reader.get("/api/search", params={"text": text}).json()["results"]
    assert all(len(result["places"]) == 1 for result in parts), "each video is a clip"


def test_a_search_leaves_out_low_scores_and_counts_what_is_left(reader: TestClient):
    scores = sorted((result["score"] for result in asked(reader, text="a dog", by="model")["results"]), reverse=True)
    least = (scores[2] + scores[3]) / 2
    first = asked(reader, text="a dog", by="model", min_score=least, count=2)
    assert len(first["results"]) == 2 and first["total_matching"] <= 3
    rest = asked(reader, text="a dog", by="model", min_score=least, count=2, cursor=first["next"])
    assert len(rest["results"]) == 1 and rest["next"] is None
    assert asked(reader, text="a dog", filter="tag=none")["total_matching"] == 0


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"groupby": "moment"}, "the address has the parameter 'groupby'"),
        ({"group_by": "film"}, "'group_by' cannot be used"),
        ({"min_score": "2"}, "'min_score' cannot be used"),
        ({"min_score": "nan"}, "'min_score' cannot be used"),
        ({"count": "0"}, "'count' cannot be used"),
        ({"cursor": "7"}, "'7' is not a cursor"),
        ({"cursor": "2-0123456789ab"}, "the cursor is of another search"),
        ({"cursor": "99999-0123456789ab"}, "is not a cursor"),
        ({"text": " "}, "the query is empty"),
    ],
)
def test_what_a_search_cannot_use_is_named_with_its_mend(reader: TestClient, parameters: Any, problem: str):
    answer = reader.get("/api/v1/search", params={"text": "a dog", **parameters})
    assert answer.status_code == 422 and problem in answer.json()["problem"] and answer.json()["mend"]


def test_similar_videos_are_those_of_the_first_api(reader: TestClient):
    video = "videos/v1.mp4"
    similar = reader.get(f"/api/v1/similar/{video}", params={"count": 3}).json()
    assert similar["results"] == reader.get(f"/api/like/{video}", params={"count": 3}).json()["results"]
    assert reader.get("/api/v1/similar/videos/none.mp4").status_code == 404
