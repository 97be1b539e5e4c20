"""Errors leave the service as a problem and its mend, without a path of the server."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import Made
from starlette.testclient import TestClient
from starlette.types import Message

from teachtext.errors import InputError, NotFound, Unavailable
from teachtext.service.indexing_queue import IndexingJob, IndexingQueue
from teachtext.service.problems import ServerPaths
from teachtext.service.state import Library
from teachtext.service.uploads import Uploads

Serve = Callable[..., TestClient]
LANCE = "lance error: not found: /root/.cargo/registry/src/index-1949/lance-io-0.40/src/local.rs:112:31"
VIDEO = "videos/v1.mp4"
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/search?text=a", {}),
    ("GET", f"/api/like/{VIDEO}", {}),
    ("POST", "/api/captions", {"json": {"video": VIDEO, "captions": ["a"]}}),
    ("GET", "/api/tags", {}),
    ("GET", "/api/missing", {}),
    ("GET", f"/api/videos/{VIDEO}", {}),
    ("DELETE", f"/api/videos/{VIDEO}", {}),
    ("GET", f"/api/thumbnails/{VIDEO}", {}),
    ("GET", f"/api/files/{VIDEO}", {}),
    ("GET", "/api/v1/videos", {}),
    ("POST", "/api/v1/searches", {"json": {"searches": [{"text": "a"}]}}),
    ("POST", "/api/v1/embeddings", {"json": {"texts": ["a"]}}),
    ("PATCH", f"/api/v1/tags/{VIDEO}", {"json": {"add": ["a"]}}),
    ("GET", "/api/v1/jobs", {}),
    ("GET", f"/api/v1/playback/{VIDEO}", {}),
    ("GET", f"/api/v1/videos/{VIDEO}/heat?text=a", {}),
    ("GET", f"/api/v1/playback-files/{VIDEO}", {}),
    ("POST", "/api/uploads?name=a.mp4", {"content": b"x"}),
    ("GET", "/api/uploads/job", {}),
    ("POST", "/api/feedback", {"json": {"query": "q", "video": "v"}}),
    ("GET", "/api/health/live", {}),
    ("GET", "/api/health/ready", {}),
    ("GET", "/metrics", {}),
    ("GET", "/", {}),
    ("GET", "/?q=a", {}),
    ("GET", f"/like?video={VIDEO}", {}),
    ("GET", f"/video?id={VIDEO}", {}),
    ("POST", "/remove", {"data": {"id": VIDEO}}),
    ("GET", "/missing", {}),
    ("GET", "/upload", {}),
    ("POST", "/upload", {"files": {"file": ("a.mp4", b"x")}}),
    ("GET", "/upload/job", {}),
    ("GET", "/login", {}),
    ("POST", "/login", {"data": {"shown": "x"}}),
    ("POST", "/logout", {}),
]


def failing(monkeypatch: pytest.MonkeyPatch, library: Library, client: TestClient, error: Exception) -> None:
    """Let every part on which the routes stand raise an error."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    async def fail_later(*_: Any, **__: Any) -> Any:
        raise error

    for name in ("search", "like", "snapshot", "entry", "embed_captions", "rank_captions"):
        monkeypatch.setattr(library.searcher, name, fail)
    for name in ("count", "overview", "file", "has_file", "thumbnail", "missing", "remove", "was_uploaded"):
        monkeypatch.setattr(library, name, fail)
    monkeypatch.setattr(Uploads, "receive", fail_later)
    monkeypatch.setattr(IndexingQueue, "job", fail)


@pytest.mark.slow
def test_the_requests_reach_every_route(serve: Serve):
    from starlette.routing import Match, Route

    client = serve()
    routes = [route for route in client.app.routes if isinstance(route, Route)]  # type: ignore[attr-defined]
    asked = set()
    for method, path, _ in REQUESTS:
        scope = {"type": "http", "method": method, "path": path.partition("?")[0], "root_path": "", "headers": []}
        asked |= {(method, route.path) for route in routes if route.matches(scope)[0] is Match.FULL}
    everything = {
        (method, route.path) for route in routes for method in route.methods or () if method not in ("HEAD", "OPTIONS")
    }
    assert everything - asked == {("GET", "/api/openapi.json")}


@pytest.mark.parametrize("kind", [InputError, NotFound, Unavailable, OSError, RuntimeError])
def test_no_answer_names_a_path_of_the_server(
    serve: Serve, library: Library, made: Made, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
):
    client = serve()
    where = f"{made.place}/uploads/a.mp4 could not be written, nor {made.videos}/v1.mp4 ({LANCE})"
    error = kind(where, f"look into {made.place}") if issubclass(kind, InputError) else kind(where)
    failing(monkeypatch, library, client, error)
    statuses = set()
    for method, path, more in REQUESTS:
        answer = client.request(method, path, **more)
        statuses.add(answer.status_code)
        for hidden in (str(made.place), str(made.videos), "/root/", ".cargo", "/tmp/"):
            assert hidden not in answer.text and hidden not in str(answer.headers), (method, path, answer.text)
        assert "Traceback" not in answer.text
        if answer.status_code >= 400 and path.startswith("/api/"):
            assert set(answer.json()) == {"problem", "mend"} and all(answer.json().values())
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert statuses & {404, 422, 500, 503}


@pytest.mark.slow
def test_a_failed_upload_names_no_path(serve: Serve, library: Library, made: Made):
    client = serve()
    job = IndexingJob("1", "uploads/a.mp4", "failed", problem=f"{made.place}/uploads/a.mp4 is broken ({LANCE})")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(IndexingQueue, "job", lambda self, job_id: job)
        for path in ("/api/uploads/1", "/upload/1"):
            text = client.get(path).text
            assert "a.mp4 is broken" in text and str(made.place) not in text and "/root" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/my index/uploads/a b.mp4 is gone", "a b.mp4 is gone"),
        ("another process is at work in /srv/my index", "another process is at work in my index"),
        ("/srv/my index2/x.mp4", "my index2/x.mp4"),
        ("'/root/x/y.rs:3': no", "'y.rs:3': no"),
        ("file:/etc/a/passwd and file:///etc/a/passwd", "passwd and passwd"),
        ("cannot write (/var/lib/x/)", "cannot write (a folder)"),
        ("see http://host/a/b/c or /api/openapi.json", "see http://host/a/b/c or /api/openapi.json"),
        ("write 600/minute, 10/second or none", "write 600/minute, 10/second or none"),
        ("videos/sub/a.mp4 of 3/4", "videos/sub/a.mp4 of 3/4"),
        ("log in at /login", "log in at /login"),
    ],
)
def test_of_a_path_the_name_stays(text: str, shown: str):
    assert ServerPaths([Path("/srv/my index"), Path("/srv/my index/uploads")]).hidden(text) == shown


@given(st.lists(st.text(st.characters(exclude_characters="/", exclude_categories=["Z", "C"]), min_size=1), min_size=1))
def test_a_folder_that_is_known_is_hidden_whatever_its_name(names: list[str]):
    folder = Path("/srv", *(name for name in names if name not in (".", "..")), "end")
    assert str(folder) not in ServerPaths([folder]).hidden(f"{folder}/a.mp4 and {folder}, '{folder}': no")


@pytest.mark.parametrize(("path", "status"), [("/api/nowhere", 404), ("/nowhere", 404), ("/static/nowhere", 404)])
def test_an_address_that_leads_nowhere_is_a_problem(serve: Serve, path: str, status: int):
    client = serve()
    answer = client.get(path)
    assert answer.status_code == status
    if path.startswith("/api"):
        assert set(answer.json()) == {"problem", "mend"}
        refused = client.put("/api/tags")
        assert refused.status_code == 405 and set(refused.json()) == {"problem", "mend"} and refused.headers["allow"]
    else:
        assert "That did not work" in answer.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/api/uploads", "application/octet-stream"), ("/upload", "multipart/form-data; boundary=b")],
)
def test_a_client_that_leaves_costs_one_line_in_the_log(
    serve: Serve, made: Made, caplog: pytest.LogCaptureFixture, path: str, kind: str
):
    client = serve()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    messages = iter(
        [{"type": "http.request", "body": head + b"0" * 1000, "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"name=a.mp4", "scheme": "http"}
    headers = [(b"host", b"127.0.0.1"), (b"content-type", kind.encode())]
    with caplog.at_level(logging.INFO, logger="teachtext"):
        anyio.run(client.app, {**scope, "headers": headers, "client": ("192.0.2.1", 1)}, receive, send)
    told = [record for record in caplog.records if record.name.startswith("teachtext")]
    assert [record.getMessage() for record in told] == [f"a client left while its request came in: POST {path}"]
    assert told[0].exc_info is None
    assert not list(made.place.glob("uploads/*")) and not list(made.place.glob("uploads/.*"))
