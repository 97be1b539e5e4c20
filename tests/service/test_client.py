"""`teachtext.connect`: the same answers as from the index itself, and one clear error for each way to fail."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from clips import write_clip
from processes import PATIENCE_S
from served import Made, start

import teachtext
from teachtext.api.service import TooManyRequests
from teachtext.errors import NotFound, Unavailable
from teachtext.search.answer import SearchResult

pytestmark = [pytest.mark.server, pytest.mark.slow]
TOKEN = "a secret"


@pytest.fixture(scope="module")
def served(made_once: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a real service, and a copy of its index as it was."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("served", "local"):
        shutil.copytree(made_once.place, folder / name)
    process, address = start(folder / "served", "--token", TOKEN, "--root-path", "/videos", "--rate", "none")
    yield address, folder / "local"
    process.terminate()
    process.wait(timeout=PATIENCE_S)


@pytest.fixture
def remote(served: tuple[str, Path]) -> teachtext.Connection:
    return teachtext.connect(f"{served[0]}/videos/", TOKEN)


def facts(hits: Any) -> list[Any]:
    return [
        (
            hit.video_id,
            hit.score,
            hit.why,
            hit.is_strong,
            hit.words,
            list(hit.moments),
            hit.item.duration_s,
            hit.has_file,
        )
        for hit in hits
    ]


def test_results_are_those_of_the_index(served: tuple[str, Path], remote: teachtext.Connection):
    local = teachtext.open_index(served[1])
    for by in ("model", "words", "both"):
        for group_by in ("video", "moment"):
            for text in ("a dog runs", "v3"):
                here = local.search(text, 5, by=by, group_by=group_by)  # type: ignore[arg-type]
                there = remote.search(text, 5, by=by, group_by=group_by)  # type: ignore[arg-type]
                assert all(isinstance(hit, SearchResult) for hit in there)
                for one, other in zip(facts(here), facts(there), strict=True):
                    assert other[0] == one[0] and other[1] == pytest.approx(one[1], abs=1e-6)
                    assert other[2] == pytest.approx(one[2], abs=1e-6) and other[3:] == one[3:]
                for hit, other_hit in zip(here, there, strict=True):
                    assert [place.start_s for place in hit.places] == [place.start_s for place in other_hit.places]
                    assert other_hit.places[0].why == pytest.approx(hit.places[0].why, abs=1e-6)
                    assert str(other_hit.path) == hit.video_id and other_hit.url.endswith("mp4")
    alike = [hit.video_id for hit in local.like("videos/v1.mp4", 3)]
    assert [hit.video_id for hit in remote.similar("videos/v1.mp4", 3)] == alike
    assert [hit.video_id for hit in remote.like("videos/v1.mp4", 3)] == alike
    assert [item.id for item in remote.items] == [item.id for item in local.items] and len(remote) == len(local)
    assert remote.search("a dog", where="tag=none") == []
    best = local.search("a dog", by="model")
    kept = remote.search("a dog", by="model", least_score=best[2].score - 1e-5)
    assert [hit.video_id for hit in kept] == [hit.video_id for hit in best[:3]]


def test_heat_is_that_of_the_page(remote: teachtext.Connection):
    heat = remote.heat("videos/v1.mp4", "a dog")
    hit = next(hit for hit in remote.search("a dog", by="model") if hit.video_id == "videos/v1.mp4")
    assert heat.segments[0].score == pytest.approx(hit.score, abs=1e-6) and heat.places[0] == hit.places[0]


def test_videos_are_added_and_tagged(remote: teachtext.Connection, tmp_path: Path):
    clip = write_clip(tmp_path / "a new one.mp4", 90)
    job = remote.wait(remote.add(clip))
    assert job.state == "done" and job.video in [item.id for item in remote]
    assert remote.jobs()[0].id == job.id
    remote.tag([job.video], add=["new", "fun"], remove="a&b")
    assert {"new", "fun"} <= set(remote.tags())
    assert [hit.video_id for hit in remote.search("a dog", where=["tag=new"])] == [job.video]
    copy = remote.wait(remote.add(clip, name="copy.mp4")).video
    once = remote.search("a dog", 50)
    every = {hit.video_id: hit for hit in remote.search("a dog", 50, all_copies=True)}
    assert len(every) == len(once) + 1 and set(every[copy].copies) == {copy, job.video}
    assert len(remote.similar("videos/v1.mp4", 50, all_copies=True)) == len(remote.similar("videos/v1.mp4", 50)) + 1
    for answer in remote.rescan():
        assert remote.wait(answer).state == "done"
    with pytest.raises(teachtext.InputError, match="in no folder whose videos may be added"):
        remote.add(folder="/etc")
    with pytest.raises(teachtext.InputError, match="only addresses of http"):
        remote.add(url="file:///etc/passwd")
    with pytest.raises(teachtext.InputError, match="not exactly one"):
        remote.add()
    with pytest.raises(teachtext.InputError, match=r"none\.mp4 cannot be read"):
        remote.add(tmp_path / "none.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(teachtext.InputError, match="text"):
        remote.add(text)


def test_what_the_service_refuses_is_its_own_sentence(remote: teachtext.Connection):
    with pytest.raises(NotFound, match="holds no video"):
        remote.similar("videos/none.mp4")
    with pytest.raises(teachtext.InputError, match="the query is empty"):
        remote.search(" ")
    with pytest.raises(teachtext.InputError, match="filter 'x' is not understood"):
        remote.search("a", where="x")
    with pytest.raises(teachtext.InputError, match="choose from"):
        remote.search("a", by="everything")  # type: ignore[arg-type]
    with pytest.raises(teachtext.InputError, match="k is 0"):
        remote.search("a", k=0)


@pytest.mark.parametrize(("token", "problem"), [("wrong", "does not take this token"), (None, "wants a token")])
def test_a_wrong_token_is_said(served: tuple[str, Path], token: str | None, problem: str):
    with pytest.raises(teachtext.InputError, match=problem):
        teachtext.connect(served[0], token)


class Strange:
    """A server that answers all requests alike."""

    def __init__(self, status: int, body: str, **headers: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


PROBLEM = {"problem": "not here", "mend": "look elsewhere"}


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, "<html>", "is not a TeachText service"),
        (200, "[]", "is not a TeachText service"),
        (200, '{"service": "other", "api": [1]}', "is not a TeachText service"),
        (404, "<html>", "is not a TeachText service"),
        (404, json.dumps(PROBLEM), "not here"),
        (200, '{"service": "teachtext", "api": [2, 3]}', r"speaks version 2, 3 of the API, not version 1"),
        (500, "<html>", "answers with status 500"),
    ],
)
def test_other_services_are_told_apart(status: int, body: str, problem: str):
    with Strange(status, body) as address, pytest.raises(teachtext.InputError, match=problem):
        teachtext.connect(address)


def test_a_busy_service_says_how_long_to_wait():
    with Strange(429, json.dumps(PROBLEM), Retry_After="17") as address:
        with pytest.raises(TooManyRequests, match="try again in 17 s") as caught:
            teachtext.connect(address)
        assert caught.value.wait_s == 17


def test_no_redirect_gets_the_token():
    asked = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    other = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{other.server_port}/"
    with Strange(302, "", Location=place) as address, pytest.raises(teachtext.InputError, match="redirects to"):
        teachtext.connect(address, "secret")
    other.shutdown()
    other.server_close()
    assert asked == []


def test_nobody_and_silence_are_said():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"has not answered within 0\.2 s"):
            teachtext.connect(address, timeout=0.2)
    with pytest.raises(Unavailable, match=r"nobody answers at .*Connection refused"):
        teachtext.connect(address)
    with pytest.raises(Unavailable, match="nobody answers at"):
        teachtext.connect("http://nobody.invalid:1")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://a", "http://", "http://a b", "http://a?x=1", "http://user@a", "http://a:x", ""]
)
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(teachtext.InputError, match="is not the address of a service"):
        teachtext.connect(url)


@pytest.mark.parametrize(("token", "timeout"), [("", 1.0), ("a\nb", 1.0), ("é", 1.0), ("a", 0.0), ("a", float("nan"))])
def test_what_cannot_be_sent_is_refused(token: str, timeout: float):
    with pytest.raises(teachtext.InputError):
        teachtext.connect("http://127.0.0.1:1", token, timeout=timeout)


def test_a_client_needs_neither_torch_nor_the_packages_of_a_service():
    script = (
        "import sys, teachtext; teachtext.connect; print({'torch', 'fastapi', 'lancedb', 'av'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
