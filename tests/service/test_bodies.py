"""Bodies of requests, and the errors that requests get."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from clips import write_clip
from halves import slow
from served import Made
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from teachtext.errors import InputError
from teachtext.service.bodies import BoundedBodies, Pace, parse_json
from teachtext.service.request_schemas import CaptionsRequest
from teachtext.service.uploads import Uploads

Serve = Callable[..., TestClient]
ROUTES = ["/login", "/upload", "/remove", "/api/feedback", "/api/uploads?name=a.mp4", "/api/tags", "/", "/nowhere"]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, to be looked into."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def problem_of(answer: Any) -> str:
    problem = answer.json()
    assert set(problem) == {"problem", "mend"} and all(problem.values())
    return str(problem["problem"])


def test_no_route_takes_a_body_that_is_too_large(serve: Serve, made: Made, temporary: Path):
    client = serve(most_bytes=2**17)
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n' + b"0" * 2**21
    for route in ROUTES:
        for kind in ("multipart/form-data; boundary=b", "application/x-www-form-urlencoded", "text/plain"):
            answer = client.post(route, content=form, headers={"Content-Type": kind})
            assert answer.status_code == 413 and "larger than" in answer.text, (route, kind)
            pieces = (form[start : start + 2**14] for start in range(0, len(form), 2**14))
            answer = client.post(route, content=pieces, headers={"Content-Type": kind})
            assert answer.status_code in (404, 405, 413, 422), (route, kind)
    assert not list(temporary.iterdir()) and not list(made.place.glob("uploads/*"))
    assert not list(made.place.glob("uploads/.*"))


def test_a_form_goes_to_its_place_as_it_comes_in(serve: Serve, made: Made, temporary: Path, tmp_path: Path):
    client, clip = serve(), write_clip(tmp_path / "new.mp4", 77).read_bytes()
    fields = {"note": "x" * 1000, "other": "y"}
    sent = client.post("/upload", files={"empty": ("no ending", b""), "file": ("日本 \u202ea.mp4", clip)}, data=fields)
    assert sent.status_code == 422 and "no ending" in sent.text, "the first file is taken"
    sent = client.post("/upload", files={"file": ("日本 \u202ea.mp4", clip)}, data=fields)
    assert sent.status_code == 303
    (path,) = made.place.glob("uploads/*.mp4")
    assert path.name == "日本 _a.mp4" and path.read_bytes() == clip and not list(temporary.iterdir())


def test_the_name_of_a_file_in_a_form_may_be_percent_encoded(client: TestClient, made: Made):
    clip = client.get("/api/files/videos/v1.mp4").content
    head = b"""--b\r\nContent-Disposition: form-data; name="file"; filename*=UTF-8''%e6%97%a5.mp4\r\n\r\n"""
    empty = b'\r\n--b\r\nContent-Disposition: form-data; name="more"; filename=""\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    sent = client.post("/api/uploads", content=head + clip + empty + b"\r\n--b--\r\n", headers=kind)
    assert sent.status_code == 202 and sent.json()["video"] == "uploads/日.mp4"
    assert (made.place / "uploads/日.mp4").read_bytes() == clip


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("multipart/form-data", b"", "not a form"),
        ("multipart/form-data; boundary=" + "b" * 71, b"", "not a form"),
        ("application/json", b"{}", "not a form"),
        ("multipart/form-data; boundary=b", b"", "no file"),
        ("multipart/form-data; boundary=b", b"--b--\r\n", "no file"),
        ("multipart/form-data; boundary=b", b"nonsense" * 10, "cannot be read"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--',
            "no file",
        ),
        ("multipart/form-data; boundary=b", b"--b\r\nA: " + b"a" * 20_000, ""),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"A: a\r\n" * 5000, ""),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nxyz',
            "before its file does",
        ),
        (
            "multipart/form-data; boundary=b",
            b"".join(
                b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s.mp4"\r\n\r\nxyz\r\n' % name
                for name in (b"a", b"b", b"c")
            )
            + b"--b--\r\n",
            "form has 3 files",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(
    reader: TestClient, reader_place: Path, kind: str, body: bytes, told: str
):
    answer = reader.post("/upload", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422 and told in answer.text and "That did not work" in answer.text
    assert not list(reader_place.glob("uploads/*")) and not list(reader_place.glob("uploads/.*"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[],[]," * 10_000, 422),
        (b"[" * 100_000, 422),
        (b'{"a":' * 1000, 422),
        (b'{"video": "videos/v1.mp4", "captions": [' + b"1," * 50_000 + b"1]}", 422),
        (b"{", 400),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b'{"video": "\xff"}', 400),
        (b"nonsense", 400),
        (b'{"video": "' + b'\\"' * 100_000, 400),
        (b"1" * 100_000, 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"video": 1}', 422),
        (b'{"video": "videos/v1.mp4", "captions": ["' + b"a" * 10_001 + b'"]}', 422),
        (b'{"video": "videos/v1.mp4", "captions": ["a [dog], {here}, \\"so\\", \\\\"], "k": 1}', 200),
        (b'{"video": "videos/v1.mp4", "captions": [' + b",\n".join([b'"a, [b]"'] * 1000) + b"]}", 200),
    ],
)
def test_captions_are_read_within_bounds(reader: TestClient, body: bytes, status: int):
    answer = reader.post("/api/captions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    if status != 200:
        assert problem_of(answer)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 50_000, b"1" * 50_000, b'{"query": "q", "video": NaN}'])
def test_feedback_that_cannot_be_read_is_a_problem(reader: TestClient, body: bytes):
    answer = reader.post("/api/feedback", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422) and problem_of(answer)


def test_reading_json_takes_little_memory():
    tracemalloc = pytest.importorskip("tracemalloc")
    body = b"[]," * (5 * 2**20)
    tracemalloc.start()
    with pytest.raises(InputError, match="too many lists"):
        parse_json(CaptionsRequest, body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * len(body)


def test_nothing_is_read_before_the_token(serve: Serve):
    client = serve(token="secret")
    received: list[int] = []

    async def ask(path: str) -> int:
        statuses: list[int] = []

        async def receive() -> Message:
            received.append(1)
            return {"type": "http.request", "body": b"0" * 2**16, "more_body": True}

        async def send(message: Message) -> None:
            statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"name=a.mp4", "scheme": "http"}
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"multipart/form-data; boundary=b")]
        await client.app({**scope, "headers": headers, "client": ("192.0.2.1", 1), "server": ("x", 1)}, receive, send)
        return statuses[0]

    for path in ("/upload", "/api/uploads", "/api/captions", "/api/feedback", "/remove"):
        assert anyio.run(ask, path) == 401 and not received
    assert anyio.run(ask, "/login") == 413 and len(received) == 1


@pytest.mark.parametrize("gap_s", [0.02, 3600.0])
def test_a_body_that_comes_too_slowly_is_refused(gap_s: float):
    """Either nothing comes for too long, or one byte after the other."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        raise AssertionError("the body never ends")

    statuses: list[int] = []

    async def receive() -> Message:
        await anyio.sleep(gap_s)
        return {"type": "http.request", "body": b"0", "more_body": True}

    async def send(message: Message) -> None:
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    bounded = BoundedBodies(
        app,
        refuse=lambda request, error: JSONResponse({"problem": error.problem}, 408),
        most_bytes={},
        pace=Pace(silence_s=0.2, bytes_per_s=1000.0),
    )
    anyio.run(bounded, {"type": "http", "path": "/", "headers": []}, receive, send)
    assert statuses == [408]


def test_waiting_for_the_end_of_a_connection_has_no_limit():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"

    messages = iter([(0.0, {"type": "http.request"}), (0.3, {"type": "http.disconnect"})])

    async def receive() -> Message:
        wait_s, message = next(messages)
        await anyio.sleep(wait_s)
        return message

    async def send(message: Message) -> None:
        assert message["status"] == 200

    def refuse(*_: Any) -> Any:
        raise AssertionError

    bounded = BoundedBodies(app, refuse=refuse, most_bytes={}, pace=Pace(silence_s=0.1))
    anyio.run(bounded, {"type": "http", "path": "/", "headers": []}, receive, send)


LONG = "犬" * 90


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("..\\..\\x.mp4", "x.mp4"),
        ("a" * 1001 + ".mp4", None),
        (".mp4", None),
        ("/", None),
        *slow(
            [
                (f"{LONG}.mp4", f"{LONG[:60]}.mp4"),
                ("a" * 300 + ".mp4", "a" * 180 + ".mp4"),
                ("हिन्दी वीडियो.mp4", "हिन्दी वीडियो.mp4"),
                ("วิดีโอ.MP4", "วิดีโอ.mp4"),
                ("cafe\u0301.mp4", "caf\u00e9.mp4"),
                ("😀.mp4", "_.mp4"),
                ("a\x00b\n.mp4", "a_b_.mp4"),
                (".mp4.mp4", "mp4.mp4"),
                ("\ud800.mp4".encode("utf-8", "surrogatepass"), None),
            ]
        ),
    ],
)
def test_names_of_any_length_and_script(client: TestClient, made: Made, tmp_path: Path, name: Any, kept: str | None):
    clip = write_clip(tmp_path / "new.mp4", 7).read_bytes()
    sent = client.post("/api/uploads", params={"name": name}, content=clip)
    assert sent.status_code in (202, 422), sent.text
    if sent.status_code == 422:
        assert problem_of(sent) and kept is None
    else:
        assert kept is None or sent.json()["video"] == f"uploads/{kept}"
    form = client.post("/upload", files={"file": (name if isinstance(name, str) else "x.mp4", clip)})
    assert form.status_code in (303, 422), form.text


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a" + b"\0" * 500,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>' * 9,
        b"ffconcat version 1.0\nfile 'v1.mp4'\n" * 9,
        b"#EXTM3U\n#EXTINF:1,\nv1.mp4\n" * 9,
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 9 RTP/AVP 96\r\n",
        b"<?xml version='1.0'?><MPD></MPD>" * 9,
    ],
)
def test_pictures_and_lists_are_no_videos(reader: TestClient, reader_place: Path, content: bytes):
    uploads = reader_place / "uploads"
    uploads.mkdir(exist_ok=True)
    write_clip(uploads / "v1.mp4", 3)
    try:
        answer = reader.post("/api/uploads", params={"name": "a.mp4"}, content=content)
        assert answer.status_code == 422 and problem_of(answer).startswith("'a.mp4' is ")
        assert [path.name for path in uploads.iterdir()] == ["v1.mp4"]
    finally:
        shutil.rmtree(uploads)


def test_real_pictures_are_no_videos(client: TestClient, tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    for kind in ("GIF", "PNG", "JPEG", "WEBP", "BMP", "TIFF"):
        image.new("RGB", (64, 64)).save(tmp_path / "picture", kind)
        content = (tmp_path / "picture").read_bytes()
        answer = client.post("/api/uploads", params={"name": "a.mp4"}, content=content)
        assert answer.status_code == 422 and "is a picture, not a video" in problem_of(answer), kind


def test_all_uploads_together_are_bounded(library: Any, made: Made, tmp_path: Path):
    clip = write_clip(tmp_path / "new.mp4", 7).read_bytes()
    uploads = Uploads(library=library, most_bytes=2**20, most_total_bytes=2.5 * len(clip))

    async def pieces() -> Any:
        for start in range(0, len(clip), 1000):
            yield clip[start : start + 1000]

    for _ in range(2):
        anyio.run(uploads.receive, "a.mp4", pieces())
    with pytest.raises(InputError, match="all uploads together"):
        anyio.run(uploads.receive, "a.mp4", pieces())
    assert len(list((made.place / "uploads").iterdir())) == 2
    (made.place / "uploads" / "a.mp4").unlink()
    anyio.run(uploads.receive, "a.mp4", pieces())


@pytest.mark.slow
def test_what_people_send_and_ask_is_private(serve: Serve, made: Made, tmp_path: Path):
    from teachtext.service.querylog import QueryLog

    before = os.umask(0)
    try:
        client = serve(log=QueryLog(tmp_path / "log.jsonl"))
        client.get("/api/search", params={"text": "a dog"})
        client.post("/api/uploads", params={"name": "a.mp4"}, content=write_clip(tmp_path / "new.mp4", 7).read_bytes())
    finally:
        os.umask(before)
    for path, mode in [
        (tmp_path / "log.jsonl", 0o600),
        (made.place / "uploads", 0o700),
        (made.place / "uploads/a.mp4", 0o600),
    ]:
        assert path.stat().st_mode & 0o777 == mode, path


@pytest.mark.slow
def test_methods_are_counted_in_few_series(client: TestClient):
    for number in range(200):
        client.request(f"METHOD{number}" + "X" * 1000, "/api/tags")
        client.request(f"METHOD{number}", "/", headers={"Host": "evil.example"})
    text = client.get("/metrics").text
    assert "METHOD" not in text and len(text) < 20_000
    assert 'teachtext_requests_total{method="other",route="none",status="421"} 200.0' in text
