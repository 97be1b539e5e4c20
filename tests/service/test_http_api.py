import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from clips import write_clip
from processes import wait_until
from served import SCRIPT, Made
from starlette.testclient import TestClient

from teachtext.errors import Unavailable
from teachtext.service.rates import rate_of
from teachtext.service.state import Library

Serve = Callable[..., TestClient]

pytestmark = pytest.mark.server


def problem_of(answer: Any) -> str:
    problem = answer.json()
    assert set(problem) == {"problem", "mend"} and all(problem.values())
    return str(problem["problem"])


def wait_for(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    def state() -> dict[str, Any]:
        return client.get(f"/api/uploads/{job['id']}").json()  # type: ignore[no-any-return]

    wait_until(lambda: state()["state"] not in ("waiting", "indexing"), "the upload is never done")
    return state()


def test_a_search_tells_what_was_found_and_why(client: TestClient):
    answer = client.get("/api/search", params={"text": "something moves", "count": 3}).json()
    assert answer["videos"] == 7 and answer["exact"] and len(answer["results"]) == 3
    for result in answer["results"]:
        assert sum(result["why"].values()) == pytest.approx(result["score"], abs=1e-5) and result["there"]
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_pages_are_parts_of_one_ranking(client: TestClient):
    def ids(first: int, count: int) -> list[str]:
        answer = client.get("/api/search", params={"text": "a dog", "first": first, "count": count})
        return [result["id"] for result in answer.json()["results"]]

    assert ids(0, 2) + ids(2, 2) + ids(4, 10) == ids(0, 7) and len(set(ids(0, 7))) == 7
    assert ids(7, 5) == []


def test_filters_are_those_of_the_command_line(client: TestClient):
    def count(*filters: str) -> int:
        return len(client.get("/api/search", params={"text": "a dog", "filter": filters}).json()["results"])

    assert (count("tag=a&b"), count("tag=other"), count("duration<=0.1"), count("speech=no")) == (7, 0, 0, 7)
    assert count("tag=a' OR '1'='1") == 0 and count('tag=") or true or ("') == 0
    assert client.get("/api/search", params={"text": "a", "filter": "nonsense"}).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"text": ""},
        {"text": "  "},
        {"text": "a" * 20_000},
        {},
        {"text": "a", "count": 0},
        {"text": "a", "count": -1},
        {"text": "a", "count": 10**9},
        {"text": "a", "first": 10**30},
        {"text": "a", "first": 999, "count": 999},
        {"text": "a", "by": "magic"},
    ],
)
def test_a_query_that_cannot_be_searched_is_refused(client: TestClient, query: dict[str, Any]):
    answer = client.get("/api/search", params=query)
    assert answer.status_code == 422
    assert problem_of(answer)


def test_a_query_of_half_a_character_is_answered(client: TestClient):
    """The bytes are not UTF-8, and are read as the replacement character."""
    half = "\ud800".encode("utf-8", "surrogatepass")
    assert client.get("/api/search", params={"text": half}).status_code == 200


@pytest.mark.parametrize("text", ["😀🎉", "犬がボールを追う", "'; DROP TABLE videos; --", "<script>", "%00", "\x00"])
def test_any_other_words_are_answered(client: TestClient, text: str):
    assert client.get("/api/search", params={"text": text, "count": 5}).status_code == 200
    assert client.get("/", params={"q": text}).status_code == 200


def test_like_leaves_itself_out_and_captions_are_ranked(client: TestClient):
    results = client.get("/api/like/videos/v1.mp4").json()["results"]
    assert len(results) == 6 and "videos/v1.mp4" not in [result["id"] for result in results]
    assert client.get("/api/like/videos/none.mp4").status_code == 404
    ranked = client.post("/api/captions", json={"video": "videos/v1.mp4"}).json()
    assert {result["text"] for result in ranked} == {"something moves", "nothing at all"}
    sent = client.post(
        "/api/captions", json={"video": "videos/v1.mp4", "captions": ["a dog", "a cat", "a dog"], "k": 2}
    )
    scores = [result["score"] for result in sent.json()]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True)
    results = client.get("/api/search", params={"text": sent.json()[0]["text"], "filter": "id=videos/v1.mp4"}).json()
    assert results["results"][0]["score"] == pytest.approx(scores[0], abs=1e-5), "both ways give one similarity"


def test_a_file_comes_whole_or_in_part(client: TestClient, made: Made):
    whole = (made.videos / "v0.mp4").read_bytes()
    assert client.get("/api/files/videos/v0.mp4").content == whole
    part = client.get("/api/files/videos/v0.mp4", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert client.get("/api/files/videos/v0.mp4", headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_a_picture_is_made_once(client: TestClient, made: Made):
    for at in ("", "?at=0", "?at=1e9"):
        picture = client.get(f"/api/thumbnails/videos/v0.mp4{at}")
        assert picture.status_code == 200 and picture.content[:3] == b"\xff\xd8\xff"
    assert len(list((made.place / "thumbnails").iterdir())) == 1, "a clip of half a second has one"
    assert client.get("/api/thumbnails/videos/v0.mp4?at=-1").status_code == 422


def test_files_and_pictures_do_not_read_the_manifest(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
):
    def fail() -> Any:
        raise AssertionError("the manifest is read")

    monkeypatch.setattr(library.searcher.store, "manifest", fail)
    for route in ("files", "thumbnails", "videos"):
        assert client.get(f"/api/{route}/videos/v0.mp4").status_code == 200
    assert client.get("/video", params={"id": "videos/v0.mp4"}).status_code == 200


@pytest.mark.parametrize("route", ["files", "thumbnails", "videos", "like"])
@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "videos/../../../etc/passwd",
        "videos/%2e%2e/%2e%2e/secret.mp4",
        "/etc/passwd",
        "nothing",
        "a\x00b",
    ],
)
def test_nothing_outside_is_given_out(client: TestClient, route: str, name: str):
    assert client.get(f"/api/{route}/{quote(name, safe='%/')}").status_code in (404, 422)


@pytest.mark.slow
def test_a_link_out_of_the_folder_is_not_followed(client: TestClient, made: Made, tmp_path: Path, library: Library):
    secret = write_clip(tmp_path / "secret.mp4", 3)
    path, kept = made.videos / "v5.mp4", made.videos / "v5.kept"
    path.rename(kept)
    try:
        path.symlink_to(secret)
        assert client.get("/api/files/videos/v5.mp4").status_code == 404
        path.unlink()
        assert client.get("/api/videos/videos/v5.mp4").json()["there"] is False, "gone, and said so"
        assert [result["id"] for result in client.get("/api/missing").json()] == ["videos/v5.mp4"]
        assert "file is gone" in client.get("/", params={"q": "a"}).text
        assert "v5.mp4" in client.get("/missing").text
        assert client.delete("/api/videos/videos/v5.mp4").status_code == 204
        assert client.get("/api/missing").json() == []
    finally:
        path.unlink(missing_ok=True)
        kept.rename(path)


def test_a_link_out_of_the_folder_is_followed_to_what_was_indexed(client: TestClient, made: Made, tmp_path: Path):
    path = made.videos / "v5.mp4"
    content, moved = path.read_bytes(), path.rename(tmp_path / "moved.mp4")
    try:
        path.symlink_to(moved)
        assert client.get("/api/files/videos/v5.mp4").content == content
        path.unlink()
        path.symlink_to(path)
        assert client.get("/api/files/videos/v5.mp4").status_code == 404
    finally:
        path.unlink(missing_ok=True)
        moved.rename(path)


def test_a_file_in_a_form_is_taken_by_the_api_too(client: TestClient, tmp_path: Path):
    clip = write_clip(tmp_path / "new.mp4", 78).read_bytes()
    sent = client.post("/api/uploads", files={"file": ("new clip.mp4", clip, "video/mp4")})
    assert (sent.status_code, sent.json()["video"]) == (202, "uploads/new clip.mp4")
    wait_for(client, sent.json())
    assert client.get("/api/files/uploads/new clip.mp4").content == clip
    assert "name=clip.mp4" in client.post("/api/uploads", content=clip).json()["mend"]


@pytest.mark.slow
def test_an_upload_is_indexed_and_can_be_removed_with_its_file(client: TestClient, made: Made, tmp_path: Path):
    clip = write_clip(tmp_path / "new.mp4", 77).read_bytes()
    sent = client.post("/api/uploads", params={"name": "../../my clip;.MP4"}, content=clip)
    assert sent.status_code == 202
    job = wait_for(client, sent.json())
    assert (job["state"], job["video"]) == ("done", "uploads/my clip_.mp4")
    assert client.get(f"/api/files/{job['video']}").content == clip
    again = client.post("/upload", files={"file": ("my clip;.mp4", clip)})
    assert again.status_code == 303
    wait_for(client, client.get(f"/api/uploads/{again.headers['location'].rpartition('/')[2]}").json())
    assert client.get("/api/health/ready").json()["videos"] == 9
    assert "my clip_.mp4" in client.get("/").text
    assert client.delete(f"/api/videos/{job['video']}").status_code == 204
    assert client.get("/api/health/ready").json()["videos"] == 8
    start = client.get("/").text
    assert "my clip_-2.mp4" in start and "my clip_.mp4" not in start
    assert [path.name for path in (made.place / "uploads").iterdir()] == ["my clip_-2.mp4"]


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("text.mp4", b"this is no video " * 50, 422),
        ("page.mp4", b"<!doctype html><html></html>", 422),
        ("empty.mp4", b"", 422),
        ("run.exe", b"MZ", 422),
        ("large.mp4", b"0" * (2**20 + 1), 413),
        ("", b"x", 422),
    ],
)
def test_what_is_no_video_is_refused_and_leaves_nothing(
    client: TestClient, made: Made, name: str, content: bytes, status: int
):
    sent = client.post("/api/uploads", params={"name": name}, content=content)
    assert sent.status_code == status, sent.text
    assert str(made.place) not in problem_of(sent), "no path of the server"
    assert not list(made.place.glob("uploads/*"))

    def chunks() -> Any:
        yield content

    assert client.post("/api/uploads", params={"name": name}, content=chunks()).status_code == status


def test_names_are_shown_as_text(client: TestClient):
    for page in ("/", "/?q=moves", "/video?id=" + quote("videos/" + SCRIPT), "/like?video=videos/v1.mp4"):
        text = client.get(page).text
        assert "<script>alert" not in text and "&lt;script&gt;alert" in text
    assert client.get("/api/files/" + quote("videos/" + SCRIPT)).status_code == 200


def test_headers_keep_a_page_to_itself(client: TestClient):
    for path in ("/", "/api/tags", "/nowhere", "/static/page.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"] and "unsafe" not in str(headers)
        assert headers["x-content-type-options"] == "nosniff"


def test_other_names_and_other_sites_are_refused(client: TestClient):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.delete("/api/videos/videos/v1.mp4", headers=headers)
        assert answer.status_code == 403 and "another site" in problem_of(answer)
    assert client.get("/api/videos/videos/v1.mp4").status_code == 200


def test_a_token_opens_what_is_closed(serve: Serve):
    client = serve(token="secret")
    assert client.get("/api/health/live").status_code == 200
    assert client.get("/api/tags").status_code == 401 and client.get("/metrics").status_code == 401
    assert client.get("/api/tags", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/api/tags", headers={"Authorization": "Bearer secret"}).status_code == 200
    assert client.get("/", headers={"Accept": "text/html"}).headers["location"] == "/login"
    assert client.post("/login", data={"shown": "wrong"}).status_code == 401
    logged = client.post("/login", data={"shown": "secret"})
    cookie = logged.headers["set-cookie"].lower()
    assert logged.status_code == 303 and "httponly" in cookie and "samesite=strict" in cookie
    assert client.get("/").status_code == 200, "the cookie is sent back"


def test_tokens_cannot_be_guessed_for_long(serve: Serve):
    client = serve(token="secret", rate=None)
    wrong, right = ({"Authorization": f"Bearer {token}"} for token in ("wrong", "secret"))
    assert [client.get("/api/tags", headers=right).status_code for _ in range(30)] == [200] * 30, "no guess"
    assert [client.get("/api/tags", headers=wrong).status_code for _ in range(21)] == [401] * 20 + [429]
    assert client.get("/api/tags", headers=right).status_code == 429, "not even told which is right"
    logins = [client.post("/login", data={"shown": "wrong"}).status_code for _ in range(21)]
    assert logins == [401] * 20 + [429]
    assert client.post("/login", data={"shown": "secret"}).status_code == 429


def test_too_many_requests_have_to_wait(serve: Serve):
    client = serve(rate=rate_of("3/minute"))
    assert [client.get("/api/tags").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert int(client.get("/api/tags").headers["retry-after"]) > 0
    assert client.get("/api/health/live").status_code == 200


def test_a_store_that_is_down_is_said_and_asked_again(
    client: TestClient, library: Library, monkeypatch: pytest.MonkeyPatch
):
    def down(*_: Any, **__: Any) -> Any:
        raise Unavailable("the store cannot be used (down)", "try again")

    with monkeypatch.context() as patched:
        for name in ("state", "versions", "count", "get", "catalog"):
            patched.setattr(library.searcher.store, name, down)
        for path in ("/api/search?text=a", "/api/health/ready", "/api/videos/videos/v1.mp4", "/?q=a", "/"):
            answer = client.get(path)
            assert answer.status_code == 503 and "down" in answer.text
        assert client.get("/api/health/live").status_code == 200
        assert "teachtext_store_up 0.0" in client.get("/metrics").text
    assert client.get("/api/search?text=a").status_code == 200


def test_measures_are_counted_by_route(client: TestClient):
    for number in range(3):
        client.get(f"/api/videos/videos/v{number}.mp4")
    text = client.get("/metrics").text
    assert 'teachtext_requests_total{method="GET",route="/api/videos/{video:path}",status="200"} 3.0' in text
    assert "teachtext_videos 7.0" in text


@pytest.mark.slow
def test_every_answer_to_a_fuzzed_request_is_one_that_is_documented(serve: Serve):
    """With a token, as a service is run. Refusals are a problem and its mend."""
    schemathesis = pytest.importorskip("schemathesis")
    client = serve(token="secret")
    document = client.get("/api/openapi.json", headers={"Authorization": "Bearer secret"}).json()
    schema = schemathesis.openapi.from_dict(document)
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) == sum(len(methods) for methods in document["paths"].values()) >= 14
    for operation in operations:
        fuzz(client, operation)


def fuzz(client: TestClient, operation: Any) -> None:
    from hypothesis import HealthCheck, given, seed, settings

    documented = {int(status) for status in operation.definition.raw["responses"]}

    @seed(0)
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        arguments = case.as_transport_kwargs(base_url="http://127.0.0.1")
        # instead of a token that the strategy has made up
        headers = {**dict(arguments.pop("headers", None) or {}), "Authorization": "Bearer secret"}
        answer = client.request(**arguments, headers=headers)
        assert answer.status_code < 500 and answer.status_code in documented, (case, answer.text)
        if answer.status_code >= 400:
            assert problem_of(answer)
        anonymous = client.request(**arguments, headers={"Authorization": ""})
        assert anonymous.status_code == (200 if operation.path == "/api/health/live" else 401), (case, anonymous.text)

    ask()


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/api/search?text=a&tag=fun", "tag"),
        ("/api/search?text=a&k=5", "k"),
        ("/api/like/videos/v1.mp4?limit=3", "limit"),
        ("/api/thumbnails/videos/v1.mp4?time=3", "time"),
        ("/api/tags?text=a", "text"),
    ],
)
def test_a_parameter_that_does_not_exist_is_named(client: TestClient, address: str, name: str):
    answer = client.get(address)
    assert answer.status_code == 422 and answer.json()["problem"] == f"the address has the parameter '{name}'"


@pytest.mark.parametrize("header", ["bytes=5-1", "bytes=abc", "chars=0-1", "bytes=", "bytes=1", "bytes=--1", "x"])
def test_a_header_that_is_no_range_of_bytes_counts_as_none(client: TestClient, header: str):
    whole = client.get("/api/files/videos/v1.mp4")
    answer = client.get("/api/files/videos/v1.mp4", headers={"Range": header})
    assert answer.status_code == 200 and answer.content == whole.content


def test_parts_of_a_file_are_sent(client: TestClient):
    whole = client.get("/api/files/videos/v1.mp4").content
    for header, part in (("bytes=2-5", whole[2:6]), ("bytes=-3", whole[-3:]), ("bytes=7-", whole[7:])):
        answer = client.get("/api/files/videos/v1.mp4", headers={"Range": header})
        assert answer.status_code == 206 and answer.content == part
    assert client.get("/api/files/videos/v1.mp4", headers={"Range": "bytes=99999999-"}).status_code == 416


def test_liveness_answers_while_all_threads_are_busy(
    serve: Callable[..., TestClient], library: Library, monkeypatch: pytest.MonkeyPatch
):
    begun, go, overview = threading.Event(), threading.Event(), library.overview

    def slow_overview() -> Any:
        begun.set()
        go.wait(120)
        return overview()

    monkeypatch.setattr(library, "overview", slow_overview)
    client = serve(threads=1)
    with ThreadPoolExecutor(1) as pool:
        tags = pool.submit(client.get, "/api/tags")
        try:
            assert begun.wait(120)
            assert client.get("/api/health/live").status_code == 200 and not tags.done()
        finally:
            go.set()
        assert tags.result().status_code == 200
